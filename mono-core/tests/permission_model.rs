//! The rules of the engine a second time: a page without cleverness, compared with the engine on random worlds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod permission_world;

use mono_core::id::TenantId;
use mono_core::permission::*;
use mono_core::time::Timestamp;
use permission_world::{NAMES, PATTERNS, Stored, facts, moment, places, stored};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Whether a stored pattern covers a name; `None` where it cannot be read.
fn matches(pattern: &str, name: &str) -> Option<bool> {
    fn fits(pattern: &[&str], name: &[&str]) -> bool {
        match (pattern, name) {
            ([], []) | (["*"], [_, ..]) => true,
            ([p, pattern @ ..], [n, name @ ..]) => (*p == "*" || p == n) && fits(pattern, name),
            _ => false,
        }
    }
    let segments: Vec<_> = pattern.split('.').collect();
    let good = |(i, segment): (usize, &&str)| {
        let word = !segment.is_empty() && segment.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        word || (*segment == "*" && i > 0)
    };
    let readable =
        pattern == "*" || ((2..=4).contains(&segments.len()) && segments.iter().enumerate().all(good));
    readable.then(|| pattern == "*" || fits(&segments, &name.split('.').collect::<Vec<_>>()))
}

fn any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name) == Some(true))
}

fn unreadable(patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| matches(pattern, "x.x").is_none())
}

struct Model<'a>(&'a Stored);

impl Model<'_> {
    /// The roles that exist where the target is.
    fn roles(&self, tenant: Option<TenantId>) -> Vec<&Role> {
        let custom = self.0.custom.iter().filter(|(of, _)| Some(*of) == tenant).flat_map(|(_, roles)| roles);
        self.0.roles.iter().chain(custom).collect()
    }

    fn ancestors(&self, key: &str, tenant: Option<TenantId>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![key.to_owned()];
        while let Some(key) = open.pop() {
            let role = self.roles(tenant).into_iter().find(|role| role.key == key);
            let parents = role.map(|role| role.parents.clone()).unwrap_or_default();
            open.extend(parents.into_iter().filter(|parent| found.insert(parent.clone())));
        }
        found
    }

    /// What a role gives by itself, where the target is in a tenant; with `star` only what comes from `*`.
    fn own(&self, role: &Role, tenant: Option<TenantId>, name: &str, star: bool) -> bool {
        let changes = |kind| -> Vec<&Override> {
            let mine = |o: &&Override| Some(o.tenant) == tenant && o.role == role.key && o.kind == kind;
            self.0.overrides.iter().filter(mine).collect()
        };
        let mut allow = role.allow.clone();
        if star {
            allow.retain(|pattern| pattern == "*");
        }
        let mut given = any(&allow, name) && !any(&role.except, name) && !unreadable(&role.except);
        let replaced = changes(OverrideKind::Replace);
        if !replaced.is_empty() {
            given = replaced.iter().any(|change| any(&change.patterns, name));
        }
        given |= changes(OverrideKind::Extend).iter().any(|change| any(&change.patterns, name));
        given
            && !changes(OverrideKind::Restrict)
                .iter()
                .any(|c| any(&c.patterns, name) || unreadable(&c.patterns))
    }

    fn role_gives(&self, key: &str, tenant: Option<TenantId>, name: &str, star: bool) -> bool {
        let mut lineage = self.ancestors(key, tenant);
        lineage.insert(key.to_owned());
        let roles = self.roles(tenant);
        let lineage = roles.iter().filter(|role| lineage.contains(&role.key));
        // Roles on a circle give nothing.
        let sound = |role: &&&Role| !self.ancestors(&role.key, tenant).contains(&role.key);
        let reached = |role: &&&Role| role.key == key || self.reaches(key, &role.key, tenant);
        lineage.filter(sound).filter(reached).any(|role| self.own(role, tenant, name, star))
    }

    /// Whether one role inherits another on a way that leads over no circle.
    fn reaches(&self, from: &str, to: &str, tenant: Option<TenantId>) -> bool {
        let Some(role) = self.roles(tenant).into_iter().find(|role| role.key == from) else { return false };
        if self.ancestors(from, tenant).contains(from) {
            return false;
        }
        role.parents.iter().any(|parent| parent == to || self.reaches(parent, to, tenant))
    }

    fn check(&self, facts: &Principal, name: &str, at: &Scope, now: Timestamp) -> bool {
        let live = |start: Option<Timestamp>, end: Option<Timestamp>| {
            start.is_none_or(|start| start <= now) && end.is_none_or(|end| now < end)
        };
        let platform = Scope::platform();
        let (mut allowed, mut star, mut denied, mut closed) = (false, false, false, false);
        for item in facts.assignments.iter().filter(|item| live(item.starts_at, item.ends_at)) {
            if item.scope.contains(at) {
                // Custom roles hold nowhere but in their tenant.
                let known = self.roles(item.scope.tenant_id()).iter().any(|role| role.key == item.role);
                allowed |= known && self.role_gives(&item.role, at.tenant_id(), name, false);
                star |= known && item.scope == platform && self.role_gives(&item.role, None, name, true);
            }
        }
        for item in facts.grants.iter().filter(|item| live(item.starts_at, item.ends_at)) {
            let covered = matches(&item.pattern, name);
            match item.effect {
                Effect::Allow => {
                    allowed |= covered == Some(true) && item.scope.contains(at);
                    star |= item.pattern == "*" && item.scope == platform;
                }
                Effect::Deny => {
                    denied |= covered == Some(true) && item.scope.contains(at);
                    closed |= covered.is_none() || (covered == Some(true) && item.scope == platform);
                }
            }
        }
        for item in facts.guardrails.iter().filter(|item| matches(&item.pattern, name) == Some(true)) {
            denied |= item.scope.contains(at);
            closed |= item.scope == platform;
        }
        denied |= facts.suspended.iter().any(|scope| scope.contains(at));
        closed |= facts.suspended.contains(&platform);
        let entry = self.0.catalogue.permissions.iter().find(|entry| entry.name == name).unwrap();
        let featured = entry.feature.as_ref().is_none_or(|feature| {
            let here = facts.features.iter().filter(|item| Some(item.tenant) == at.tenant_id());
            here.flat_map(|item| &item.features).any(|held| held == feature)
        });
        let by_key = facts.key.as_ref().is_none_or(|key| {
            let text = |scope: &String| self.0.catalogue.alias(scope, key.at.tier()).unwrap_or(scope.clone());
            key.at.contains(at) && any(&key.scopes.iter().map(text).collect::<Vec<_>>(), name)
        });
        by_key && !closed && (star || (allowed && !denied && featured))
    }
}

