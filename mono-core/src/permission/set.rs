//! What one principal may do, compiled.

use super::compile::{Cover, Detail, Entry, Extra, Holds, Verdict, depth};
use super::engine::{Engine, World};
use super::graph::RoleTable;
use super::registry::{Asked, PermissionId};
use super::scope::{PARTS, RESOURCE, Scope, above, uppers};
use crate::time::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

/// Up to so many entries are walked from front to back; more are searched.
pub(crate) const WALKED: usize = 16;

/// What one principal may do, in one state of the world.
///
/// It is never changed: when the facts or the rules change, another is compiled. Starts and ends are looked at in every
/// check, so a set that is kept stays right as time goes by. A check takes no lock and allocates nothing.
#[derive(Debug)]
pub struct PermissionSet {
    pub(crate) world: Arc<World>,
    pub(crate) held: Held,
}

/// The entries, and beside them what most principals do not need: a set is kept for every principal, so it is small.
#[derive(Debug)]
pub(crate) enum Held {
    Plain(Box<[Entry]>),
    Full(Box<Extra>),
}

/// The answer to one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Whether it passes by `*` at the platform, outside of the principal's home tenant. Such a pass is audited.
    pub audited: bool,
}

/// What the entries say, before feature and key are looked at.
#[derive(Debug, Default, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts, read by name")]
pub(crate) struct Tally {
    pub(crate) allowed: bool,
    pub(crate) denied: bool,
    /// Denied at the platform, which binds the super admin too.
    pub(crate) closed: bool,
    /// Allowed by the pattern `*` at the platform.
    pub(crate) star: bool,
}

impl PermissionSet {
    /// Whether the permission is allowed at the scope.
    ///
    /// A prepared [`PermissionId`] is the fastest to ask for, then a constant, then a text.
    #[inline]
    pub fn check(&self, permission: impl Asked, scope: &Scope, now: Timestamp) -> bool {
        self.decide(permission, scope, now).allowed
    }

    /// Whether the permission is allowed at the scope, and whether the pass has to be audited.
    #[inline]
    pub fn decide(&self, permission: impl Asked, scope: &Scope, now: Timestamp) -> Decision {
        match permission.number(&self.world.registry()) {
            Some(number) => self.decide_number(number, scope, now),
            None => Decision { allowed: false, audited: false },
        }
    }

    /// Answers many questions at once, in their order.
    pub fn check_all(&self, questions: &[(PermissionId, Scope)], now: Timestamp) -> Vec<bool> {
        questions.iter().map(|(permission, scope)| self.check(permission, scope, now)).collect()
    }

