//! The rules of the engine, one by one.

use super::*;
use crate::id::{AccountId, GrantId, MemberId, TenantId, UserId};
use crate::time::Timestamp;

const T: TenantId = TenantId::from_u128(1);
const U: TenantId = TenantId::from_u128(2);
const A: AccountId = AccountId::from_u128(3);
const B: AccountId = AccountId::from_u128(4);

fn at(second: u32) -> Timestamp {
    format!("2026-01-01T00:00:{second:02}Z").parse().unwrap()
}

fn engine() -> Engine {
    let names = [
        "platform.tenants.create",
        "tenant.accounts.read",
        "tenant.accounts.update",
        "tenant.accounts.delete",
        "tenant.members.read",
        "tenant.manage",
        "tenant.files.read",
        "tenant.files.write",
        "account.files.read",
        "account.profile.update",
    ];
    let catalogue =
        names.iter().fold(Catalogue::new("1"), |list, name| list.with(PermissionEntry::new(*name, "")));
    let catalogue = catalogue
        .with(PermissionEntry::new("tenant.reports.export", "").with_feature("reports"))
        .with_alias("files:read", "{tier}.files.read")
        .with_alias("admin", "*");
    let roles = vec![
        Role::new("tenant_admin").allow(["tenant.*"]).inherit(["account_owner"]),
        Role::new("account_owner").allow(["account.*", "tenant.accounts.update"]),
        Role::new("reader").allow(["tenant.*.read"]),
        Role::new("careful").allow(["tenant.accounts.*"]).except(["tenant.accounts.delete"]),
        // Last, so that what else is held at the platform is seen before it.
        Role::new("super_admin").allow(["*"]),
    ];
    Engine::build(catalogue, roles).unwrap()
}

fn roles(items: &[(&str, Scope)]) -> Principal {
    let assignments = items.iter().map(|(role, scope)| Assignment::new(*role, *scope)).collect();
    Principal { assignments, ..Principal::default() }
}

fn reason(engine: &Engine, facts: &Principal, permission: &str, scope: Scope) -> Reason {
    let set = engine.compile(facts);
    let explanation = set.explain(permission, &scope, at(30));
    assert_eq!(explanation.allowed(), set.check(permission, &scope, at(30)), "{explanation:?}");
    assert!(!explanation.message.is_empty());
    explanation.reason
}

#[test]
fn a_role_holds_at_its_scope_and_below_and_never_flows_up() {
    let engine = engine();
    let facts = roles(&[("tenant_admin", Scope::tenant(T))]);
    let ask = |permission: &str, scope| reason(&engine, &facts, permission, scope);
    assert_eq!(ask("tenant.accounts.read", Scope::tenant(T)), Reason::Allowed);
    assert_eq!(ask("tenant.accounts.read", Scope::account(T, A)), Reason::Allowed);
    assert_eq!(ask("tenant.accounts.read", Scope::member(T, None, MemberId::from_u128(9))), Reason::Allowed);
    assert_eq!(ask("tenant.accounts.read", Scope::platform()), Reason::NoAssignment);
    assert_eq!(ask("tenant.accounts.read", Scope::tenant(U)), Reason::NoAssignment);
    // The same account id under another tenant is another account.
    assert_eq!(ask("tenant.accounts.read", Scope::account(U, A)), Reason::NoAssignment);
    assert_eq!(ask("platform.tenants.create", Scope::tenant(T)), Reason::NoGrant);
    assert_eq!(ask("tenant.accounts.rename", Scope::tenant(T)), Reason::UnknownPermission);
    assert_eq!(ask("tenant.*", Scope::tenant(T)), Reason::UnknownPermission);
}

#[test]
fn tiers_are_crossed_by_inheritance_and_the_path_is_shown() {
    let engine = engine();
    let set = engine.compile(&roles(&[("tenant_admin", Scope::tenant(T))]));
    let fact = set.explain("account.profile.update", &Scope::account(T, A), at(0)).fact.unwrap();
    assert_eq!(fact.roles, ["tenant_admin", "account_owner"]);
    assert_eq!(fact.pattern, "account.*");
    let reader = roles(&[("reader", Scope::tenant(T))]);
    assert_eq!(reason(&engine, &reader, "account.files.read", Scope::tenant(T)), Reason::NoGrant);
}

