//! What one principal may do, compiled.

use super::compile::{Cover, Detail, Entry, Extra, Holds, ROOT_REACHED, Verdict, depth};
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
    /// Nothing but a few roles below the platform. The first entry stands in the set itself, for most principals have
    /// one: a check of theirs then reads memory in one place only.
    Plain(Entry, Box<[Entry]>),
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

    /// Whether the catalogue says that the use of a permission asks for fresh authentication.
    pub fn is_dangerous(&self, permission: impl Asked) -> bool {
        let core = &self.world.core;
        let number = permission.number(&self.world.registry());
        let place = number.and_then(|number| core.entries.get(number as usize));
        place.and_then(|place| core.catalogue.permissions.get(*place)).is_some_and(|entry| entry.dangerous)
    }

    /// The entries, parents before their children.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let (first, rest) = match &self.held {
            Held::Plain(first, rest) => (Some(first), rest),
            Held::Full(extra) => (None, &extra.entries),
        };
        first.into_iter().chain(rest)
    }

    fn entry(&self, place: usize) -> Option<&Entry> {
        match &self.held {
            Held::Plain(first, rest) => place.checked_sub(1).map_or(Some(first), |place| rest.get(place)),
            Held::Full(extra) => extra.entries.get(place),
        }
    }

    #[inline]
    pub(crate) fn extra(&self) -> Option<&Extra> {
        match &self.held {
            Held::Plain(..) => None,
            Held::Full(extra) => Some(extra),
        }
    }

    #[inline]
    pub(crate) fn decide_number(&self, number: u32, scope: &Scope, now: Timestamp) -> Decision {
        match &self.held {
            Held::Plain(first, rest) => {
                Decision { allowed: self.any_role_gives(first, rest, number, scope), audited: false }
            }
            Held::Full(_) => self.decide_full(number, scope, now),
        }
    }

    /// Whether one of a few roles gives the permission, where nothing else is held.
    ///
    /// `&` and `|` stand where `&&` and `||` would read better: a branch on the answer is guessed wrong half of the
    /// time, and a wrong guess costs the processor more than the rest of the check.
    #[inline]
    fn any_role_gives(&self, first: &Entry, rest: &[Entry], number: u32, scope: &Scope) -> bool {
        let (roles, uppers) = (self.world.roles_at(scope), uppers(scope.mask()));
        let on = first.is_on(uppers, ROOT_REACHED, scope);
        let (mut reached, mut given) = (ROOT_REACHED | u32::from(on), on & roles.has(first.holds, number));
        for (place, entry) in (1_u32..).zip(rest) {
            let on = entry.is_on(uppers, reached, scope);
            reached |= u32::from(on) << (place & 31);
            given |= on & roles.has(entry.holds, number);
        }
        given & !self.world.core.gated.contains(number)
    }

    #[inline(never)]
    fn decide_full(&self, number: u32, scope: &Scope, now: Timestamp) -> Decision {
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
            tally.allowed && !top && !self.extra().is_some_and(|extra| extra.forbids)
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
        match &self.held {
            Held::Full(extra) if extra.entries.len() > WALKED => {
                return self.search(&extra.entries, scope, &mut visit);
            }
            _ => {}
        }
        let (uppers, mut reached) = (uppers(scope.mask()), ROOT_REACHED);
        for (place, entry) in (0_u32..).zip(self.entries()) {
            if entry.is_on(uppers, reached, scope)
                && (entry.mask() & RESOURCE == 0 || self.same_kind(*entry, scope))
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
    fn search(&self, entries: &[Entry], scope: &Scope, visit: &mut dyn FnMut(Entry) -> bool) {
        let nil = Uuid::nil();
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
            match self.entry(entry.parent()) {
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
            match self.entry(current.parent()) {
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
        let held = match &self.held {
            Held::Plain(_, rest) => size_of_val(&**rest),
            Held::Full(extra) => size_of_val(&*extra.entries),
        };
        let extra = self.extra().map_or(0, |extra| {
            let key = extra.key.as_ref().map_or(0, |key| size_of_val(&**key) + size_of_val(key.bits.words()));
            let features = extra.features.iter().map(|(_, bits)| size_of_val(bits.words())).sum::<usize>();
            size_of::<Extra>() + size_of_val(&*extra.details) + size_of_val(&*extra.features) + key + features
        });
        size_of::<Self>() + held + extra
    }
}