fn answers(set: &PermissionSet, now: Timestamp) -> Vec<bool> {
    let names = NAMES.iter().flat_map(|name| places().into_iter().map(move |at| (*name, at)));
    names.map(|(name, at)| set.check(name, &at, now)).collect()
}

/// Every allow of `fewer` is one of `more`.
fn within(fewer: &[bool], more: &[bool]) -> bool {
    fewer.iter().zip(more).all(|(fewer, more)| !fewer || *more)
}

/// The value as it reads after a change of its serial form.
fn through<T: serde::Serialize + serde::de::DeserializeOwned>(
    value: &T,
    change: impl Fn(String) -> String,
) -> T {
    serde_json::from_str(&change(serde_json::to_string(value).unwrap())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_decides_as_the_model(stored in stored(), facts in facts(), now in (0_i64..6).prop_map(moment)) {
        let engine = stored.engine();
        let set = engine.compile(&facts);
        let model = Model(&stored);
        for name in NAMES {
            let id = engine.resolve(name).unwrap();
            let filter = set.scopes_for(name, now);
            for at in places() {
                let expected = model.check(&facts, name, &at, now);
                let explanation = set.explain(name, &at, now);
                prop_assert_eq!(set.check(id, &at, now), expected, "{} at {}: {:?}", name, at, explanation);
                prop_assert_eq!(explanation.allowed(), expected);
                prop_assert_eq!(explanation.fact.is_some(), !matches!(
                    explanation.reason, Reason::NoGrant | Reason::NoAssignment | Reason::UnknownPermission
                ));
                prop_assert_eq!(filter.contains(&at), expected, "{} at {} by {:?}", name, at, filter);
            }
        }
    }

    #[test]
    fn order_never_matters(stored in stored(), facts in facts(), turn in 0_usize..5) {
        let (mut other, mut turned) = (stored.clone(), facts.clone());
        other.roles.reverse();
        other.overrides.reverse();
        other.custom.iter_mut().for_each(|(_, roles)| roles.reverse());
        other.catalogue.permissions.reverse();
        turned.assignments.reverse();
        turned.grants.reverse();
        turned.guardrails.reverse();
        turned.features.reverse();
        let middle = turn.min(turned.assignments.len());
        turned.assignments.rotate_left(middle);
        let (set, again) = (stored.engine().compile(&facts), other.engine().compile(&turned));
        prop_assert_eq!(answers(&set, moment(2)), answers(&again, moment(2)));
        prop_assert_eq!(set.diff(&again, moment(2)), vec![]);
        for (name, at) in [(NAMES[2], places()[3]), (NAMES[0], places()[0])] {
            prop_assert_eq!(set.explain(name, &at, moment(2)), again.explain(name, &at, moment(2)));
        }
    }

    #[test]
    fn an_allow_never_removes_and_a_deny_never_adds(stored in stored(), facts in facts(), more in facts()) {
        let engine = stored.engine();
        let before = answers(&engine.compile(&facts), moment(2));
        let mut richer = facts.clone();
        richer.assignments.extend(more.assignments.clone());
        richer.grants.extend(more.grants.iter().filter(|grant| grant.effect == Effect::Allow).cloned());
        richer.features.extend(more.features.clone());
        prop_assert!(within(&before, &answers(&engine.compile(&richer), moment(2))));
        let mut poorer = facts.clone();
        poorer.grants.extend(more.grants.iter().filter(|grant| grant.effect == Effect::Deny).cloned());
        poorer.guardrails.extend(more.guardrails);
        poorer.suspended.extend(more.suspended);
        prop_assert!(within(&answers(&engine.compile(&poorer), moment(2)), &before));
        let mut keyed = facts.clone();
        keyed.key = keyed.key.or(more.key);
        prop_assert!(within(&answers(&engine.compile(&keyed), moment(2)), &before));
    }

    #[test]
    fn renaming_tenants_changes_nothing(stored in stored(), facts in facts()) {
        // Ids sort the other way round afterwards.
        let renamed = |text: String| -> String {
            [("1", "f1"), ("2", "e1"), ("3", "d1")].iter().fold(text, |text, (old, new)| {
                text.replace(&format!("00000000-0000-0000-0000-{old:0>12}"), &format!("{new}000000-0000-0000-0000-000000000000"))
            })
        };
        let other = Stored {
            custom: through(&stored.custom, renamed), overrides: through(&stored.overrides, renamed), ..stored.clone()
        };
        let (set, again) = (stored.engine().compile(&facts), other.engine().compile(&through(&facts, renamed)));
        for name in NAMES {
            for at in places() {
                let there = through(&at, renamed);
                prop_assert_eq!(set.check(name, &at, moment(2)), again.check(name, &there, moment(2)));
            }
        }
    }

    #[test]
    fn what_is_passed_on_gives_nobody_more(stored in stored(), facts in facts(), place in 0_usize..20) {
        // Features bound the receiver in the same way, so both have all of them.
        let features = (0..3).map(|i| TenantFeatures {
            tenant: permission_world::tenant(i), features: vec!["cards".into(), "files".into()],
        });
        let facts = Principal { features: features.collect(), ..facts };
        let engine = stored.engine();
        let giver = engine.compile(&facts);
        let at = places()[place];
        let receive = |assignments, grants| engine.compile(&Principal {
            assignments, grants, guardrails: facts.guardrails.clone(), suspended: facts.suspended.clone(),
            features: facts.features.clone(), ..Principal::default()
        });
        let gated: BTreeSet<_> = stored.catalogue.permissions.iter().filter(|e| e.feature.is_some()).map(|e| e.name.clone()).collect();
        let tried: Vec<_> = PATTERNS[..7].iter().chain(&NAMES).map(|text| Pattern::parse(text).unwrap()).collect();
        for now in [1, 4].map(moment) {
            let until = Some(moment(5));
            let mut passed = vec![];
            for pattern in tried.iter().filter(|pattern| giver.covers(pattern, &at, until, now)) {
                passed.push(receive(vec![], vec![Grant::allow(pattern.as_str(), at)]));
            }
            for role in ["r0", "r1", "r2", "c0"] {
                if giver.covers_role(role, &at, until, now) {
                    passed.push(receive(vec![Assignment::new(role, at)], vec![]));
                }
            }
            for receiver in &passed {
                for later in [now, moment(4)] {
                    for name in NAMES {
                        for below in places().into_iter().filter(|place| at.contains(place)) {
                            let more = receiver.check(name, &below, later) && !giver.check(name, &below, later);
                            let only_feature = gated.contains(name) && below.tenant_id().is_none();
                            prop_assert!(!more || only_feature, "{} at {} passed on at {}", name, below, at);
                        }
                    }
                }
            }
        }
    }
}
