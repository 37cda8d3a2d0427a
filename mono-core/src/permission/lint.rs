//! What is not wrong but looks like a mistake, and what in stored facts cannot be read.

use super::catalogue::{Catalogue, PermissionEntry};
use super::engine::Engine;
use super::grant::{Assignment, Effect, Grant, Principal};
use super::name::shown;
use super::pattern::Pattern;
use super::registry::Registry;
use super::role::Role;
use crate::error::Problem;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Names in roles that the catalogue does not have. A wildcard that covers nothing yet may be meant for later.
pub(crate) fn unknown_names(registry: &Registry, roles: &[Role]) -> Vec<Problem> {
    let exact = |text: &str| !text.contains('*');
    empty_patterns(registry, roles, exact)
}

fn empty_patterns(registry: &Registry, roles: &[Role], wanted: impl Fn(&str) -> bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (i, role) in roles.iter().enumerate() {
        for (list, texts) in [("allow", &role.allow), ("except", &role.except)] {
            for (j, text) in texts.iter().enumerate().filter(|(_, text)| wanted(text)) {
                let covered = Pattern::parse(text).map(|pattern| registry.covered(&pattern));
                if covered.is_ok_and(|covered| covered.is_empty()) {
                    let message = format!("the catalogue has no permission {text}");
                    problems.push(Problem::new(
                        format!("roles[{i}].{list}[{j}]"),
                        "unknown_permission",
                        message,
                    ));
                }
            }
        }
    }
    problems
}

