//! Roles resolved: patterns parsed, parents found, rights inherited.
//!
//! Whatever cannot be understood is reported and gives nothing, so a table is always safe to use: a start-up refuses
//! it, a running server reports it and goes on.

use super::bits::Bits;
use super::hash::Map;
use super::pattern::Pattern;
use super::registry::Registry;
use super::role::{Override, OverrideKind, Role};
use crate::error::Problem;
use std::sync::Arc;

/// Where a part of a role's own contribution comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Role,
    Extended,
    Replaced,
}

/// Patterns allowed, less patterns taken away.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) allow: Vec<Pattern>,
    pub(crate) minus: Vec<Pattern>,
    pub(crate) origin: Origin,
}

impl Part {
    /// The pattern by which this part covers a name, if it does.
    pub(crate) fn covering(&self, name: &str) -> Option<&Pattern> {
        let taken = self.minus.iter().any(|pattern| pattern.covers_text(name));
        self.allow.iter().filter(|pattern| !taken && pattern.covers_text(name)).min()
    }

    fn bits(&self, registry: &Registry) -> Bits {
        let mut bits = Bits::new(registry.len());
        self.allow.iter().for_each(|pattern| bits.add(&registry.covered(pattern)));
        self.minus.iter().for_each(|pattern| bits.remove(&registry.covered(pattern)));
        bits
    }
}

/// One role, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) key: Box<str>,
    pub(crate) parts: Vec<Part>,
    pub(crate) parents: Vec<u32>,
    /// What it gives itself, and together with what it inherits.
    pub(crate) own: Bits,
    pub(crate) all: Bits,
    /// The part of `all` that comes from the pattern `*`; empty words where there is none.
    pub(crate) star: Bits,
    /// Whether an override changes it.
    pub(crate) overridden: bool,
}

/// All roles that can be held in one place.
#[derive(Debug, Default)]
pub(crate) struct RoleTable {
    pub(crate) roles: Vec<Arc<Resolved>>,
    keys: Map<Box<str>, u32>,
    // The `all` of every role in one piece, so that a check loads one word.
    flat: Box<[u64]>,
    width: usize,
}

impl RoleTable {
    pub(crate) fn find(&self, key: &str) -> Option<u32> {
        self.keys.get(key).copied()
    }

    pub(crate) fn get(&self, role: u32) -> Option<&Resolved> {
        self.roles.get(role as usize).map(|role| &**role)
    }

