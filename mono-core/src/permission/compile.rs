//! From the facts about a principal to a set that answers in nanoseconds.

use super::bits::Bits;
use super::engine::{Engine, World};
use super::grant::{Effect, KeyRestriction, Principal, Subject, TenantFeatures};
use super::pattern::Pattern;
use super::scope::{PARTS, ResourceKind, Scope};
use super::set::{Held, PermissionSet, WALKED};
use crate::id::{AssignmentId, GrantId, TenantId, UserId};
use crate::time::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

/// One place on the path of a scope, with what holds there. Parents stand before their children.
///
/// Twenty-four bytes, so that a principal with a few roles fits into two cache lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// The id of the last part of the path; nil at the platform.
    pub(crate) id: Uuid,
    /// A role, the place of a detail, or nothing.
    pub(crate) holds: u32,
    /// The place of the parent, then three bits for the place of the last part in a path, then the parts of the path.
    parent: u32,
}

/// Stands for the parent of an entry that has none. The most entries that places of parents can tell apart.
const ROOT: u32 = (1 << 24) - 1;
/// The bit of `ROOT` among the entries that are reached; no place of a walked set has it.
pub(crate) const ROOT_REACHED: u32 = 1 << (ROOT & 31);
const DETAIL: u32 = 1 << 31;
const NOTHING: u32 = DETAIL - 1;

/// What an entry holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holds {
    Nothing,
    Role(u32),
    Detail(u32),
}

impl Entry {
    #[inline]
    pub(crate) fn mask(self) -> u8 {
        (self.parent & 31) as u8
    }

    #[inline]
    pub(crate) fn parent(self) -> usize {
        (self.parent >> 8) as usize
    }

    /// Whether its place contains the scope, but for the kind of a resource. Parents come first, so it does if its
    /// parent, a bit of `reached`, does and its own id is on the path.
    #[inline]
    pub(crate) fn is_on(self, uppers: u32, reached: u32, scope: &Scope) -> bool {
        (uppers >> self.mask() & 1 == 1)
            & (reached >> (self.parent() & 31) & 1 == 1)
            & (self.id == *scope.at_place((self.parent >> 5 & 7) as usize))
    }

    /// Whether it holds nothing and is only on the way to others.
    #[inline]
    pub(crate) fn is_path(self) -> bool {
        self.holds == NOTHING
    }

    #[inline]
    pub(crate) fn holds(self) -> Holds {
        match self.holds {
            NOTHING => Holds::Nothing,
            role if role & DETAIL == 0 => Holds::Role(role),
            detail => Holds::Detail(detail & !DETAIL),
        }
    }
}

/// What a detail covers.
#[derive(Debug, Clone)]
pub(crate) enum Cover {
    Role(u32),
    Pattern(Pattern, Bits),
    /// A stored allow that cannot be read, or an unknown role.
    Nothing,
}

/// Why an entry forbids, or that it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allow,
    Deny,
    Guardrail(Box<str>),
    Suspended,
    /// A stored deny that cannot be read: the whole set is closed.
    Unreadable,
}

/// Which fact an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Assignment(Option<AssignmentId>),
    Grant(Option<GrantId>),
    Rule,
}

/// All that an entry says beyond "this role holds here".
#[derive(Debug, Clone)]
pub(crate) struct Detail {
    pub(crate) cover: Cover,
    pub(crate) verdict: Verdict,
    pub(crate) kind: Option<ResourceKind>,
    pub(crate) starts_at: Option<Timestamp>,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) source: Source,
    pub(crate) by: Option<UserId>,
    pub(crate) group: Option<Box<str>>,
}

impl Detail {
    fn rule(cover: Cover, verdict: Verdict) -> Self {
        let (kind, starts_at, ends_at, by, group) = (None, None, None, None, None);
        Self { cover, verdict, kind, starts_at, ends_at, source: Source::Rule, by, group }
    }

    pub(crate) fn live(&self, now: Timestamp) -> bool {
        self.starts_at.is_none_or(|start| start <= now) && self.ends_at.is_none_or(|end| now < end)
    }

    pub(crate) fn denies(&self) -> bool {
        self.verdict != Verdict::Allow
    }
}

/// The restriction of an API key, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) at: Scope,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) bits: Bits,
}

/// The entries with what most principals do not need.
#[derive(Debug)]
pub(crate) struct Extra {
    pub(crate) entries: Box<[Entry]>,
    /// Whether some detail denies.
    pub(crate) forbids: bool,
    pub(crate) faulty: bool,
    pub(crate) details: Box<[Detail]>,
    // Boxed: few principals are keys.
    pub(crate) key: Option<Box<Key>>,
    pub(crate) features: Box<[(TenantId, Bits)]>,
    pub(crate) home: Option<TenantId>,
}

