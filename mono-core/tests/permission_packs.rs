//! The role packs that ship with the crate: whole, free of problems, and as the reviewed tables show them.
//!
//! `MONO_GOLDEN=write cargo test -p mono-core --test permission_packs` writes the tables anew; review the difference.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use mono_core::id::{AccountId, TenantId};
use mono_core::permission::*;

const T: TenantId = TenantId::from_u128(1);
const A: AccountId = AccountId::from_u128(2);

fn loaded(pack: RolePack) -> LoadedPolicy {
    pack.policy().and_then(Policy::in_force).unwrap_or_else(|problems| panic!("{pack:?}: {problems:#?}"))
}

#[test]
fn every_pack_gives_the_reviewed_table() {
    for pack in RolePack::ALL {
        let matrix = loaded(pack).engine.matrix(None);
        let file = format!("{}/tests/golden/permission_{}.txt", env!("CARGO_MANIFEST_DIR"), pack.name());
        if std::env::var("MONO_GOLDEN").is_ok_and(|value| value == "write") {
            std::fs::write(&file, &matrix).unwrap();
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            matrix == golden,
            "{file} differs; write it anew with MONO_GOLDEN=write and review it:\n{matrix}"
        );
    }
}

#[test]
fn no_pack_looks_like_a_mistake() {
    for pack in RolePack::ALL {
        let policy = loaded(pack);
        let keys: Vec<_> = policy.policy.roles.iter().map(|role| role.key.as_str()).collect();
        assert_eq!(policy.engine.lint(keys), []);
        for entry in &policy.policy.catalogue.permissions {
            assert!(!entry.description.is_empty(), "{}", entry.name);
        }
    }
}

#[test]
fn all_scopes_of_media_keys_name_a_permission_at_each_tier() {
    let engine = loaded(RolePack::Media).engine;
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let owner = |at, scope: &str| Principal {
        assignments: vec![Assignment::new("tenant_admin", Scope::tenant(T))],
        key: Some(KeyRestriction { scopes: vec![scope.to_owned()], at }),
        ..Principal::default()
    };
    assert_eq!(engine.catalogue().aliases.len(), 17);
    for scope in engine.catalogue().aliases.keys() {
        for at in [Scope::tenant(T), Scope::account(T, A)] {
            let set = engine.compile(&owner(at, scope));
            let allowed: Vec<_> = engine
                .catalogue()
                .permissions
                .iter()
                .filter(|entry| set.check(&*entry.name, &at, now))
                .collect();
            match (&**scope, at.tier()) {
                // A `*` never exceeds the owner, who holds all but the platform's.
                ("admin", _) => assert_eq!(allowed.len(), engine.catalogue().permissions.len() - 1),
                ("tenants:manage", "account") => assert!(allowed.is_empty()),
                (_, tier) => {
                    assert_eq!(allowed.len(), 1, "{scope}");
                    assert_eq!(allowed[0].name, format!("{tier}.{}", scope.replace(':', ".")));
                }
            }
        }
    }
}