#[test]
fn a_deny_beats_every_allow_below_it() {
    let engine = engine();
    let mut facts = roles(&[("tenant_admin", Scope::tenant(T))]);
    let who = UserId::from_u128(7);
    let mut deny = Grant::deny("tenant.accounts.*", Scope::tenant(T));
    (deny.id, deny.granted_by) = (Some(GrantId::from_u128(5)), Some(who));
    facts.grants = vec![deny, Grant::allow("tenant.accounts.read", Scope::account(T, A))];
    assert_eq!(reason(&engine, &facts, "tenant.accounts.read", Scope::account(T, A)), Reason::Denied);
    assert_eq!(reason(&engine, &facts, "tenant.manage", Scope::account(T, A)), Reason::Allowed);
    let fact = engine.compile(&facts).explain("tenant.accounts.read", &Scope::tenant(T), at(0)).fact.unwrap();
    assert_eq!((fact.grant, fact.granted_by), (Some(GrantId::from_u128(5)), Some(who)));
}

#[test]
fn the_super_admin_is_bound_only_by_denies_at_the_platform() {
    let engine = engine();
    let mut facts = roles(&[("super_admin", Scope::platform())]);
    facts.home = Some(T);
    facts.guardrails = vec![Guardrail::new("*", Scope::tenant(U))];
    facts.suspended = vec![Scope::tenant(U)];
    let set = engine.compile(&facts);
    assert!(set.check("tenant.reports.export", &Scope::tenant(U), at(0)));
    assert_eq!(
        set.decide("tenant.manage", &Scope::tenant(T), at(0)),
        Decision { allowed: true, audited: false }
    );
    assert_eq!(
        set.decide("tenant.manage", &Scope::tenant(U), at(0)),
        Decision { allowed: true, audited: true }
    );
    assert!(set.decide("tenant.manage", &Scope::platform(), at(0)).audited);
    facts.guardrails.push(Guardrail::new("tenant.manage", Scope::platform()));
    assert_eq!(reason(&engine, &facts, "tenant.manage", Scope::tenant(T)), Reason::Denied);
    // `*` held at a tenant is no super admin.
    let mut local = roles(&[("super_admin", Scope::tenant(U))]);
    local.suspended = vec![Scope::tenant(U)];
    assert_eq!(reason(&engine, &local, "tenant.manage", Scope::tenant(U)), Reason::Suspended);
}

#[test]
fn a_super_admin_is_audited_whatever_else_is_held() {
    let engine = engine();
    let (first, second) = (("tenant_admin", Scope::platform()), ("super_admin", Scope::platform()));
    let third = ("tenant_admin", Scope::tenant(T));
    for items in [[first, second, third], [third, second, first], [third, first, second]] {
        let set = engine.compile(&roles(&items));
        assert!(set.decide("tenant.manage", &Scope::tenant(T), at(0)).audited);
        assert!(set.explain("tenant.manage", &Scope::tenant(T), at(0)).audited);
    }
    assert!(
        !engine.compile(&roles(&[first, third])).decide("tenant.manage", &Scope::tenant(T), at(0)).audited
    );
}

#[test]
fn no_tenant_makes_or_binds_a_super_admin() {
    let base = engine();
    let change =
        |role: &str, kind| Override { role: role.into(), tenant: T, kind, patterns: vec!["*".into()] };
    let rules = vec![change("super_admin", OverrideKind::Restrict), change("reader", OverrideKind::Extend)];
    let engine = base.with_tenants([base.tenant_rules(T, vec![], &rules)]);
    let admin = engine.compile(&roles(&[("super_admin", Scope::platform())]));
    assert!(admin.check("tenant.manage", &Scope::tenant(T), at(0)));
    let mut facts = roles(&[("reader", Scope::platform())]);
    assert!(engine.compile(&facts).check("tenant.manage", &Scope::tenant(T), at(0)));
    facts.grants = vec![Grant::deny("tenant.manage", Scope::tenant(T))];
    assert_eq!(reason(&engine, &facts, "tenant.manage", Scope::tenant(T)), Reason::Denied);
}

