//! "May the holder pass this on?"

use super::compile::{Cover, Detail, Entry, Holds, Verdict};
use super::graph::{Part, RoleTable};
use super::pattern::Pattern;
use super::scope::Scope;
use super::set::PermissionSet;
use crate::time::Timestamp;

/// What somebody wants to pass on: a pattern, less some patterns, at a scope, until a moment.
struct Wanted<'a> {
    pattern: &'a Pattern,
    minus: &'a [Pattern],
    scope: &'a Scope,
    until: Option<Timestamp>,
    now: Timestamp,
}

impl Wanted<'_> {
    /// Whether what is taken away takes nothing that is wanted.
    fn spared_by(&self, taken: &Pattern) -> bool {
        !taken.overlaps(self.pattern) || self.minus.iter().any(|minus| minus.covers_pattern(taken))
    }

    fn within(&self, part: &Part) -> bool {
        part.allow.iter().any(|allow| allow.covers_pattern(self.pattern))
            && part.minus.iter().all(|minus| self.spared_by(minus))
    }

    fn lasts(&self, detail: &Detail) -> bool {
        let ends_later = |end| self.until.is_some_and(|until| until <= end && self.now < end);
        detail.starts_at.is_none_or(|start| start <= self.now) && detail.ends_at.is_none_or(ends_later)
    }

    /// Whether the detail is live at some moment between now and the end.
    fn meets(&self, detail: &Detail) -> bool {
        let begins = |start| start <= self.now || self.until.is_none_or(|until| start < until);
        detail.starts_at.is_none_or(begins) && detail.ends_at.is_none_or(|end| self.now < end)
    }
}

impl PermissionSet {
    /// Whether the holder may pass a pattern on at a scope until a moment (`None`: for ever).
    ///
    /// Some single thing that is held has to cover the pattern as a pattern, at the scope or above it, for at least as
    /// long: holding every permission that exists today is not holding `*`. What a deny or the API key takes away is
    /// not held. Features do not matter: they bound the receiver in the same way.
    ///
    /// A guardrail below the scope does not stand in the way, for it binds the receiver too; a deny that binds only the
    /// holder does.
    pub fn covers(&self, pattern: &Pattern, scope: &Scope, until: Option<Timestamp>, now: Timestamp) -> bool {
        self.covers_wanted(&Wanted { pattern, minus: &[], scope, until, now })
    }

    /// Whether the holder may give a role at a scope until a moment: everything that the role gives there is covered.
    /// An unknown role is not.
    pub fn covers_role(&self, role: &str, scope: &Scope, until: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(number) = self.world.roles_at(scope).find(role) else { return false };
        self.tables_below(scope).all(|(at, table)| {
            table.lineage(number).iter().filter_map(|(role, _)| table.get(*role)).all(|role| {
                role.parts.iter().all(|part| {
                    let wanted =
                        |pattern| Wanted { pattern, minus: part.minus.as_slice(), scope: &at, until, now };
                    part.allow.iter().all(|pattern| self.covers_wanted(&wanted(pattern)))
                })
            })
        })
    }

    /// The roles as they are at the scope and, for a scope of the platform, in each tenant below it.
    fn tables_below<'a>(&'a self, scope: &Scope) -> impl Iterator<Item = (Scope, &'a RoleTable)> + use<'a> {
        let everywhere = scope.mask() == 0;
        let tenants = self.world.tenants.values().filter(move |_| everywhere);
        let below = tenants.map(|rules| (Scope::tenant(rules.tenant), &rules.roles));
        std::iter::once((*scope, self.world.roles_at(scope))).chain(below)
    }

    fn covers_wanted(&self, wanted: &Wanted<'_>) -> bool {
        let key = self.extra.as_ref().and_then(|extra| extra.key.as_ref());
        let by_key = key.is_none_or(|key| {
            key.at.contains(wanted.scope)
                && key.patterns.iter().any(|held| held.covers_pattern(wanted.pattern))
        });
        let star = self.any_above(wanted, |entry| entry.mask() == 0 && self.gives_star(entry, wanted));
        by_key
            && (star
                || self
                    .tables_below(wanted.scope)
                    .all(|(_, table)| self.any_above(wanted, |entry| self.gives(entry, table, wanted))))
            && !self.entries.iter().any(|entry| self.takes(*entry, star, wanted))
    }

    fn any_above(&self, wanted: &Wanted<'_>, test: impl Fn(Entry) -> bool) -> bool {
        let mut found = false;
        self.walk(wanted.scope, |entry| found |= test(entry));
        found
    }

    fn gives(&self, entry: Entry, table: &RoleTable, wanted: &Wanted<'_>) -> bool {
        match self.allowed_by(entry, wanted) {
            Some(Cover::Role(role)) => parts(table, role).any(|part| wanted.within(part)),
            Some(Cover::Pattern(pattern, _)) => pattern.covers_pattern(wanted.pattern),
            Some(Cover::Nothing) | None => false,
        }
    }

    /// Whether an entry of the platform gives what is wanted by `*`; what tenants change does not count.
    fn gives_star(&self, entry: Entry, wanted: &Wanted<'_>) -> bool {
        match self.allowed_by(entry, wanted) {
            Some(Cover::Role(role)) => parts(&self.world.core.roles, role)
                .any(|part| part.allow.iter().any(Pattern::is_everything) && wanted.within(part)),
            Some(Cover::Pattern(pattern, _)) => pattern.is_everything(),
            Some(Cover::Nothing) | None => false,
        }
    }

    fn allowed_by(&self, entry: Entry, wanted: &Wanted<'_>) -> Option<Cover> {
        match entry.holds() {
            Holds::Nothing => None,
            Holds::Role(role) => Some(Cover::Role(role)),
            Holds::Detail(place) => {
                let detail = self.detail(place).filter(|detail| !detail.denies() && wanted.lasts(detail))?;
                Some(detail.cover.clone())
            }
        }
    }

    /// Whether a deny takes something of what is wanted. A super admin is bound only at the platform.
    fn takes(&self, entry: Entry, star: bool, wanted: &Wanted<'_>) -> bool {
        let Holds::Detail(place) = entry.holds() else { return false };
        let Some(detail) = self.detail(place).filter(|detail| detail.denies() && wanted.meets(detail)) else {
            return false;
        };
        let at = self.scope_of(entry);
        let above = at.contains(wanted.scope) && (!star || entry.mask() == 0);
        let below = detail.verdict == Verdict::Deny && !star && wanted.scope.contains(&at);
        match &detail.cover {
            Cover::Pattern(pattern, _) => (above || below) && !wanted.spared_by(pattern),
            Cover::Role(_) | Cover::Nothing => false,
        }
    }
}

fn parts(table: &RoleTable, role: u32) -> impl Iterator<Item = &Part> {
    let lineage = table.lineage(role);
    lineage.into_iter().filter_map(|(role, _)| table.get(role)).flat_map(|role| &role.parts)
}
