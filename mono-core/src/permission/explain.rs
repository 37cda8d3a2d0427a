//! Why a check answers as it does.

use super::compile::{Cover, Detail, Entry, Holds, Source, Verdict};
use super::graph::Origin;
use super::registry::Asked;
use super::scope::Scope;
use super::set::PermissionSet;
use crate::id::{AssignmentId, GrantId, UserId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The one reason for an answer, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// It is allowed.
    Allowed,
    /// The catalogue has no such permission.
    UnknownPermission,
    /// A stored deny cannot be read; until it is repaired everything is refused.
    Closed,
    /// The tenant, the account or the principal is suspended.
    Suspended,
    /// A deny or a guardrail forbids it.
    Denied,
    /// What allowed it has ended.
    Expired,
    /// What will allow it has not begun.
    NotYet,
    /// The role allows it elsewhere; the tenant of the scope took it from the role.
    RemovedByOverride,
    /// Nothing at all is held here.
    NoAssignment,
    /// Something is held here, but not this.
    NoGrant,
    /// The owner of the API key may do it, the key may not.
    KeyLacks,
    /// The permission is held, the tenant does not have its feature.
    FeatureMissing,
}

impl Reason {
    /// The stable code, as it is serialised.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::UnknownPermission => "unknown_permission",
            Self::Closed => "closed",
            Self::Suspended => "suspended",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::RemovedByOverride => "removed_by_override",
            Self::NoAssignment => "no_assignment",
            Self::NoGrant => "no_grant",
            Self::KeyLacks => "key_lacks",
            Self::FeatureMissing => "feature_missing",
        }
    }
}

/// The fact that decided: what gave the permission, or forbade it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fact {
    /// The roles from the assigned one to the one that has the pattern; empty for a direct grant or a deny.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The pattern that covers the permission.
    pub pattern: String,
    /// Where it holds.
    pub scope: Scope,
    /// Whether the pattern comes from the tenant's override of the role.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_override: bool,
    /// The group through which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The assignment, where the compiled set knows it: plain assignments are known by role and scope alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentId>,
    /// The direct grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// Who made the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<UserId>,
    /// When it begins or began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// When it ends or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// The reason that a guardrail gives.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// The answer to one check, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What was asked for.
    pub permission: String,
    /// Where.
    pub scope: Scope,
    /// The reason, for programs.
    pub reason: Reason,
    /// The reason, in a sentence for people.
    pub message: String,
    /// The fact that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<Fact>,
    /// Whether it passes as super admin outside the home tenant, which is audited.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub audited: bool,
    /// The feature that the tenant does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// The permission held here that is most like it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// Another place where the permission is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_at: Option<Scope>,
    /// The roles that would give it here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

impl Explanation {
    /// Whether it is allowed: always what [`PermissionSet::check`] says.
    pub fn allowed(&self) -> bool {
        self.reason == Reason::Allowed
    }

    /// The stable code of the reason.
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }
}

/// An entry that covers the permission at the scope, live or not.
struct Candidate<'a> {
    entry: Entry,
    detail: Option<&'a Detail>,
    star: bool,
    // Held by the role as it is elsewhere, not as the tenant has it.
    removed: bool,
}

impl PermissionSet {
    /// Explains a check.
    ///
    /// ```
    /// # use mono_core::id::TenantId;
    /// # use mono_core::permission::{Assignment, Catalogue, Engine, PermissionEntry, Principal, Role, Scope};
    /// # let catalogue = Catalogue::new("1").with(PermissionEntry::new("tenant.accounts.read", ""));
    /// # let roles = vec![
    /// #     Role::new("owner").allow(["tenant.accounts.*"]),
    /// #     Role::new("admin").inherit(["owner"]),
    /// # ];
    /// # let engine = Engine::build(catalogue, roles).unwrap();
    /// let tenant = Scope::tenant(TenantId::from_u128(1));
    /// let facts = Principal { assignments: vec![Assignment::new("admin", tenant)], ..Principal::default() };
    /// let now = "2026-01-01T00:00:00Z".parse().unwrap();
    /// let explanation = engine.compile(&facts).explain("tenant.accounts.read", &tenant, now);
    /// assert!(explanation.allowed());
    /// assert_eq!(explanation.fact.unwrap().roles, ["admin", "owner"]);
    /// ```
    pub fn explain(&self, permission: impl Asked, scope: &Scope, now: Timestamp) -> Explanation {
        let registry = self.world.registry();
        let mut answer = Explanation {
            permission: permission.text(&registry),
            scope: *scope,
            reason: Reason::UnknownPermission,
            message: String::new(),
            fact: None,
            audited: false,
            feature: None,
            nearest: None,
            held_at: None,
            roles: vec![],
        };
        if let Some(number) = permission.number(&registry) {
            let decision = self.decide_number(number, scope, now);
            answer.audited = decision.audited;
            self.find_reason(&mut answer, number, now, decision.allowed);
        }
        answer.message = super::sentence::sentence(&answer);
        answer
    }

