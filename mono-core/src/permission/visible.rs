//! "Where may the holder do this?": the filter of a list.

use super::compile::{Cover, Holds};
use super::registry::Asked;
use super::scope::Scope;
use super::set::PermissionSet;
use crate::id::TenantId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A scope and all below it, without some subtrees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subtree {
    /// The scope at the top.
    pub root: Scope,
    /// The subtrees below it that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Scope>,
}

impl Subtree {
    /// Whether a scope is in the subtree and in none that is left out.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.root.contains(scope) && !self.except.iter().any(|except| except.contains(scope))
    }

    /// Whether all of `other` is in this one.
    fn covers(&self, other: &Self) -> bool {
        let kept = |except: &Scope| {
            let left_out = other.except.iter().any(|theirs| theirs.contains(except));
            !except.contains(&other.root) && (!other.root.contains(except) || left_out)
        };
        self.root.contains(&other.root) && self.except.iter().all(kept)
    }
}

/// The scopes at which a permission is allowed: exactly those at which [`PermissionSet::check`] says yes. Storage turns
/// it into the condition of a query, so that a list shows what a check would allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeFilter {
    /// Everywhere.
    All,
    /// Nowhere.
    None,
    /// In at least one of these subtrees.
    Within(Vec<Subtree>),
}

impl ScopeFilter {
    /// Whether the permission is allowed at a scope.
    pub fn contains(&self, scope: &Scope) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Within(subtrees) => subtrees.iter().any(|subtree| subtree.contains(scope)),
        }
    }

    /// The places where the answer may change from one scope to the next below it.
    pub(crate) fn borders(&self) -> impl Iterator<Item = Scope> + '_ {
        let subtrees = match self {
            Self::Within(subtrees) => subtrees.as_slice(),
            Self::All | Self::None => &[],
        };
        subtrees
            .iter()
            .flat_map(|subtree| std::iter::once(subtree.root).chain(subtree.except.iter().copied()))
    }

    fn from_subtrees(mut subtrees: Vec<Subtree>) -> Self {
        for subtree in &mut subtrees {
            subtree.except.sort_unstable();
            subtree.except.dedup();
        }
        subtrees.sort_unstable();
        let mut kept: Vec<Subtree> = Vec::with_capacity(subtrees.len());
        for subtree in subtrees {
            if !kept.iter().any(|other| other.covers(&subtree)) {
                kept.push(subtree);
            }
        }
        match kept.as_slice() {
            [] => Self::None,
            [one] if one.root.mask() == 0 && one.except.is_empty() => Self::All,
            _ => Self::Within(kept),
        }
    }
}