#[test]
fn starts_and_ends_are_decided_at_the_moment_of_the_check() {
    let engine = engine();
    let mut facts = roles(&[("reader", Scope::tenant(T))]);
    (facts.assignments[0].starts_at, facts.assignments[0].ends_at) = (Some(at(10)), Some(at(20)));
    let set = engine.compile(&facts);
    let ask = |second| set.explain("tenant.accounts.read", &Scope::tenant(T), at(second)).reason;
    let answers = [9, 10, 19, 20].map(ask);
    assert_eq!(answers, [Reason::NotYet, Reason::Allowed, Reason::Allowed, Reason::Expired]);
    assert_eq!([0, 10, 20].map(|s| set.next_change(at(s))), [Some(at(10)), Some(at(20)), None]);
}

#[test]
fn an_override_holds_where_the_target_is_and_never_elsewhere() {
    let base = engine();
    let change = |kind, patterns: &[&str]| Override {
        role: "reader".into(),
        tenant: T,
        kind,
        patterns: patterns.iter().map(|text| (*text).to_owned()).collect(),
    };
    let rules = vec![
        change(OverrideKind::Extend, &["tenant.manage", "tenant.files.write"]),
        change(OverrideKind::Restrict, &["tenant.members.*", "tenant.files.write"]),
    ];
    let engine = base.with_tenants([base.tenant_rules(T, vec![], &rules)]);
    let facts = roles(&[("reader", Scope::platform())]);
    let ask = |permission: &str, scope| reason(&engine, &facts, permission, scope);
    assert_eq!(ask("tenant.manage", Scope::account(T, A)), Reason::Allowed);
    assert_eq!(ask("tenant.manage", Scope::tenant(U)), Reason::NoGrant);
    assert_eq!(ask("tenant.members.read", Scope::tenant(T)), Reason::RemovedByOverride);
    assert_eq!(ask("tenant.members.read", Scope::tenant(U)), Reason::Allowed);
    assert_eq!(ask("tenant.files.write", Scope::tenant(T)), Reason::NoGrant);
    // The engine as it was is unchanged.
    assert_eq!(reason(&base, &facts, "tenant.members.read", Scope::tenant(T)), Reason::Allowed);
    let replaced = base.tenant_rules(T, vec![], &[change(OverrideKind::Replace, &["tenant.manage"])]);
    let engine = base.with_tenants([replaced]);
    assert_eq!(reason(&engine, &facts, "tenant.accounts.read", Scope::tenant(T)), Reason::RemovedByOverride);
}

#[test]
fn a_custom_role_lives_in_its_tenant() {
    let base = engine();
    let custom = Role::new("port_clerk").allow(["tenant.files.*"]).inherit(["reader"]);
    let rules = base.tenant_rules(T, vec![custom], &[]);
    assert!(rules.problems().is_empty());
    let engine = base.with_tenants([rules]);
    let facts = roles(&[("port_clerk", Scope::tenant(T)), ("port_clerk", Scope::tenant(U))]);
    assert_eq!(reason(&engine, &facts, "tenant.files.write", Scope::tenant(T)), Reason::Allowed);
    assert_eq!(reason(&engine, &facts, "tenant.accounts.read", Scope::tenant(T)), Reason::Allowed);
    assert_eq!(reason(&engine, &facts, "tenant.accounts.read", Scope::tenant(U)), Reason::NoAssignment);
    assert!(engine.compile(&facts).is_faulty());
    assert_eq!(engine.inspect(&facts)[0].field, "assignments[1].role");
    // A custom role cannot take the key of a system role.
    let taken = base.tenant_rules(T, vec![Role::new("reader").allow(["*"])], &[]);
    assert_eq!(taken.problems()[0].code, "duplicate_role");
    let engine = base.with_tenants([taken]);
    let facts = roles(&[("reader", Scope::tenant(T))]);
    assert_eq!(reason(&engine, &facts, "tenant.manage", Scope::tenant(T)), Reason::NoGrant);
}