impl Engine {
    /// Compiles the facts about a principal. The order of the facts never matters.
    ///
    /// Facts that cannot be read are not an error here: an allow gives nothing, a deny closes the set, and
    /// [`PermissionSet::is_faulty`] says so; [`Engine::inspect`] lists them.
    pub fn compile(&self, facts: &Principal) -> PermissionSet {
        let world = &self.world;
        let count =
            facts.assignments.len() + facts.grants.len() + facts.guardrails.len() + facts.suspended.len();
        let mut builder = Builder { held: Vec::with_capacity(count), details: Vec::new(), faulty: false };
        builder.assignments(world, facts);
        builder.grants(world, facts);
        let (mut entries, platform) = builder.entries();
        if entries.len() >= ROOT as usize {
            // Beyond what the form can hold: nothing is given rather than something wrong.
            entries.clear();
            builder.faulty = true;
        }
        let key = facts.key.as_ref().map(|key| Box::new(resolve_key(world, key)));
        let gated = !world.core.features.is_empty();
        let features = if gated { features(world, &facts.features) } else { Box::default() };
        // Only what may pass outside its home needs to know it.
        let home = facts.home.filter(|_| platform);
        let (details, faulty) = (builder.details.into_boxed_slice(), builder.faulty);
        let plain = details.is_empty() && key.is_none() && features.is_empty() && !platform && !faulty;
        let held = if plain && entries.len() <= WALKED {
            let mut entries = entries.into_iter();
            let first = entries.next().unwrap_or(new_entry(&Scope::platform(), None, NOTHING));
            Held::Plain(first, entries.collect())
        } else {
            let forbids = details.iter().any(Detail::denies);
            Held::Full(Box::new(Extra {
                entries: entries.into(),
                forbids,
                faulty,
                details,
                key,
                features,
                home,
            }))
        };
        PermissionSet { world: Arc::clone(world), held }
    }
}

struct Builder {
    held: Vec<(Scope, u32)>,
    details: Vec<Detail>,
    faulty: bool,
}

impl Builder {
    fn detail(&mut self, scope: Scope, mut detail: Detail) {
        detail.kind = scope.resource_id().map(|(kind, _)| kind);
        let place = u32::try_from(self.details.len()).unwrap_or(NOTHING);
        self.held.push((scope, place | DETAIL));
        self.details.push(detail);
    }

    fn assignments(&mut self, world: &World, facts: &Principal) {
        for item in &facts.assignments {
            let role = world.roles_at(&item.scope).find(&item.role);
            self.faulty |= role.is_none();
            let group = match &item.subject {
                Some(Subject::Group(group)) => Some(group.as_str().into()),
                _ => None,
            };
            let plain = item.starts_at.is_none()
                && item.ends_at.is_none()
                && group.is_none()
                && item.scope.resource_id().is_none();
            match role {
                Some(role) if plain && role < NOTHING => self.held.push((item.scope, role)),
                role => {
                    let cover = role.map_or(Cover::Nothing, Cover::Role);
                    let allow = Detail::rule(cover, Verdict::Allow);
                    let source = Source::Assignment(item.id);
                    let (starts_at, ends_at) = (item.starts_at, item.ends_at);
                    self.detail(item.scope, Detail { starts_at, ends_at, source, group, ..allow });
                }
            }
        }
    }

    fn grants(&mut self, world: &World, facts: &Principal) {
        let everything = |verdict| Detail::rule(cover(world, "*"), verdict);
        for item in &facts.grants {
            let cover = cover(world, &item.pattern);
            let readable = !matches!(cover, Cover::Nothing);
            self.faulty |= !readable;
            let (rule, scope) = match item.effect {
                Effect::Allow => (Detail::rule(cover, Verdict::Allow), item.scope),
                Effect::Deny if readable => (Detail::rule(cover, Verdict::Deny), item.scope),
                Effect::Deny => (everything(Verdict::Unreadable), Scope::platform()),
            };
            let group = match &item.subject {
                Some(Subject::Group(group)) => Some(group.as_str().into()),
                _ => None,
            };
            let (starts_at, ends_at, by) = (item.starts_at, item.ends_at, item.granted_by);
            self.detail(
                scope,
                Detail { starts_at, ends_at, by, group, source: Source::Grant(item.id), ..rule },
            );
        }
        for item in &facts.guardrails {
            let cover = cover(world, &item.pattern);
            if matches!(cover, Cover::Nothing) {
                self.faulty = true;
                self.detail(Scope::platform(), everything(Verdict::Unreadable));
            } else {
                let verdict = Verdict::Guardrail(item.reason.as_str().into());
                self.detail(item.scope, Detail::rule(cover, verdict));
            }
        }
        for scope in &facts.suspended {
            self.detail(*scope, everything(Verdict::Suspended));
        }
    }