impl PermissionSet {
    /// Where the permission is allowed.
    ///
    /// ```
    /// # use mono_core::id::{AccountId, TenantId};
    /// # use mono_core::permission::*;
    /// # let catalogue = Catalogue::new("1").with(PermissionEntry::new("tenant.accounts.read", ""));
    /// # let engine = Engine::build(catalogue, vec![]).unwrap();
    /// # let now = "2026-01-01T00:00:00Z".parse().unwrap();
    /// let (tenant, account) = (TenantId::from_u128(1), AccountId::from_u128(2));
    /// let grants = vec![
    ///     Grant::allow("tenant.accounts.*", Scope::tenant(tenant)),
    ///     Grant::deny("tenant.accounts.read", Scope::account(tenant, account)),
    /// ];
    /// let set = engine.compile(&Principal { grants, ..Principal::default() });
    /// let subtree = Subtree { root: Scope::tenant(tenant), except: vec![Scope::account(tenant, account)] };
    /// assert_eq!(set.scopes_for("tenant.accounts.read", now), ScopeFilter::Within(vec![subtree]));
    /// ```
    pub fn scopes_for(&self, permission: impl Asked, now: Timestamp) -> ScopeFilter {
        let Some(number) = permission.number(&self.world.registry()) else { return ScopeFilter::None };
        let key = self.extra().and_then(|extra| extra.key.as_ref());
        if key.is_some_and(|key| !key.bits.contains(number)) {
            return ScopeFilter::None;
        }
        let mut denies = Vec::new();
        let mut subtrees = Vec::new();
        let mut star = false;
        for entry in self.entries() {
            let detail = match entry.holds() {
                Holds::Nothing => continue,
                Holds::Role(_) => None,
                Holds::Detail(place) => match self.detail(place).filter(|detail| detail.live(now)) {
                    Some(detail) => Some(detail),
                    None => continue,
                },
            };
            let at = self.scope_of(*entry);
            let top = entry.mask() == 0;
            match (entry.holds(), detail.map(|detail| &detail.cover)) {
                (Holds::Role(role), _) => self.by_role(role, number, at, &mut subtrees, &mut star),
                (_, Some(Cover::Role(role))) => self.by_role(*role, number, at, &mut subtrees, &mut star),
                (_, Some(Cover::Pattern(pattern, bits))) if bits.contains(number) => {
                    if detail.is_some_and(super::compile::Detail::denies) {
                        denies.push(at);
                    } else {
                        star |= top && pattern.is_everything();
                        subtrees.push(Subtree { root: at, except: vec![] });
                    }
                }
                _ => {}
            }
        }
        if denies.contains(&Scope::platform()) {
            return ScopeFilter::None;
        }
        if star {
            subtrees = vec![Subtree { root: Scope::platform(), except: vec![] }];
        } else {
            subtrees = self.with_feature(number, subtrees);
            for subtree in &mut subtrees {
                subtree.except.extend_from_slice(&denies);
            }
        }
        if let Some(key) = key {
            subtrees.retain_mut(|subtree| {
                if subtree.root.contains(&key.at) {
                    subtree.root = key.at;
                }
                key.at.contains(&subtree.root)
            });
        }
        subtrees.retain_mut(|subtree| {
            let root = subtree.root;
            let gone = subtree.except.iter().any(|except| except.contains(&root));
            subtree.except.retain(|except| root.contains(except));
            !gone
        });
        ScopeFilter::from_subtrees(subtrees)
    }

    /// Where a role gives the permission. At the platform each tenant may have changed it.
    fn by_role(&self, role: u32, number: u32, at: Scope, subtrees: &mut Vec<Subtree>, star: &mut bool) {
        let has = self.world.roles_at(&at).has(role, number);
        if at.mask() != 0 {
            subtrees.extend(has.then_some(Subtree { root: at, except: vec![] }));
            return;
        }
        *star |= self.is_star(role, number);
        let differing = self.world.tenants.values().filter(|rules| rules.roles.has(role, number) != has);
        let differing = differing.map(|rules| Scope::tenant(rules.tenant));
        if has {
            subtrees.push(Subtree { root: at, except: differing.collect() });
        } else {
            subtrees.extend(differing.map(|root| Subtree { root, except: vec![] }));
        }
    }

    /// What remains of the subtrees where the feature of the permission is part of the subscription.
    fn with_feature(&self, number: u32, subtrees: Vec<Subtree>) -> Vec<Subtree> {
        if self.world.core.feature_of.get(number as usize).copied().flatten().is_none() {
            return subtrees;
        }
        let listed = self.extra().map_or(&[][..], |extra| &extra.features);
        let has = |tenant: &TenantId| self.has_feature(number, &Scope::tenant(*tenant));
        let tenants: Vec<TenantId> = listed.iter().map(|(tenant, _)| *tenant).filter(has).collect();
        let mut kept = Vec::new();
        for subtree in subtrees {
            match subtree.root.tenant_id() {
                Some(tenant) if tenants.contains(&tenant) => kept.push(subtree),
                Some(_) => {}
                None => {
                    let roots = tenants.iter().map(|tenant| Scope::tenant(*tenant));
                    let inside = roots.filter(|root| subtree.root.contains(root));
                    kept.extend(inside.map(|root| Subtree { root, except: subtree.except.clone() }));
                }
            }
        }
        kept
    }
}