#[test]
fn stored_rules_that_cannot_be_read_give_nothing() {
    let base = engine();
    let roles_stored = vec![
        Role::new("half").allow(["tenant.manage", "tenant.acc*"]),
        Role::new("unclear").allow(["tenant.*"]).except(["tenant.acc*"]),
        Role::new("one").inherit(["two"]).allow(["tenant.*"]),
        Role::new("two").inherit(["one"]),
    ];
    let rules = base.tenant_rules(T, roles_stored, &[]);
    let codes: Vec<_> = rules.problems().iter().map(|problem| &*problem.code).collect();
    assert_eq!(codes, ["invalid_pattern", "invalid_pattern", "role_cycle"]);
    let engine = base.with_tenants([rules]);
    let holds =
        |role| reason(&engine, &roles(&[(role, Scope::tenant(T))]), "tenant.manage", Scope::tenant(T));
    assert_eq!(holds("half"), Reason::Allowed);
    assert_eq!([holds("unclear"), holds("one"), holds("two")], [Reason::NoGrant; 3]);
}

#[test]
fn an_unreadable_allow_gives_nothing_and_an_unreadable_deny_closes_the_set() {
    let engine = engine();
    let mut facts = roles(&[("super_admin", Scope::platform())]);
    facts.grants = vec![Grant::allow("tenant.acc*", Scope::tenant(T))];
    assert_eq!(reason(&engine, &facts, "tenant.manage", Scope::tenant(T)), Reason::Allowed);
    assert!(engine.compile(&facts).is_faulty());
    facts.grants.push(Grant::deny("tenant..read", Scope::account(U, B)));
    assert_eq!(reason(&engine, &facts, "tenant.manage", Scope::tenant(T)), Reason::Closed);
    assert!(engine.compile(&facts).is_closed(at(0)));
    let places: Vec<_> = engine.inspect(&facts).into_iter().map(|problem| problem.field).collect();
    assert_eq!(places, ["grants[0].pattern", "grants[1].pattern"]);
}

#[test]
fn an_api_key_never_exceeds_its_owner_its_scopes_or_its_place() {
    let engine = engine();
    let mut facts = roles(&[("reader", Scope::tenant(T))]);
    let key = |scopes: &[&str], at| {
        Some(KeyRestriction { scopes: scopes.iter().map(|text| (*text).to_owned()).collect(), at })
    };
    facts.key = key(&["files:read"], Scope::tenant(T));
    assert_eq!(reason(&engine, &facts, "tenant.files.read", Scope::tenant(T)), Reason::Allowed);
    assert_eq!(reason(&engine, &facts, "tenant.accounts.read", Scope::tenant(T)), Reason::KeyLacks);
    assert_eq!(reason(&engine, &facts, "tenant.files.write", Scope::tenant(T)), Reason::NoGrant);
    facts.key = key(&["admin"], Scope::account(T, A));
    assert_eq!(reason(&engine, &facts, "tenant.files.read", Scope::account(T, A)), Reason::Allowed);
    assert_eq!(reason(&engine, &facts, "tenant.files.read", Scope::account(T, B)), Reason::KeyLacks);
    assert_eq!(reason(&engine, &facts, "tenant.manage", Scope::account(T, A)), Reason::NoGrant);
    facts.key = key(&[], Scope::tenant(T));
    assert_eq!(reason(&engine, &facts, "tenant.files.read", Scope::tenant(T)), Reason::KeyLacks);
    facts.key = key(&["files:reed"], Scope::tenant(T));
    assert_eq!(engine.inspect(&facts)[0].field, "key.scopes[0]");
    // The same word means another permission at another tier.
    facts.key = key(&["files:read"], Scope::account(T, A));
    facts.assignments.push(Assignment::new("account_owner", Scope::tenant(T)));
    assert_eq!(reason(&engine, &facts, "account.files.read", Scope::account(T, A)), Reason::Allowed);
    assert_eq!(reason(&engine, &facts, "tenant.files.read", Scope::account(T, A)), Reason::KeyLacks);
}