    fn find_reason(&self, answer: &mut Explanation, number: u32, now: Timestamp, allowed: bool) {
        let scope = answer.scope;
        let (mut held_here, mut found) = (false, Vec::new());
        self.walk(&scope, |entry| {
            held_here |= self.is_live_allow(entry, now);
            found.extend(self.candidate(entry, number, &scope));
        });
        let live = |item: &&Candidate<'_>| item.detail.is_none_or(|detail| detail.live(now));
        let denies = |item: &&Candidate<'_>| item.detail.is_some_and(Detail::denies);
        let gives = |item: &&Candidate<'_>| !denies(item) && !item.removed;
        let best = |items: &mut dyn Iterator<Item = &Candidate<'_>>| {
            items
                .map(|item| self.fact(item, number, &scope))
                .min_by_key(|fact| (fact.roles.len(), fact.clone()))
        };
        let star = found.iter().any(|item| item.star && live(&item));
        if allowed {
            answer.reason = Reason::Allowed;
            answer.fact = best(&mut found.iter().filter(|i| live(i) && gives(i) && i.star == star));
            return;
        }
        // A deny below the platform does not bind the super admin, so it is not the reason.
        let binding = |item: &&Candidate<'_>| live(item) && denies(item) && (!star || item.entry.mask() == 0);
        let verdict =
            |item: &&Candidate<'_>, verdict: &Verdict| item.detail.is_some_and(|d| d.verdict == *verdict);
        let refusals =
            [(Reason::Closed, Some(Verdict::Unreadable)), (Reason::Suspended, Some(Verdict::Suspended))];
        for (reason, wanted) in refusals.into_iter().chain([(Reason::Denied, None)]) {
            let wanted = |i: &&Candidate<'_>| wanted.as_ref().is_none_or(|wanted| verdict(i, wanted));
            answer.fact = best(&mut found.iter().filter(|i| binding(i) && wanted(i)));
            if answer.fact.is_some() {
                answer.reason = reason;
                return;
            }
        }
        if found.iter().any(|item| live(&item) && gives(&item)) {
            answer.fact = best(&mut found.iter().filter(|i| live(i) && gives(i)));
            if self.key_allows(number, &scope) {
                answer.reason = Reason::FeatureMissing;
                let core = &self.world.core;
                let feature = core.feature_of.get(number as usize).copied().flatten();
                answer.feature = feature.and_then(|place| core.features.get(place as usize)).cloned();
            } else {
                answer.reason = Reason::KeyLacks;
            }
            return;
        }
        let ended = |item: &&Candidate<'_>| item.detail.and_then(|d| d.ends_at).is_some_and(|end| end <= now);
        answer.reason = Reason::NotYet;
        answer.fact = best(&mut found.iter().filter(|i| gives(i) && !ended(i)));
        if answer.fact.is_none() {
            answer.reason = Reason::Expired;
            answer.fact = best(&mut found.iter().filter(|i| gives(i)));
        }
        if answer.fact.is_none() {
            answer.reason = Reason::RemovedByOverride;
            answer.fact = best(&mut found.iter().filter(|i| live(i) && i.removed));
        }
        if answer.fact.is_none() {
            answer.reason = if held_here { Reason::NoGrant } else { Reason::NoAssignment };
            self.hints(answer, number, now);
        }
    }

    fn is_live_allow(&self, entry: Entry, now: Timestamp) -> bool {
        match entry.holds() {
            Holds::Nothing => false,
            Holds::Role(_) => true,
            Holds::Detail(place) => {
                let allows = |detail: &Detail| !detail.denies() && !matches!(detail.cover, Cover::Nothing);
                self.detail(place).is_some_and(|detail| detail.live(now) && allows(detail))
            }
        }
    }

    fn candidate(&self, entry: Entry, number: u32, scope: &Scope) -> Option<Candidate<'_>> {
        let top = entry.mask() == 0;
        let of_role = |role, detail| {
            let star = top && self.is_star(role, number);
            let removed = !star && !self.world.roles_at(scope).has(role, number);
            let covered = !removed || self.world.core.roles.has(role, number);
            covered.then_some(Candidate { entry, detail, star, removed })
        };
        match entry.holds() {
            Holds::Nothing => None,
            Holds::Role(role) => of_role(role, None),
            Holds::Detail(place) => {
                let detail = self.detail(place)?;
                match &detail.cover {
                    Cover::Nothing => None,
                    Cover::Role(role) => of_role(*role, Some(detail)),
                    Cover::Pattern(pattern, bits) => {
                        let star = top && !detail.denies() && pattern.is_everything();
                        let candidate = Candidate { entry, detail: Some(detail), star, removed: false };
                        bits.contains(number).then_some(candidate)
                    }
                }
            }
        }
    }

    fn fact(&self, item: &Candidate<'_>, number: u32, scope: &Scope) -> Fact {
        let role = match (item.entry.holds(), item.detail.map(|detail| &detail.cover)) {
            (Holds::Role(role), _) => Some(role),
            (_, Some(Cover::Role(role))) => Some(*role),
            _ => None,
        };
        let mut fact = Fact {
            roles: vec![],
            pattern: String::new(),
            scope: self.scope_of(item.entry),
            by_override: false,
            group: None,
            assignment: None,
            grant: None,
            granted_by: None,
            starts_at: None,
            ends_at: None,
            note: String::new(),
        };
        if let Some(role) = role {
            self.trace(role, number, scope, item, &mut fact);
        }
        if let Some(detail) = item.detail {
            match detail.source {
                Source::Assignment(id) => fact.assignment = id,
                Source::Grant(id) => fact.grant = id,
                Source::Rule => {}
            }
            if let Cover::Pattern(pattern, _) = &detail.cover {
                fact.pattern = pattern.to_string();
            }
            if let Verdict::Guardrail(note) = &detail.verdict {
                fact.note = note.to_string();
            }
            (fact.starts_at, fact.ends_at, fact.granted_by) = (detail.starts_at, detail.ends_at, detail.by);
            fact.group = detail.group.as_deref().map(str::to_owned);
        }
        fact
    }

    /// Finds the nearest role of the lineage that has the permission itself, and the pattern.
    fn trace(&self, role: u32, number: u32, scope: &Scope, item: &Candidate<'_>, fact: &mut Fact) {
        let core = &self.world.core;
        let here = self.world.roles_at(scope);
        // What was removed here, and what is held by `*`, is read from the role as it is elsewhere.
        let table = if item.removed || (item.star && !here.has(role, number)) { &core.roles } else { here };
        let name = core.registry.name(number);
        let lineage = table.lineage(role);
        let giver = lineage.iter().enumerate().find_map(|(place, (role, _))| {
            let parts = &table.get(*role)?.parts;
            parts.iter().find_map(|part| part.covering(name).map(|pattern| (place, pattern, part.origin)))
        });
        if let Some((place, pattern, origin)) = giver {
            fact.roles = table.path(&lineage, place);
            fact.pattern = pattern.to_string();
            fact.by_override = origin != Origin::Role;
        }
    }

    fn hints(&self, answer: &mut Explanation, number: u32, now: Timestamp) {
        let (core, scope) = (&self.world.core, answer.scope);
        let wanted = core.registry.name(number);
        let likeness =
            |name: &str| name.split('.').zip(wanted.split('.')).take_while(|(a, b)| a == b).count();
        let held = core
            .registry
            .iter()
            .filter(|(other, name)| likeness(name) > 0 && self.decide_number(*other, &scope, now).allowed);
        let nearest =
            held.map(|(_, name)| name).min_by_key(|name| (std::cmp::Reverse(likeness(name)), *name));
        answer.nearest = nearest.map(str::to_owned);
        let elsewhere = self.entries().map(|entry| self.scope_of(*entry));
        answer.held_at = elsewhere.filter(|at| self.decide_number(number, at, now).allowed).min();
        let table = self.world.roles_at(&scope);
        let giving = table.roles.iter().filter(|role| role.all.contains(number));
        answer.roles = giving.map(|role| role.key.to_string()).collect();
        answer.roles.sort_unstable();
    }
}