    /// Lays the entries out: every path once, parents before children, sorted within one depth. Says also whether
    /// anything is held at the platform.
    fn entries(&mut self) -> (Vec<Entry>, bool) {
        self.held.sort_unstable();
        let mut entries: Vec<Entry> = Vec::with_capacity(self.held.len() + 4);
        // The present path: for each part the place of its entry and the scope that ends there.
        let mut path: Vec<(usize, Scope)> = Vec::with_capacity(6);
        for (scope, holds) in &self.held {
            while path.last().is_some_and(|(_, upper)| !upper.contains(scope)) {
                path.pop();
            }
            let same = path.last().is_some_and(|(_, upper)| upper == scope);
            for step in steps(scope) {
                let missing = path.last().is_none_or(|(_, upper)| step != *upper && upper.contains(&step));
                // The platform holds its own entries only: every path begins there anyway.
                if missing && (step.mask() != 0 || *scope == step) {
                    let parent = path.last().map(|(place, _)| *place);
                    path.push((entries.len(), step));
                    entries.push(new_entry(&step, parent, NOTHING));
                }
            }
            let Some((place, _)) = path.last().copied() else { continue };
            match entries.get_mut(place) {
                Some(entry) if !same && entry.holds == NOTHING => entry.holds = *holds,
                _ => {
                    let parent = path.iter().rev().nth(1).map(|(place, _)| *place);
                    entries.push(new_entry(scope, parent, *holds));
                }
            }
        }
        let platform = self.held.first().is_some_and(|(scope, _)| scope.mask() == 0);
        (sorted(entries), platform)
    }
}

/// The scopes from the top down to this one.
fn steps(scope: &Scope) -> impl Iterator<Item = Scope> {
    let whole = *scope;
    std::iter::once(Scope::platform()).chain(
        PARTS.into_iter().filter(move |part| whole.mask() & part != 0).map(move |part| whole.upto(part)),
    )
}

fn new_entry(scope: &Scope, parent: Option<usize>, holds: u32) -> Entry {
    let last = PARTS.into_iter().rev().find(|part| scope.mask() & part != 0);
    let id = last.map_or(Uuid::nil(), |part| *scope.part(part));
    let parent = parent.and_then(|parent| u32::try_from(parent).ok()).unwrap_or(ROOT);
    Entry { id, holds, parent: packed(parent, scope.mask()) }
}

fn packed(parent: u32, mask: u8) -> u32 {
    parent << 8 | (depth(mask).wrapping_sub(1) & 7) << 5 | u32::from(mask)
}

/// Sorts by depth and id, so that a place is found by search, and moves the places of parents along. Few entries are
/// walked from front to back anyway and stay as they are.
fn sorted(entries: Vec<Entry>) -> Vec<Entry> {
    if entries.len() <= WALKED || entries.len() >= ROOT as usize {
        return entries;
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|place| entries.get(*place).map(|entry| (depth(entry.mask()), entry.id)));
    let mut moved = vec![0_u32; entries.len()];
    for (new, old) in (0_u32..).zip(&order) {
        if let Some(slot) = moved.get_mut(*old) {
            *slot = new;
        }
    }
    let renew = |old: &usize| {
        let entry = *entries.get(*old)?;
        let parent = moved.get(entry.parent()).copied().unwrap_or(ROOT);
        Some(Entry { parent: packed(parent, entry.mask()), ..entry })
    };
    order.iter().filter_map(renew).collect()
}

/// The depth of a path: the place of its last part, with the platform above all.
#[inline]
pub(crate) fn depth(mask: u8) -> u32 {
    u8::BITS - mask.leading_zeros()
}

fn cover(world: &World, text: &str) -> Cover {
    match Pattern::parse(text) {
        Ok(pattern) => {
            let bits = world.core.registry.covered(&pattern);
            Cover::Pattern(pattern, bits)
        }
        Err(_) => Cover::Nothing,
    }
}

fn resolve_key(world: &World, key: &KeyRestriction) -> Key {
    let core = &world.core;
    let read = |scope: &String| core.catalogue.key_pattern(scope, key.at.tier());
    let patterns: Vec<Pattern> = key.scopes.iter().filter_map(read).collect();
    let mut bits = Bits::new(core.registry.len());
    for pattern in &patterns {
        bits.add(&core.registry.covered(pattern));
    }
    Key { at: key.at, patterns, bits }
}

fn features(world: &World, held: &[TenantFeatures]) -> Box<[(TenantId, Bits)]> {
    let known = &world.core.features;
    let mut found: Vec<(TenantId, Bits)> = Vec::with_capacity(held.len());
    for item in held {
        let place = found.iter().position(|(tenant, _)| *tenant == item.tenant).unwrap_or_else(|| {
            found.push((item.tenant, Bits::new(known.len())));
            found.len() - 1
        });
        let Some((_, bits)) = found.get_mut(place) else { continue };
        let numbers = item.features.iter().filter_map(|feature| known.binary_search(feature).ok());
        numbers.filter_map(|number| u32::try_from(number).ok()).for_each(|number| bits.insert(number));
    }
    found.into()
}