#[test]
fn a_permission_of_a_feature_needs_the_feature_of_the_targets_tenant() {
    let engine = engine();
    let mut facts = roles(&[("tenant_admin", Scope::tenant(T)), ("tenant_admin", Scope::tenant(U))]);
    facts.features = vec![TenantFeatures { tenant: U, features: vec!["reports".into(), "else".into()] }];
    assert_eq!(reason(&engine, &facts, "tenant.reports.export", Scope::tenant(U)), Reason::Allowed);
    assert_eq!(reason(&engine, &facts, "tenant.reports.export", Scope::tenant(T)), Reason::FeatureMissing);
    let explanation = engine.compile(&facts).explain("tenant.reports.export", &Scope::tenant(T), at(0));
    assert_eq!(explanation.feature.as_deref(), Some("reports"));
    // Who may not do it anyway is not told about the feature.
    facts.assignments.clear();
    assert_eq!(reason(&engine, &facts, "tenant.reports.export", Scope::tenant(T)), Reason::NoAssignment);
}

#[test]
fn except_takes_from_the_own_contribution_only() {
    let engine = engine();
    let facts = roles(&[("careful", Scope::tenant(T))]);
    assert_eq!(reason(&engine, &facts, "tenant.accounts.delete", Scope::tenant(T)), Reason::NoGrant);
    let facts = roles(&[("careful", Scope::tenant(T)), ("tenant_admin", Scope::account(T, A))]);
    assert_eq!(reason(&engine, &facts, "tenant.accounts.delete", Scope::account(T, A)), Reason::Allowed);
}

#[test]
fn a_refusal_names_what_would_help() {
    let engine = engine();
    let facts = roles(&[("reader", Scope::tenant(T)), ("tenant_admin", Scope::account(T, B))]);
    let explanation = engine.compile(&facts).explain("tenant.accounts.update", &Scope::account(T, A), at(0));
    assert_eq!(explanation.code(), "no_grant");
    assert_eq!(explanation.nearest.as_deref(), Some("tenant.accounts.read"));
    assert_eq!(explanation.held_at, Some(Scope::account(T, B)));
    assert_eq!(explanation.roles, ["account_owner", "careful", "super_admin", "tenant_admin"]);
    let text = serde_json::to_string(&explanation).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&text).unwrap(), explanation);
}

#[test]
fn many_entries_are_searched_as_few_are_walked() {
    let engine = engine();
    let accounts: Vec<_> = (100..400).map(AccountId::from_u128).collect();
    let items: Vec<_> = accounts.iter().map(|id| ("tenant_admin", Scope::account(T, *id))).collect();
    let set = engine.compile(&roles(&items));
    let kind = crate::resource_kind!("file");
    for id in &accounts {
        assert!(set.check("tenant.manage", &Scope::account(T, *id), at(0)));
        assert!(set.check("tenant.manage", &Scope::account(T, *id).resource(kind, *id), at(0)));
        assert!(!set.check("tenant.manage", &Scope::account(U, *id), at(0)));
    }
    assert!(!set.check("tenant.manage", &Scope::account(T, A), at(0)));
    assert!(!set.check("tenant.manage", &Scope::tenant(T), at(0)));
}

#[test]
fn a_principal_with_a_few_roles_is_small() {
    let engine = engine();
    let set =
        engine.compile(&roles(&[1, 2, 3].map(|id| ("reader", Scope::account(T, AccountId::from_u128(id))))));
    assert!(set.size_in_bytes() <= 120, "{}", set.size_in_bytes());
    let unknown = engine.compile(&roles(&[("nobody", Scope::tenant(T))]));
    assert!(unknown.is_faulty() && !set.is_faulty());
}
