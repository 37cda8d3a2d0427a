//! Random catalogues, subscriptions, overrides and moments.

use chrono::{DateTime, TimeDelta, Utc};
use mono_core::id::AccountId;
use mono_core::subscription::{
    AddOn, Allowance, Enforcement, Feature, FeatureKind, FeatureSet, Key, Limit, Override, OverrideChange,
    Plan, PlanChange, PlanDefinitions, Price, PurchasedAddOn, Subscription, SubscriptionState, Window,
};
use mono_core::text::Name;
use mono_core::time::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const FEATURES: usize = 5;
pub(super) const LIMITS: usize = 3;
pub(super) const PLANS: usize = 3;
pub(super) const ADD_ONS: usize = 3;
pub(super) const WINDOWS: [Window; LIMITS] = [Window::Total, Window::Day, Window::Month];
pub(super) const ACCOUNT: AccountId = AccountId::from_u128(7);

pub(super) fn key(letter: char, number: usize) -> Key {
    Key::parse(&format!("{letter}{number}")).unwrap()
}

/// One of the limits is soft.
pub(super) fn enforcement(limit: usize) -> Enforcement {
    if limit == 1 { Enforcement::Soft } else { Enforcement::Hard }
}

pub(super) fn name() -> Name {
    Name::parse("Some name").unwrap()
}