impl Engine {
    /// Lists everything in the facts about a principal that cannot be understood.
    pub fn inspect(&self, facts: &Principal) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (i, item) in facts.assignments.iter().enumerate() {
            if self.world.roles_at(&item.scope).find(&item.role).is_none() {
                let message = format!("there is no role {:?} here", shown(&item.role));
                problems.push(Problem::new(format!("assignments[{i}].role"), "unknown_role", message));
            }
        }
        let grants = facts.grants.iter().map(|item| &item.pattern).enumerate();
        let guardrails = facts.guardrails.iter().map(|item| &item.pattern).enumerate();
        let places = grants.map(|item| ("grants", item)).chain(guardrails.map(|item| ("guardrails", item)));
        for (list, (i, text)) in places {
            if let Err(error) = Pattern::parse(text) {
                problems.push(Problem::new(
                    format!("{list}[{i}].pattern"),
                    "invalid_pattern",
                    error.message(),
                ));
            }
        }
        if let Some(key) = &facts.key {
            for (i, scope) in key.scopes.iter().enumerate() {
                if self.catalogue().key_pattern(scope, key.at.tier()).is_none() {
                    let message = format!("{:?} is no scope of an API key", shown(scope));
                    problems.push(Problem::new(format!("key.scopes[{i}]"), "unknown_key_scope", message));
                }
            }
        }
        problems
    }

    /// What looks like a mistake in the roles of the platform and of all tenants: wildcards that cover nothing, roles
    /// that give nothing or that none of `assigned` (keys of roles) makes use of, and custom roles that give more than
    /// the roles they are derived from.
    pub fn lint<'a>(&self, assigned: impl IntoIterator<Item = &'a str>) -> Vec<Problem> {
        let core = &self.world.core;
        let mut used: BTreeSet<&str> = assigned.into_iter().collect();
        let mut problems = empty_patterns(&core.registry, &core.role_sources, |_| true);
        let tenants: BTreeMap<_, _> = self.world.tenants.iter().collect();
        for rules in tenants.values() {
            used.extend(rules.role_sources.iter().flat_map(|role| &role.parents).map(String::as_str));
        }
        used.extend(core.role_sources.iter().flat_map(|role| &role.parents).map(String::as_str));
        for (i, (role, found)) in core.role_sources.iter().zip(&core.roles.roles).enumerate() {
            let place = format!("roles[{i}]");
            if found.all.is_empty() {
                problems.push(Problem::new(
                    &place,
                    "empty_role",
                    format!("the role {} gives nothing", role.key),
                ));
            }
            if !used.contains(&*role.key) {
                let message = format!("nobody has the role {}, and no role inherits it", role.key);
                problems.push(Problem::new(&place, "unused_role", message));
            }
        }
        for (tenant, rules) in tenants {
            let unknown = empty_patterns(&core.registry, &rules.role_sources, |_| true).into_iter();
            problems.extend(
                unknown.map(|found| Problem { field: format!("tenants[{tenant}].{}", found.field), ..found }),
            );
            let place = |i: usize| format!("tenants[{tenant}].roles[{i}]");
            let custom = rules.roles.roles.iter().skip(core.role_sources.len());
            for (i, (role, found)) in rules.role_sources.iter().zip(custom).enumerate() {
                if found.all.is_empty() {
                    let message = format!("the role {} gives nothing", role.key);
                    problems.push(Problem::new(place(i), "empty_role", message));
                }
                if !used.contains(&*role.key) {
                    let message = format!("nobody has the role {}, and no role inherits it", role.key);
                    problems.push(Problem::new(place(i), "unused_role", message));
                }
                let from_parents =
                    |number: u32| found.parents.iter().any(|parent| rules.roles.has(*parent, number));
                let more = core.registry.iter().filter(|(n, _)| found.own.contains(*n) && !from_parents(*n));
                let more: Vec<_> = more.map(|(_, name)| name).collect();
                if !found.parents.is_empty() && !more.is_empty() {
                    let message =
                        format!("the role {} gives more than its parents: {}", role.key, more.join(", "));
                    problems.push(Problem::new(place(i), "broader_than_parents", message));
                }
            }
        }
        problems
    }

    /// What looks like a mistake in the facts about a principal: grants and assignments that can never match, and those
    /// that another one makes superfluous.
    pub fn lint_facts(&self, facts: &Principal, now: Timestamp) -> Vec<Problem> {
        let mut problems = Vec::new();
        let never = |start: Option<Timestamp>, end: Option<Timestamp>| {
            end.is_some_and(|end| end <= now || start.is_some_and(|start| end <= start))
        };
        for (i, item) in facts.assignments.iter().enumerate() {
            let place = format!("assignments[{i}]");
            if never(item.starts_at, item.ends_at) {
                problems.push(Problem::new(
                    &place,
                    "never_matches",
                    "it has ended, or ends before it begins",
                ));
            }
            let same = |(j, other): (usize, &Assignment)| {
                j != i
                    && other.role == item.role
                    && other.scope.contains(&item.scope)
                    && outlasts((other.starts_at, other.ends_at), (item.starts_at, item.ends_at))
                    && (j < i
                        || (&other.scope, other.starts_at, other.ends_at)
                            != (&item.scope, item.starts_at, item.ends_at))
            };
            if facts.assignments.iter().enumerate().any(same) {
                problems.push(Problem::new(
                    &place,
                    "shadowed",
                    "the same role is held at this scope or above it anyway",
                ));
            }
        }
        for (i, item) in facts.grants.iter().enumerate() {
            let place = format!("grants[{i}]");
            let Ok(pattern) = Pattern::parse(&item.pattern) else { continue };
            if self.world.core.registry.covered(&pattern).is_empty() {
                let message = format!("{pattern} covers nothing in the catalogue");
                problems.push(Problem::new(&place, "never_matches", message));
            } else if never(item.starts_at, item.ends_at) {
                problems.push(Problem::new(
                    &place,
                    "never_matches",
                    "it has ended, or ends before it begins",
                ));
            }
            if facts.grants.iter().enumerate().any(|(j, other)| shadows((j, other), (i, item), &pattern)) {
                let message = format!("another grant allows or forbids all of {pattern} here anyway");
                problems.push(Problem::new(&place, "shadowed", message));
            }
        }
        problems
    }
}

/// Whether the first span contains the second.
fn outlasts(
    outer: (Option<Timestamp>, Option<Timestamp>),
    inner: (Option<Timestamp>, Option<Timestamp>),
) -> bool {
    outer.0.is_none_or(|start| inner.0.is_some_and(|other| start <= other))
        && outer.1.is_none_or(|end| inner.1.is_some_and(|other| other <= end))
}

/// Whether `other` leaves nothing for `item` to do: a deny beats an allow, and the wider of two alike is enough.
fn shadows((j, other): (usize, &Grant), (i, item): (usize, &Grant), pattern: &Pattern) -> bool {
    let Ok(wider) = Pattern::parse(&other.pattern) else { return false };
    let stronger = other.effect == item.effect || other.effect == Effect::Deny;
    let alike = other.effect == item.effect
        && (&other.pattern, &other.scope, other.starts_at, other.ends_at)
            == (&item.pattern, &item.scope, item.starts_at, item.ends_at);
    // Of two that say the same, the second is superfluous.
    j != i
        && stronger
        && (!alike || j < i)
        && wider.covers_pattern(pattern)
        && other.scope.contains(&item.scope)
        && outlasts((other.starts_at, other.ends_at), (item.starts_at, item.ends_at))
}