    #[inline]
    pub(crate) fn has(&self, role: u32, number: u32) -> bool {
        let place = role as usize * self.width + number as usize / 64;
        self.flat.get(place).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// The role and all that it inherits, nearest first, each with the role that leads to it.
    pub(crate) fn lineage(&self, role: u32) -> Vec<(u32, Option<usize>)> {
        let mut found = vec![(role, None)];
        let mut next = 0;
        while let Some((current, _)) = found.get(next).copied() {
            let mut parents = self.get(current).map_or_else(Vec::new, |role| role.parents.clone());
            parents.sort_by_key(|parent| self.get(*parent).map(|role| &*role.key));
            for parent in parents {
                if found.iter().all(|(other, _)| *other != parent) {
                    found.push((parent, Some(next)));
                }
            }
            next += 1;
        }
        found
    }

    /// The keys on the way from a role down to one of its lineage: `tenant_admin > account_owner`.
    pub(crate) fn path(&self, lineage: &[(u32, Option<usize>)], mut place: usize) -> Vec<String> {
        let mut path = Vec::new();
        while let Some((role, from)) = lineage.get(place) {
            path.push(self.get(*role).map(|role| role.key.to_string()).unwrap_or_default());
            let Some(from) = from else { break };
            place = *from;
        }
        path.reverse();
        path
    }

    /// Resolves `roles`, which stand after the roles of `base`, with the overrides of one tenant.
    pub(crate) fn build(
        registry: &Registry,
        base: Option<&RoleTable>,
        roles: &[Role],
        overrides: &[(usize, &Override)],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut resolved: Vec<Resolved> =
            base.map_or_else(Vec::new, |base| base.roles.iter().map(|role| (**role).clone()).collect());
        let mut keys = base.map_or_else(Map::default, |base| base.keys.clone());
        let before = resolved.len();
        for (i, role) in roles.iter().enumerate() {
            let part = Part {
                allow: patterns(&role.allow, &format!("roles[{i}].allow"), problems).0,
                minus: vec![],
                origin: Origin::Role,
            };
            let (minus, readable) = patterns(&role.except, &format!("roles[{i}].except"), problems);
            // What is to be taken away is not known: then nothing is given.
            let parts = if readable { vec![Part { minus, ..part }] } else { vec![] };
            let empty = Bits::default;
            let (own, all, star) = (empty(), empty(), empty());
            let number = u32::try_from(resolved.len()).unwrap_or(u32::MAX);
            if role.key.is_empty() {
                problems.push(Problem::new(format!("roles[{i}].key"), "empty", "the role has no key"));
            } else if keys.contains_key(&*role.key) {
                let message = format!("there is a role {} already", role.key);
                problems.push(Problem::new(format!("roles[{i}].key"), "duplicate_role", message));
            } else {
                keys.insert((&*role.key).into(), number);
            }
            let (key, parents, overridden) = ((&*role.key).into(), vec![], false);
            resolved.push(Resolved { key, parts, parents, own, all, star, overridden });
        }
        for (i, role) in roles.iter().enumerate() {
            for (j, parent) in role.parents.iter().enumerate() {
                if let (Some(number), Some(role)) = (keys.get(&**parent), resolved.get_mut(before + i)) {
                    role.parents.push(*number);
                } else {
                    let message = format!("there is no role {:?} to inherit", super::name::shown(parent));
                    let place = format!("roles[{i}].parents[{j}]");
                    problems.push(Problem::new(place, "unknown_role", message));
                }
            }
        }
        apply_overrides(&mut resolved, &keys, overrides, problems);
        let order = order(&mut resolved, before, problems);
        inherit(registry, &mut resolved, &order);
        let width = registry.len().div_ceil(64);
        let flat = resolved.iter().flat_map(|role| role.all.words()).copied().collect();
        // Roles that are what they were are shared with the base.
        let share = |(i, role): (usize, Resolved)| match base.and_then(|base| base.roles.get(i)) {
            Some(same) if !role.overridden && same.all == role.all => Arc::clone(same),
            _ => Arc::new(role),
        };
        let roles = resolved.into_iter().enumerate().map(share).collect();
        Self { roles, keys, flat, width }
    }
}

/// Parses stored patterns; those that cannot be read are reported and left out.
fn patterns(texts: &[String], place: &str, problems: &mut Vec<Problem>) -> (Vec<Pattern>, bool) {
    let mut parsed = Vec::with_capacity(texts.len());
    for (i, text) in texts.iter().enumerate() {
        match Pattern::parse(text) {
            Ok(pattern) => parsed.push(pattern),
            Err(error) => {
                problems.push(Problem::new(format!("{place}[{i}]"), "invalid_pattern", error.message()));
            }
        }
    }
    let readable = parsed.len() == texts.len();
    (parsed, readable)
}

fn apply_overrides(
    resolved: &mut [Resolved],
    keys: &Map<Box<str>, u32>,
    overrides: &[(usize, &Override)],
    problems: &mut Vec<Problem>,
) {
    // Replace before extend before restrict, whatever the order in which they are stored.
    for kind in [OverrideKind::Replace, OverrideKind::Extend, OverrideKind::Restrict] {
        for (i, item) in overrides.iter().filter(|(_, item)| item.kind == kind) {
            let role = keys.get(&*item.role).and_then(|number| resolved.get_mut(*number as usize));
            let Some(role) = role else {
                let message = format!("there is no role {:?} to change", super::name::shown(&item.role));
                problems.push(Problem::new(format!("overrides[{i}].role"), "unknown_role", message));
                continue;
            };
            role.overridden = true;
            let (parsed, readable) = patterns(&item.patterns, &format!("overrides[{i}].patterns"), problems);
            match kind {
                OverrideKind::Replace => {
                    role.parts.retain(|part| part.origin == Origin::Replaced);
                    role.parts.push(Part { allow: parsed, minus: vec![], origin: Origin::Replaced });
                }
                OverrideKind::Extend => {
                    role.parts.push(Part { allow: parsed, minus: vec![], origin: Origin::Extended });
                }
                OverrideKind::Restrict if readable => {
                    role.parts.iter_mut().for_each(|part| part.minus.extend(parsed.iter().cloned()));
                }
                OverrideKind::Restrict => role.parts.clear(),
            }
        }
    }
}

/// Puts parents before children. Roles on a cycle are reported with the path, and give and inherit nothing.
fn order(resolved: &mut [Resolved], before: usize, problems: &mut Vec<Problem>) -> Vec<usize> {
    let mut circles = false;
    // 0 unseen, 1 on the present path, 2 done. The path is kept by hand: a long chain must not overflow the stack.
    let mut state = vec![0_u8; resolved.len()];
    let mut order = Vec::with_capacity(resolved.len());
    for start in 0..resolved.len() {
        let mut path = vec![(start, 0_usize)];
        if state.get(start) != Some(&0) {
            continue;
        }
        set(&mut state, start, 1);
        while let Some((role, seen)) = path.last_mut() {
            let parent = resolved.get(*role).and_then(|found| found.parents.get(*seen)).map(|p| *p as usize);
            *seen += 1;
            let Some(parent) = parent else {
                order.push(*role);
                set(&mut state, *role, 2);
                path.pop();
                continue;
            };
            match state.get(parent) {
                Some(0) => {
                    set(&mut state, parent, 1);
                    path.push((parent, 0));
                }
                Some(1) => {
                    let from = path.iter().position(|(role, _)| *role == parent).unwrap_or_default();
                    let circle: Vec<usize> = path.iter().skip(from).map(|(role, _)| *role).collect();
                    report_cycle(resolved, &circle, before, problems);
                    circles = true;
                }
                _ => {}
            }
        }
    }
    if circles {
        let cyclic: Vec<bool> = (0..resolved.len()).map(|role| reaches_itself(resolved, role)).collect();
        for (role, _) in resolved.iter_mut().zip(&cyclic).filter(|(_, cyclic)| **cyclic) {
            role.parts.clear();
            role.parents.clear();
        }
    }
    order
}

/// Whether a role stands on a circle. Only asked where there is one, so its cost does not matter.
fn reaches_itself(resolved: &[Resolved], role: usize) -> bool {
    let mut seen = vec![false; resolved.len()];
    let mut open = vec![role];
    while let Some(current) = open.pop() {
        for parent in resolved.get(current).map_or(&[][..], |role| &role.parents) {
            let parent = *parent as usize;
            if parent == role {
                return true;
            }
            if seen.get(parent) == Some(&false) {
                set(&mut seen, parent, true);
                open.push(parent);
            }
        }
    }
    false
}

fn set<T>(items: &mut [T], place: usize, value: T) {
    if let Some(item) = items.get_mut(place) {
        *item = value;
    }
}

fn report_cycle(resolved: &[Resolved], circle: &[usize], before: usize, problems: &mut Vec<Problem>) {
    // The same circle reads the same wherever the search began: it starts at its first role.
    let first = circle.iter().enumerate().min_by_key(|(_, role)| **role).map_or(0, |(place, _)| place);
    let turned = circle.iter().cycle().skip(first).take(circle.len() + 1);
    let keys: Vec<_> = turned.filter_map(|role| resolved.get(*role)).map(|role| &*role.key).collect();
    let place = circle.iter().min().map_or(0, |role| role.saturating_sub(before));
    let message = format!("roles inherit each other in a circle: {}", keys.join(" > "));
    problems.push(Problem::new(format!("roles[{place}].parents"), "role_cycle", message));
}

fn inherit(registry: &Registry, resolved: &mut [Resolved], order: &[usize]) {
    for place in order {
        let Some(role) = resolved.get(*place) else { continue };
        let mut own = Bits::new(registry.len());
        let mut star = Bits::new(registry.len());
        for part in &role.parts {
            let bits = part.bits(registry);
            if part.allow.iter().any(Pattern::is_everything) {
                star.add(&bits);
            }
            own.add(&bits);
        }
        let mut all = own.clone();
        for parent in role.parents.iter().filter_map(|parent| resolved.get(*parent as usize)) {
            all.add(&parent.all);
            star.add(&parent.star);
        }
        if let Some(role) = resolved.get_mut(*place) {
            (role.own, role.all, role.star) = (own, all, star);
        }
    }
}