fn price() -> Price {
    serde_json::from_str(r#"{"amount": 100, "currency": "EUR", "interval": "month"}"#).unwrap()
}

/// Hours around a month's end in a leap year.
pub(super) fn at(hours: i64) -> Timestamp {
    "2028-02-29T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::hours(hours)
}

pub(super) fn allowance() -> impl Strategy<Value = Allowance> {
    prop_oneof![
        4 => (0_u64..20).prop_map(Allowance::UpTo),
        1 => Just(Allowance::Unlimited),
        1 => Just(Allowance::UpTo(Allowance::GREATEST)),
    ]
}

/// Few moments, so that things start and end at the same ones.
pub(super) fn hours() -> impl Strategy<Value = i64> {
    (-6_i64..6).prop_map(|step| step * 12)
}

/// A moment at which something starts or ends, or just before or after it; or much later.
pub(super) fn now() -> impl Strategy<Value = Timestamp> {
    let edge = (-6_i64..12, -1_i64..2);
    edge.prop_map(|(step, micros)| at(step * 12) + TimeDelta::microseconds(micros))
}

type Picked = BTreeSet<usize>;

fn pick(count: usize) -> impl Strategy<Value = Picked> {
    proptest::collection::btree_set(0..count, 0..=count)
}

/// A catalogue that is valid by construction: what is picked comes with all that it needs.
pub(super) fn definitions() -> impl Strategy<Value = PlanDefinitions> {
    let features = vec((pick(FEATURES), option::of(0..LIMITS)), FEATURES);
    let plans = vec((pick(FEATURES), vec(option::of(allowance()), LIMITS), any::<bool>()), PLANS);
    let add_ons = vec((pick(FEATURES), vec(option::of(allowance()), LIMITS), pick(PLANS)), ADD_ONS);
    (features, vec(allowance(), LIMITS), plans, add_ons).prop_map(|(features, defaults, plans, add_ons)| {
        let needs =
            |feature: usize| features[feature].0.iter().copied().filter(move |needed| *needed < feature);
        let close = |picked: &Picked| {
            let mut closed = picked.clone();
            for feature in (0..FEATURES).rev() {
                if closed.contains(&feature) {
                    closed.extend(needs(feature));
                }
            }
            closed
        };
        let maxima = |named: &[Option<Allowance>], held: &Picked| {
            let mut maxima: BTreeMap<Key, Allowance> = BTreeMap::new();
            for (number, maximum) in named.iter().enumerate() {
                maxima.extend(maximum.map(|maximum| (key('l', number), maximum)));
            }
            for limit in held.iter().filter_map(|feature| features[*feature].1) {
                let maximum = maxima.entry(key('l', limit)).or_insert(Allowance::UpTo(1));
                *maximum = (*maximum).max(Allowance::UpTo(1));
            }
            maxima
        };
        let all = |letter, held: &Picked| held.iter().map(|number| key(letter, *number)).collect::<Vec<_>>();
        let mut definitions = PlanDefinitions::default();
        for (number, (_, limit)) in features.iter().enumerate() {
            definitions.features.push(Feature {
                key: key('f', number),
                name: name(),
                description: String::new(),
                kind: FeatureKind::Boolean,
                permissions: vec![],
                required_limits: limit.iter().map(|limit| key('l', *limit)).collect(),
                optional_limits: vec![],
                depends_on: needs(number).map(|needed| key('f', needed)).collect(),
                conflicts_with: vec![],
                plans: vec![],
            });
        }
        for (number, default) in defaults.iter().enumerate() {
            definitions.limits.push(Limit {
                key: key('l', number),
                name: name(),
                unit: key('u', 0),
                category: key('c', 0),
                default: *default,
                window: WINDOWS[number],
                enforcement: enforcement(number),
            });
        }
        for (number, (picked, named, bundled)) in plans.iter().enumerate() {
            let held = close(picked);
            let (features, sets) =
                if *bundled { (vec![], vec![key('o', number)]) } else { (all('f', &held), vec![]) };
            // A bundle in a bundle; `o` holds `i`, which holds the features.
            let set = |letter, features, feature_sets| FeatureSet {
                key: key(letter, number),
                name: name(),
                description: String::new(),
                features,
                feature_sets,
            };
            definitions.feature_sets.push(set('o', vec![], vec![key('i', number)]));
            definitions.feature_sets.push(set('i', all('f', &held), vec![]));
            definitions.plans.push(Plan {
                key: key('p', number),
                name: name(),
                description: String::new(),
                price: price(),
                trial_days: 0,
                grace_days: 0,
                features,
                feature_sets: sets,
                limits: maxima(named, &held),
            });
        }
        for (number, (picked, named, plans)) in add_ons.iter().enumerate() {
            let held = close(picked);
            definitions.add_ons.push(AddOn {
                key: key('a', number),
                name: name(),
                description: String::new(),
                price: price(),
                features: all('f', &held),
                feature_sets: vec![],
                limits: maxima(named, &held),
                plans: all('p', plans),
                max_quantity: None,
            });
        }
        definitions
    })
}

pub(super) fn state() -> impl Strategy<Value = SubscriptionState> {
    prop_oneof![
        3 => Just(SubscriptionState::Active),
        2 => hours().prop_map(|hour| SubscriptionState::Trialing { ends_at: at(hour) }),
        2 => hours().prop_map(|hour| SubscriptionState::PastDue { since: at(hour) }),
        1 => hours().prop_map(|hour| SubscriptionState::Canceled { at: at(hour) }),
        1 => (hours(), option::of(hours())).prop_map(|(from, until)| {
            SubscriptionState::Paused { from: at(from), until: until.map(at) }
        }),
    ]
}

pub(super) fn subscription() -> impl Strategy<Value = Subscription> {
    let changes = vec((0..PLANS, hours()), 0..4).prop_map(|changes| {
        // One plan per moment: the order in the list then cannot matter.
        let distinct: BTreeMap<i64, usize> = changes.into_iter().map(|(plan, hour)| (hour, plan)).collect();
        distinct.into_iter().map(|(hour, plan)| PlanChange { plan: key('p', plan), from: at(hour) }).collect()
    });
    let bought =
        (0..ADD_ONS, 0_u32..4, hours(), option::of(hours())).prop_map(|(add_on, quantity, from, until)| {
            PurchasedAddOn { add_on: key('a', add_on), quantity, from: at(from), until: until.map(at) }
        });
    (0..PLANS, changes, vec(bought, 0..4), state(), 0_u32..3).prop_map(
        |(plan, plan_changes, add_ons, state, grace_days)| Subscription {
            plan: key('p', plan),
            plan_changes,
            add_ons,
            state,
            grace_days,
        },
    )
}

pub(super) fn overrides() -> impl Strategy<Value = Vec<Override>> {
    let change = prop_oneof![
        (0..FEATURES, any::<bool>())
            .prop_map(|(feature, enabled)| OverrideChange::Feature { feature: key('f', feature), enabled }),
        (0..LIMITS, allowance())
            .prop_map(|(limit, maximum)| OverrideChange::Limit { limit: key('l', limit), maximum }),
    ];
    let account = prop_oneof![Just(None), Just(Some(ACCOUNT)), Just(Some(AccountId::from_u128(8)))];
    let one = (account, change, hours(), option::of(hours()), 0..9);
    vec(
        one.prop_map(|(account, change, from, until, reason)| Override {
            account,
            change,
            from: at(from),
            until: until.map(at),
            reason: format!("ticket {reason}"),
        }),
        0..6,
    )
}