    #[inline]
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.held {
            Held::Plain(entries) => entries,
            Held::Full(extra) => &extra.entries,
        }
    }

    #[inline]
    pub(crate) fn extra(&self) -> Option<&Extra> {
        match &self.held {
            Held::Plain(_) => None,
            Held::Full(extra) => Some(extra),
        }
    }

    #[inline]
    pub(crate) fn decide_number(&self, number: u32, scope: &Scope, now: Timestamp) -> Decision {
        let tally = self.tally(number, scope, now);
        let allowed = tally.allowed
            && !tally.closed
            && (tally.star || (!tally.denied && self.has_feature(number, scope)))
            && self.key_allows(number, scope);
        Decision { allowed, audited: allowed && tally.star && !self.at_home(scope) }
    }

    #[inline]
    pub(crate) fn tally(&self, number: u32, scope: &Scope, now: Timestamp) -> Tally {
        let roles = self.world.roles_at(scope);
        let mut tally = Tally::default();
        self.walk_until(scope, |entry| {
            let top = entry.mask() == 0;
            match entry.holds() {
                Holds::Nothing => {}
                Holds::Role(role) => {
                    let star = top && self.is_star(role, number);
                    tally.star |= star;
                    tally.allowed |= star || roles.has(role, number);
                }
                Holds::Detail(place) => self.tally_detail(place, top, roles, number, now, &mut tally),
            }
            // Where nothing forbids, one allow is enough; what stands at the platform comes first.
            self.extra().is_none() && tally.allowed && !top
        });
        tally
    }

    #[inline(never)]
    fn tally_detail(
        &self,
        place: u32,
        top: bool,
        roles: &RoleTable,
        number: u32,
        now: Timestamp,
        tally: &mut Tally,
    ) {
        let Some(detail) = self.detail(place).filter(|detail| detail.live(now)) else { return };
        let (covered, star) = match &detail.cover {
            Cover::Role(role) => {
                let star = top && self.is_star(*role, number);
                (star || roles.has(*role, number), star)
            }
            Cover::Pattern(pattern, bits) => (bits.contains(number), top && pattern.is_everything()),
            Cover::Nothing => (false, false),
        };
        if detail.denies() {
            tally.denied |= covered;
            tally.closed |= covered && top;
        } else {
            tally.allowed |= covered;
            tally.star |= covered && star;
        }
    }

    /// Calls `visit` for each entry whose place contains the scope, until it says that it has seen enough.
    #[inline]
    pub(crate) fn walk_until(&self, scope: &Scope, mut visit: impl FnMut(Entry) -> bool) {
        let entries = self.entries();
        if entries.len() > WALKED {
            return self.search(scope, &mut visit);
        }
        // Parents come first, so a place contains the scope if its parent does and its own id is on the path.
        let (uppers, mut reached) = (uppers(scope.mask()), 0_u32);
        for (place, entry) in (0_u32..).zip(entries) {
            let mask = entry.mask();
            let first = mask & mask.wrapping_sub(1) == 0;
            if uppers >> mask & 1 == 1
                && (first || reached >> (entry.parent() & 31) & 1 == 1)
                && entry.id == *scope.at_depth(depth(mask))
                && (mask & RESOURCE == 0 || self.same_kind(*entry, scope))
            {
                reached |= 1 << (place & 31);
                if !entry.is_path() && visit(*entry) {
                    return;
                }
            }
        }
    }

    /// Calls `visit` for each entry whose place contains the scope.
    pub(crate) fn walk(&self, scope: &Scope, mut visit: impl FnMut(Entry)) {
        self.walk_until(scope, |entry| {
            visit(entry);
            false
        });
    }

    // Apart, so that the loop over few entries stays small enough to be inlined.
    #[inline(never)]
    fn search(&self, scope: &Scope, visit: &mut dyn FnMut(Entry) -> bool) {
        let (nil, entries) = (Uuid::nil(), self.entries());
        let parts = PARTS.into_iter().filter(|part| scope.mask() & part != 0);
        for (part, id) in std::iter::once((0, &nil)).chain(parts.map(|part| (part, scope.part(part)))) {
            let key = (depth(part), id);
            let start = entries.partition_point(|entry| (depth(entry.mask()), &entry.id) < key);
            let same = |entry: &&Entry| (depth(entry.mask()), &entry.id) == key;
            for entry in entries.iter().skip(start).take_while(same) {
                if !entry.is_path() && self.reaches(*entry, scope) && visit(*entry) {
                    return;
                }
            }
        }
    }

    /// Whether the place of an entry contains the scope. The whole path is compared: an account's id under another
    /// tenant is another account.
    #[inline]
    fn reaches(&self, mut entry: Entry, scope: &Scope) -> bool {
        let mut mask = entry.mask();
        if !above(mask, scope.mask()) {
            return false;
        }
        if mask & RESOURCE != 0 && !self.same_kind(entry, scope) {
            return false;
        }
        while mask != 0 {
            let last = 1_u8 << (depth(mask) - 1);
            if entry.id != *scope.part(last) {
                return false;
            }
            mask &= !last;
            if mask == 0 {
                return true;
            }
            match self.entries().get(entry.parent()) {
                Some(parent) => entry = *parent,
                None => return false,
            }
        }
        true
    }

    fn same_kind(&self, entry: Entry, scope: &Scope) -> bool {
        self.kind(entry) == Some(scope.resource_kind())
    }

    fn kind(&self, entry: Entry) -> Option<super::scope::ResourceKind> {
        match entry.holds() {
            Holds::Detail(place) => self.detail(place).and_then(|detail| detail.kind),
            _ => None,
        }
    }

    pub(crate) fn detail(&self, place: u32) -> Option<&Detail> {
        self.extra().and_then(|extra| extra.details.get(place as usize))
    }

    /// The scope at which an entry stands.
    pub(crate) fn scope_of(&self, entry: Entry) -> Scope {
        let (mut scope, mut current) = (Scope::platform(), entry);
        let mut mask = entry.mask();
        while mask != 0 {
            let last = 1_u8 << (depth(mask) - 1);
            scope = scope.with_part(last, current.id, self.kind(current).filter(|_| last == RESOURCE));
            mask &= !last;
            match self.entries().get(current.parent()) {
                Some(parent) if mask != 0 => current = *parent,
                _ => break,
            }
        }
        scope
    }

    /// Whether a system role gives the permission by `*`. What tenants change in the role does not count: it would
    /// bind, or make, a super admin.
    #[inline]
    pub(crate) fn is_star(&self, role: u32, number: u32) -> bool {
        self.world.core.roles.get(role).is_some_and(|role| role.star.contains(number))
    }

    /// Whether the tenant of the scope has the feature that the permission belongs to, if it belongs to one.
    #[inline]
    pub(crate) fn has_feature(&self, number: u32, scope: &Scope) -> bool {
        let Some(feature) = self.world.core.feature_of.get(number as usize).copied().flatten() else {
            return true;
        };
        let tenants = self.extra().map_or(&[][..], |extra| &extra.features);
        let held = |tenant| tenants.iter().find(|(other, _)| *other == tenant);
        scope.tenant_id().and_then(held).is_some_and(|(_, features)| features.contains(feature))
    }

    #[inline]
    pub(crate) fn key_allows(&self, number: u32, scope: &Scope) -> bool {
        let key = self.extra().and_then(|extra| extra.key.as_ref());
        key.is_none_or(|key| key.bits.contains(number) && key.at.contains(scope))
    }

    pub(crate) fn at_home(&self, scope: &Scope) -> bool {
        let home = self.extra().and_then(|extra| extra.home);
        home.is_some() && scope.tenant_id() == home
    }

    /// The next moment after `now` at which an answer may change because something starts or ends.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let details = self.extra().map_or(&[][..], |extra| &extra.details);
        let moments = details.iter().flat_map(|detail| [detail.starts_at, detail.ends_at]);
        moments.flatten().filter(|moment| *moment > now).min()
    }

    /// Whether some fact could not be understood: an unreadable pattern, an unknown role. Raise an alarm, and see
    /// [`Engine::inspect`].
    pub fn is_faulty(&self) -> bool {
        self.extra().is_some_and(|extra| extra.faulty)
    }

    /// Whether an unreadable deny closes the whole set.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        let details = self.extra().map_or(&[][..], |extra| &extra.details);
        details.iter().any(|detail| detail.verdict == Verdict::Unreadable && detail.live(now))
    }

    /// The feature that a permission belongs to, if it belongs to one.
    pub fn feature_of(&self, permission: impl Asked) -> Option<&str> {
        let number = permission.number(&self.world.registry())?;
        let place = self.world.core.feature_of.get(number as usize).copied().flatten()?;
        self.world.core.features.get(place as usize).map(String::as_str)
    }

    /// The engine that the set was compiled with.
    pub fn engine(&self) -> Engine {
        Engine { world: Arc::clone(&self.world) }
    }

    /// About how many bytes the set takes for itself; roles are shared with every other set of the engine.
    pub fn size_in_bytes(&self) -> usize {
        let extra = self.extra().map_or(0, |extra| {
            let key = extra.key.as_ref().map_or(0, |key| size_of_val(&**key) + size_of_val(key.bits.words()));
            let features = extra.features.iter().map(|(_, bits)| size_of_val(bits.words())).sum::<usize>();
            size_of::<Extra>() + size_of_val(&*extra.details) + size_of_val(&*extra.features) + key + features
        });
        size_of::<Self>() + size_of_val(self.entries()) + extra
    }
}
