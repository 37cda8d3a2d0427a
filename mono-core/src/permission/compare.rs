//! Comparing sets, and asking many of them.

use super::registry::Asked;
use super::scope::Scope;
use super::set::PermissionSet;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What changes for one permission from one set to another. An answer at a scope holds for all below it down to the
/// next scope that is listed or was listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The name of the permission.
    pub permission: String,
    /// Where it is allowed now and was not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gained: Vec<Scope>,
    /// Where it was allowed and is no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Scope>,
}

impl PermissionSet {
    /// What changes from this set to `other`, by name; empty where both answer every check alike.
    pub fn diff(&self, other: &Self, now: Timestamp) -> Vec<Difference> {
        let names = |set: &Self| -> Vec<String> {
            set.world.core.registry.iter().map(|(_, name)| name.to_owned()).collect()
        };
        let all: BTreeSet<String> = names(self).into_iter().chain(names(other)).collect();
        let mut differences = Vec::new();
        for permission in all {
            let before = self.scopes_for(permission.as_str(), now);
            let after = other.scopes_for(permission.as_str(), now);
            // Between two borders no answer changes, so asking at each border is asking everywhere.
            let borders: BTreeSet<Scope> =
                before.borders().chain(after.borders()).chain([Scope::platform()]).collect();
            let (mut gained, mut lost) = (Vec::new(), Vec::new());
            for scope in borders {
                match (before.contains(&scope), after.contains(&scope)) {
                    (false, true) => gained.push(scope),
                    (true, false) => lost.push(scope),
                    _ => {}
                }
            }
            if !gained.is_empty() || !lost.is_empty() {
                differences.push(Difference { permission, gained, lost });
            }
        }
        differences
    }
}

/// Which of many principals may do something, in their order.
pub fn who_can<'a, K>(
    sets: impl IntoIterator<Item = (K, &'a PermissionSet)>,
    permission: impl Asked,
    scope: &Scope,
    now: Timestamp,
) -> Vec<K> {
    let able = sets.into_iter().filter(|(_, set)| set.check(&permission, scope, now));
    able.map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::id::{AccountId, TenantId};

    #[test]
    fn a_difference_names_who_gains_and_loses_what_and_where() {
        let catalogue = Catalogue::new("1")
            .with(PermissionEntry::new("tenant.a.read", ""))
            .with(PermissionEntry::new("tenant.a.write", ""));
        let roles = vec![Role::new("reader").allow(["tenant.a.read"]), Role::new("all").allow(["tenant.*"])];
        let engine = Engine::build(catalogue, roles).unwrap();
        let (tenant, account) = (TenantId::from_u128(1), AccountId::from_u128(2));
        let at = Scope::account(tenant, account);
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let set = |role: &str, scope| {
            let assignments = vec![Assignment::new(role, scope)];
            engine.compile(&Principal { assignments, ..Principal::default() })
        };
        let (before, after) = (set("reader", Scope::tenant(tenant)), set("all", at));
        let differences = before.diff(&after, now);
        assert_eq!(differences[0].permission, "tenant.a.read");
        assert_eq!((&*differences[0].gained, &*differences[0].lost), (&[][..], &[Scope::tenant(tenant)][..]));
        assert_eq!((&*differences[1].gained, &*differences[1].lost), (&[at][..], &[][..]));
        assert_eq!(before.diff(&before, now), []);
        assert_eq!(who_can([("ana", &before), ("ben", &after)], "tenant.a.write", &at, now), ["ben"]);
        let id = engine.resolve("tenant.a.read").unwrap();
        assert_eq!(after.check_all(&[(id, at), (id, Scope::platform())], now), [true, false]);
    }
}
