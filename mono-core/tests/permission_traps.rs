//! Faults that other engines had in the field, each with the test that would have found it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use mono_core::id::{AccountId, TenantId};
use mono_core::permission::*;
use mono_core::time::Timestamp;
use proptest::prelude::*;

const T: TenantId = TenantId::from_u128(1);

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn engine() -> Engine {
    let names =
        ["tenant.accounts.read", "tenant.accounts.delete", "tenant.accounts.x.read", "tenant.files.read"];
    let catalogue =
        names.iter().fold(Catalogue::new("1"), |list, name| list.with(PermissionEntry::new(*name, "")));
    Engine::build(catalogue, vec![]).unwrap()
}

fn set(grants: Vec<Grant>) -> PermissionSet {
    engine().compile(&Principal { grants, ..Principal::default() })
}

#[test]
fn what_stands_after_a_wildcard_counts() {
    // casbin's keyMatch: `tenant.*.read` matched `tenant.accounts.delete`.
    let set = set(vec![Grant::allow("tenant.*.read", Scope::tenant(T))]);
    assert!(set.check("tenant.accounts.read", &Scope::tenant(T), now()));
    assert!(!set.check("tenant.accounts.delete", &Scope::tenant(T), now()));
}

#[test]
fn text_that_is_not_ascii_is_refused_without_a_panic() {
    // casbin's keyMatch panicked on a cut through a character.
    let set = set(vec![Grant::allow("tenant.é*", Scope::tenant(T)), Grant::allow("*", Scope::tenant(T))]);
    for text in ["ténant.accounts.read", "tenant.accounts.réad", "\u{202E}", "tenant.\0", ""] {
        assert!(!set.check(text, &Scope::tenant(T), now()));
        assert_eq!(set.explain(text, &Scope::tenant(T), now()).code(), "unknown_permission");
    }
}

#[test]
fn every_pattern_is_tried_and_not_only_the_first_wildcard() {
    // A trie returned at the first `*` node.
    let patterns = ["tenant.*.x.read", "tenant.*.read", "tenant.accounts.*"];
    let set = set(patterns.map(|pattern| Grant::allow(pattern, Scope::tenant(T))).into());
    for name in
        ["tenant.accounts.read", "tenant.accounts.delete", "tenant.accounts.x.read", "tenant.files.read"]
    {
        assert!(set.check(name, &Scope::tenant(T), now()), "{name}");
    }
}

#[test]
fn a_name_is_not_its_subtree() {
    // Shiro reads `tenant.accounts` as `tenant.accounts.*`.
    let set = set(vec![Grant::allow("tenant.accounts", Scope::tenant(T))]);
    assert!(!set.check("tenant.accounts.read", &Scope::tenant(T), now()));
}

#[test]
fn a_compiled_set_that_is_kept_sees_the_expiry() {
    // Caches of decisions ignored it, twice.
    let end = now() + chrono::TimeDelta::hours(1);
    let set = set(vec![Grant { ends_at: Some(end), ..Grant::allow("tenant.*", Scope::tenant(T)) }]);
    assert!(set.check("tenant.files.read", &Scope::tenant(T), now()));
    assert!(!set.check("tenant.files.read", &Scope::tenant(T), end));
    assert_eq!(set.scopes_for("tenant.files.read", end), ScopeFilter::None);
}

#[test]
fn denies_alone_show_nothing() {
    // CASL's inverted rules, alone, returned everything.
    let set = set(vec![Grant::deny("tenant.files.read", Scope::tenant(T))]);
    assert_eq!(set.scopes_for("tenant.files.read", now()), ScopeFilter::None);
    assert_eq!(set.scopes_for("tenant.accounts.read", now()), ScopeFilter::None);
}

#[test]
fn a_list_of_scopes_is_whole() {
    // OpenFGA cuts it silently at a limit.
    let scopes: Vec<_> = (0..5_000).map(|i| Scope::account(T, AccountId::from_u128(i))).collect();
    let set = set(scopes.iter().map(|scope| Grant::allow("tenant.files.read", *scope)).collect());
    let ScopeFilter::Within(subtrees) = set.scopes_for("tenant.files.read", now()) else {
        panic!("subtrees")
    };
    assert_eq!(subtrees.iter().map(|subtree| subtree.root).collect::<Vec<_>>(), scopes);
    assert!(scopes.iter().all(|scope| set.check("tenant.files.read", scope, now())));
}

#[test]
fn the_old_world_answers_while_a_new_one_is_made() {
    // casbin answered no while it reloaded.
    let base = engine();
    let facts =
        Principal { grants: vec![Grant::allow("tenant.*", Scope::tenant(T))], ..Principal::default() };
    let set = base.compile(&facts);
    let _next = base.with_tenants([base.tenant_rules(T, vec![Role::new("new")], &[])]);
    assert!(set.check("tenant.files.read", &Scope::tenant(T), now()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsers_never_panic_and_read_back_what_they_accept(text in "\\PC{0,40}|[a-z.*0-9_-]{0,200}|tenant:[0-9a-f-]{36}(/[a-z:]{0,20})?") {
        for (accepted, shown) in [
            (Name::parse(&text).is_ok(), Name::parse(&text).map(|name| name.to_string())),
            (Pattern::parse(&text).is_ok(), Pattern::parse(&text).map(|pattern| pattern.to_string())),
        ] {
            prop_assert!(!accepted || shown.unwrap() == text);
        }
        if Name::parse(&text).is_ok() {
            prop_assert!(Pattern::parse(&text).is_ok());
        }
        if let Ok(scope) = text.parse::<Scope>() {
            prop_assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
        }
        let _ = ResourceKind::parse(&text);
        let _ = Policy::parse(&text);
    }

    #[test]
    fn covering_patterns_cover_all_that_the_others_cover(
        a in "([ab](\\.[ab*]){1,3}|\\*)", b in "([ab](\\.[ab*]){1,3}|\\*)", name in "[ab](\\.[ab]){1,3}"
    ) {
        let (a, b, name) = (Pattern::parse(&a).unwrap(), Pattern::parse(&b).unwrap(), Name::parse(&name).unwrap());
        prop_assert!(!(a.covers_pattern(&b) && b.covers_name(&name)) || a.covers_name(&name));
        prop_assert!(!(a.covers_name(&name) && b.covers_name(&name)) || a.overlaps(&b));
        prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
    }
}
