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

/// What one entry gives.
enum Given<'a> {
    Role(u32),
    Pattern(&'a Pattern),
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
        let key = self.extra().and_then(|extra| extra.key.as_ref());
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
            && !self.entries().any(|entry| self.takes(*entry, star, wanted))
    }

    fn any_above(&self, wanted: &Wanted<'_>, test: impl Fn(Entry) -> bool) -> bool {
        let mut found = false;
        self.walk(wanted.scope, |entry| found |= test(entry));
        found
    }

    fn gives(&self, entry: Entry, table: &RoleTable, wanted: &Wanted<'_>) -> bool {
        match self.allowed_by(entry, wanted) {
            Some(Given::Role(role)) => parts(table, role).any(|part| wanted.within(part)),
            Some(Given::Pattern(pattern)) => pattern.covers_pattern(wanted.pattern),
            None => false,
        }
    }

    /// Whether an entry of the platform gives what is wanted by `*`; what tenants change does not count.
    fn gives_star(&self, entry: Entry, wanted: &Wanted<'_>) -> bool {
        match self.allowed_by(entry, wanted) {
            Some(Given::Role(role)) => parts(&self.world.core.roles, role)
                .any(|part| part.allow.iter().any(Pattern::is_everything) && wanted.within(part)),
            Some(Given::Pattern(pattern)) => pattern.is_everything(),
            None => false,
        }
    }

    fn allowed_by(&self, entry: Entry, wanted: &Wanted<'_>) -> Option<Given<'_>> {
        match entry.holds() {
            Holds::Nothing => None,
            Holds::Role(role) => Some(Given::Role(role)),
            Holds::Detail(place) => {
                let detail = self.detail(place).filter(|detail| !detail.denies() && wanted.lasts(detail))?;
                match &detail.cover {
                    Cover::Role(role) => Some(Given::Role(*role)),
                    Cover::Pattern(pattern, _) => Some(Given::Pattern(pattern)),
                    Cover::Nothing => None,
                }
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

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::id::{AccountId, TenantId};
    use crate::time::Timestamp;

    const T: TenantId = TenantId::from_u128(1);
    const A: AccountId = AccountId::from_u128(2);

    fn at(second: u32) -> Timestamp {
        format!("2026-01-01T00:00:{second:02}Z").parse().unwrap()
    }

    fn engine() -> Engine {
        let names = ["tenant.a.read", "tenant.a.write", "tenant.b.read"];
        let catalogue =
            names.iter().fold(Catalogue::new("1"), |list, name| list.with(PermissionEntry::new(*name, "")));
        let roles = vec![
            Role::new("all").allow(["tenant.*"]),
            Role::new("each").allow(names),
            Role::new("most").allow(["tenant.*"]).except(["tenant.a.write"]),
        ];
        Engine::build(catalogue, roles).unwrap()
    }

    fn covers(facts: &Principal, pattern: &str, scope: Scope, until: Option<Timestamp>) -> bool {
        engine().compile(facts).covers(&Pattern::parse(pattern).unwrap(), &scope, until, at(10))
    }

    fn holder(role: &str) -> Principal {
        Principal { assignments: vec![Assignment::new(role, Scope::tenant(T))], ..Principal::default() }
    }

    #[test]
    fn holding_every_action_of_today_is_not_holding_the_wildcard() {
        assert!(covers(&holder("all"), "tenant.*", Scope::tenant(T), None));
        assert!(covers(&holder("all"), "tenant.*.read", Scope::account(T, A), None));
        assert!(!covers(&holder("all"), "*", Scope::tenant(T), None));
        assert!(!covers(&holder("all"), "tenant.a.read", Scope::platform(), None));
        assert!(covers(&holder("each"), "tenant.a.read", Scope::tenant(T), None));
        assert!(!covers(&holder("each"), "tenant.*", Scope::tenant(T), None));
        // What does not exist yet is covered by the wildcard only.
        assert!(covers(&holder("all"), "tenant.c.read", Scope::tenant(T), None));
    }

    #[test]
    fn what_is_taken_away_is_not_held() {
        assert!(!covers(&holder("most"), "tenant.a.*", Scope::tenant(T), None));
        assert!(covers(&holder("most"), "tenant.*.read", Scope::tenant(T), None));
        let set = engine().compile(&holder("most"));
        assert!(set.covers_role("most", &Scope::tenant(T), None, at(10)));
        assert!(!set.covers_role("all", &Scope::tenant(T), None, at(10)));
        assert!(!set.covers_role("nobody", &Scope::tenant(T), None, at(10)));
    }

    #[test]
    fn own_denies_count_above_and_below_and_guardrails_only_above() {
        let mut facts = holder("all");
        facts.grants = vec![Grant::deny("tenant.a.read", Scope::account(T, A))];
        assert!(!covers(&facts, "tenant.*", Scope::tenant(T), None));
        assert!(covers(&facts, "tenant.b.*", Scope::tenant(T), None));
        facts.grants.clear();
        facts.guardrails = vec![Guardrail::new("tenant.a.read", Scope::account(T, A))];
        assert!(covers(&facts, "tenant.*", Scope::tenant(T), None));
        assert!(!covers(&facts, "tenant.*", Scope::account(T, A), None));
    }

    #[test]
    fn nothing_is_passed_on_for_longer_than_it_is_held() {
        let mut facts = holder("all");
        facts.assignments[0].ends_at = Some(at(20));
        assert!(covers(&facts, "tenant.*", Scope::tenant(T), Some(at(20))));
        assert!(!covers(&facts, "tenant.*", Scope::tenant(T), Some(at(21))));
        assert!(!covers(&facts, "tenant.*", Scope::tenant(T), None));
        // A deny that is still to come counts too.
        let mut facts = holder("all");
        facts.grants =
            vec![Grant { starts_at: Some(at(30)), ..Grant::deny("tenant.a.read", Scope::tenant(T)) }];
        assert!(covers(&facts, "tenant.*", Scope::tenant(T), Some(at(30))));
        assert!(!covers(&facts, "tenant.*", Scope::tenant(T), Some(at(31))));
    }

    #[test]
    fn a_key_passes_on_no_more_than_its_own_scopes() {
        let mut facts = holder("all");
        facts.key = Some(KeyRestriction { scopes: vec!["tenant.a.*".into()], at: Scope::tenant(T) });
        assert!(covers(&facts, "tenant.a.*", Scope::tenant(T), None));
        assert!(!covers(&facts, "tenant.*", Scope::tenant(T), None));
    }
}