impl Catalogue {
    /// How another edition of the catalogue differs from this one, by name.
    pub fn differences(&self, other: &Self) -> Vec<Problem> {
        let by_name = |list: &Self| -> BTreeMap<String, PermissionEntry> {
            list.permissions.iter().map(|entry| (entry.name.clone(), entry.clone())).collect()
        };
        let (before, after) = (by_name(self), by_name(other));
        let mut problems = Vec::new();
        for (name, entry) in &before {
            match after.get(name) {
                None => problems.push(Problem::new(name, "removed", format!("{name} is not there any more"))),
                Some(new) if new.feature != entry.feature || new.dangerous != entry.dangerous => {
                    problems.push(Problem::new(
                        name,
                        "changed",
                        format!("the feature or danger of {name} changed"),
                    ));
                }
                Some(new) if new != entry => {
                    problems.push(Problem::new(name, "reworded", format!("{name} is described otherwise")));
                }
                Some(_) => {}
            }
        }
        let added = after.keys().filter(|name| !before.contains_key(*name));
        problems.extend(added.map(|name| Problem::new(name, "added", format!("{name} is new"))));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::id::{AccountId, TenantId};
    use crate::time::Timestamp;

    fn codes(problems: &[crate::Problem]) -> Vec<(&str, &str)> {
        problems.iter().map(|problem| (&*problem.field, &*problem.code)).collect()
    }

    fn engine() -> Engine {
        let catalogue = Catalogue::new("1")
            .with(PermissionEntry::new("tenant.a.read", ""))
            .with(PermissionEntry::new("tenant.b.read", ""));
        let roles = vec![
            Role::new("reader").allow(["tenant.a.read"]),
            Role::new("ghost").allow(["tenant.zzz.*"]),
            Role::new("admin").allow(["tenant.*"]).inherit(["reader"]),
        ];
        Engine::build(catalogue, roles).unwrap()
    }

    #[test]
    fn roles_that_look_like_mistakes_are_named() {
        let engine = engine();
        let tenant = TenantId::from_u128(1);
        let custom = Role::new("clerk").allow(["tenant.b.read", "tenant.gone.read"]).inherit(["reader"]);
        let engine = engine.with_tenants([engine.tenant_rules(tenant, vec![custom], &[])]);
        let problems = engine.lint(["admin", "clerk"]);
        let place = format!("tenants[{tenant}].roles[0]");
        let expected = [
            ("roles[1].allow[0]", "unknown_permission"),
            ("roles[1]", "empty_role"),
            ("roles[1]", "unused_role"),
            (&*format!("{place}.allow[1]"), "unknown_permission"),
            (&*place, "broader_than_parents"),
        ];
        assert_eq!(codes(&problems), expected);
        assert!(problems[4].message.ends_with("tenant.b.read"));
    }

    #[test]
    fn grants_that_never_match_and_shadowed_ones_are_named() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let tenant = Scope::tenant(TenantId::from_u128(1));
        let account = Scope::account(TenantId::from_u128(1), AccountId::from_u128(2));
        let ended = Assignment { ends_at: Some(now), ..Assignment::new("admin", tenant) };
        let facts = Principal {
            assignments: vec![Assignment::new("admin", account), ended, Assignment::new("admin", tenant)],
            grants: vec![
                Grant::allow("tenant.*", tenant),
                Grant::allow("tenant.a.read", account),
                Grant::allow("tenant.zzz.*", account),
                Grant::deny("tenant.b.*", tenant),
                Grant::deny("tenant.b.*", tenant),
            ],
            ..Principal::default()
        };
        let expected = [
            ("assignments[0]", "shadowed"),
            ("assignments[1]", "never_matches"),
            ("assignments[1]", "shadowed"),
            ("grants[1]", "shadowed"),
            ("grants[2]", "never_matches"),
            ("grants[2]", "shadowed"),
            ("grants[4]", "shadowed"),
        ];
        assert_eq!(codes(&engine().lint_facts(&facts, now)), expected);
    }

    #[test]
    fn editions_of_a_catalogue_are_compared() {
        let entry = PermissionEntry::new;
        let old = Catalogue::new("1").with(entry("t.a", "")).with(entry("t.b", "")).with(entry("t.c", ""));
        let new = Catalogue::new("2")
            .with(entry("t.b", "").dangerous())
            .with(entry("t.c", "c"))
            .with(entry("t.d", ""));
        let expected = [("t.a", "removed"), ("t.b", "changed"), ("t.c", "reworded"), ("t.d", "added")];
        assert_eq!(codes(&old.differences(&new)), expected);
    }
}
