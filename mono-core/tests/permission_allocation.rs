//! A check allocates nothing, on every path through it. In a file of its own, for it links a counting allocator.

use mono_core::id::{AccountId, TenantId};
use mono_core::permission::*;

#[test]
fn a_check_allocates_nothing() {
    let base = RolePack::Talent.policy().unwrap().in_force().unwrap().engine;
    let tenant = TenantId::from_u128(1);
    let change = Override {
        role: "user".into(),
        tenant,
        kind: OverrideKind::Extend,
        patterns: vec!["account.manage".into()],
    };
    let engine = base.with_tenants([base.tenant_rules(tenant, vec![], &[change])]);
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let scopes: Vec<_> = (0..40).map(|i| Scope::account(tenant, AccountId::from_u128(i))).collect();
    let mut facts = Principal {
        assignments: vec![Assignment::new("user", Scope::platform())],
        grants: vec![
            Grant { ends_at: Some(now), ..Grant::allow("tenant.*.read", Scope::tenant(tenant)) },
            Grant::deny("tenant.*.read", scopes[3]),
        ],
        features: vec![TenantFeatures { tenant, features: vec!["white_label".into()] }],
        key: Some(KeyRestriction { scopes: vec!["*".into()], at: Scope::tenant(tenant) }),
        ..Principal::default()
    };
    let roles = scopes.iter().take(3).map(|scope| Assignment::new("tenant_admin", *scope)).collect();
    let plain = engine.compile(&Principal { assignments: roles, ..Principal::default() });
    let few = engine.compile(&facts);
    facts.assignments.extend(scopes.iter().map(|scope| Assignment::new("tenant_admin", *scope)));
    let many = engine.compile(&facts);
    let id = engine.resolve("tenant.accounts.read").unwrap();
    let constant = mono_core::permission!("tenant.branding.manage");
    let mut allowed = 0;
    let counted = allocation_counter::measure(|| {
        for set in [&plain, &few, &many] {
            for scope in &scopes {
                allowed += u32::from(set.check(id, scope, now));
                allowed += u32::from(set.check(constant, scope, now));
                allowed += u32::from(set.check("account.manage", scope, now));
                allowed += u32::from(set.check("no such thing", scope, now));
            }
        }
    });
    assert_eq!(counted.count_total, 0);
    assert!(allowed > 100, "{allowed}");
    // The counter counts.
    assert!(allocation_counter::measure(|| drop(engine.compile(&facts))).count_total > 0);
}
