//! Entitlements against a second, naive reading of the rules, on random catalogues, subscriptions and moments.

// A test stops at the first surprise, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use mono_core::id::AccountId;
use mono_core::subscription::{
    AddOn, Allowance, Change, Enforcement, Entitlements, Feature, FeatureKind, FeatureSet, Key, Limit,
    Override, OverrideChange, Plan, PlanCatalogue, PlanChange, PlanDefinitions, Price, PurchasedAddOn,
    Subscription, SubscriptionState, SubscriptionStatus, Window,
};
use mono_core::text::Name;
use mono_core::time::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const FEATURES: usize = 5;
const LIMITS: usize = 3;
const PLANS: usize = 3;
const ADD_ONS: usize = 3;
const WINDOWS: [Window; LIMITS] = [Window::Total, Window::Day, Window::Month];
const ACCOUNT: AccountId = AccountId::from_u128(7);

fn key(letter: char, number: usize) -> Key {
    Key::parse(&format!("{letter}{number}")).unwrap()
}

/// One of the limits is soft.
fn enforcement(limit: usize) -> Enforcement {
    if limit == 1 { Enforcement::Soft } else { Enforcement::Hard }
}

fn name() -> Name {
    Name::parse("Some name").unwrap()
}

fn price() -> Price {
    serde_json::from_str(r#"{"amount": 100, "currency": "EUR", "interval": "month"}"#).unwrap()
}

/// Hours around a month's end in a leap year.
fn at(hours: i64) -> Timestamp {
    "2028-02-29T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::hours(hours)
}

fn allowance() -> impl Strategy<Value = Allowance> {
    prop_oneof![
        4 => (0_u64..20).prop_map(Allowance::UpTo),
        1 => Just(Allowance::Unlimited),
        1 => Just(Allowance::UpTo(Allowance::GREATEST)),
    ]
}

/// Few moments, so that things start and end at the same ones.
fn hours() -> impl Strategy<Value = i64> {
    (-6_i64..6).prop_map(|step| step * 12)
}

/// A moment at which something starts or ends, or just before or after it; or much later.
fn now() -> impl Strategy<Value = Timestamp> {
    let edge = (-6_i64..12, -1_i64..2);
    edge.prop_map(|(step, micros)| at(step * 12) + TimeDelta::microseconds(micros))
}

type Picked = BTreeSet<usize>;

fn pick(count: usize) -> impl Strategy<Value = Picked> {
    proptest::collection::btree_set(0..count, 0..=count)
}

/// A catalogue that is valid by construction: what is picked comes with all that it needs.
fn definitions() -> impl Strategy<Value = PlanDefinitions> {
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

fn state() -> impl Strategy<Value = SubscriptionState> {
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

fn subscription() -> impl Strategy<Value = Subscription> {
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

fn overrides() -> impl Strategy<Value = Vec<Override>> {
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

/// The rules once more, without any cleverness.
mod naive {
    use super::*;

    pub(super) fn status(subscription: &Subscription, now: Timestamp) -> SubscriptionStatus {
        let grace = TimeDelta::days(i64::from(subscription.grace_days));
        let overdue = |since: Timestamp| {
            if now >= since + grace { SubscriptionStatus::Canceled } else { SubscriptionStatus::PastDue }
        };
        match subscription.state {
            SubscriptionState::Trialing { ends_at } if now >= ends_at => overdue(ends_at),
            SubscriptionState::Trialing { .. } => SubscriptionStatus::Trialing,
            SubscriptionState::PastDue { since } if now >= since => overdue(since),
            SubscriptionState::Canceled { at } if now >= at => SubscriptionStatus::Canceled,
            SubscriptionState::Paused { from, until }
                if now >= from && until.is_none_or(|until| now < until) =>
            {
                SubscriptionStatus::Paused
            }
            _ => SubscriptionStatus::Active,
        }
    }

    fn features_of(definitions: &PlanDefinitions, features: &[Key], sets: &[Key]) -> BTreeSet<Key> {
        let mut found: BTreeSet<Key> = features.iter().cloned().collect();
        for set in definitions.feature_sets.iter().filter(|set| sets.contains(&set.key)) {
            found.extend(features_of(definitions, &set.features, &set.feature_sets));
        }
        found
    }

    /// The last word of the overrides on one key, if they have any.
    fn last_word<T: Ord>(
        overrides: &[Override],
        account: Option<AccountId>,
        now: Timestamp,
        reading: impl Fn(&OverrideChange) -> Option<T>,
    ) -> Option<T> {
        for scope in [account, None] {
            let mut words: Vec<(Timestamp, T)> = Vec::new();
            for one in overrides.iter().filter(|one| one.account == scope) {
                if one.from <= now && one.until.is_none_or(|until| until > now) {
                    words.extend(reading(&one.change).map(|word| (one.from, word)));
                }
            }
            words.sort();
            if let Some((_, word)) = words.pop() {
                return Some(word);
            }
        }
        None
    }

    pub(super) fn entitlements(
        definitions: &PlanDefinitions,
        subscription: &Subscription,
        overrides: &[Override],
        account: Option<AccountId>,
        now: Timestamp,
    ) -> (BTreeSet<Key>, BTreeMap<Key, Allowance>) {
        use SubscriptionStatus::{Canceled, Paused};
        if matches!(status(subscription, now), Paused | Canceled) {
            return (
                BTreeSet::new(),
                definitions.limits.iter().map(|limit| (limit.key.clone(), Allowance::UpTo(0))).collect(),
            );
        }
        let mut plan_key = subscription.plan.clone();
        let mut since = None;
        for change in &subscription.plan_changes {
            if change.from <= now && since.is_none_or(|since| since <= change.from) {
                since = Some(change.from);
                plan_key = change.plan.clone();
            }
        }
        let plan = definitions.plans.iter().find(|plan| plan.key == plan_key).unwrap();
        let mut add_ons: Vec<&AddOn> = Vec::new();
        for bought in &subscription.add_ons {
            let add_on = definitions.add_ons.iter().find(|add_on| add_on.key == bought.add_on).unwrap();
            let live = bought.from <= now && bought.until.is_none_or(|until| until > now);
            if live && (add_on.plans.is_empty() || add_on.plans.contains(&plan_key)) {
                add_ons.extend(std::iter::repeat_n(add_on, bought.quantity as usize));
            }
        }

        let mut maxima = BTreeMap::new();
        for limit in &definitions.limits {
            let mut maximum = i64::from(plan.limits.get(&limit.key).copied().unwrap_or(limit.default));
            for each in add_ons.iter().filter_map(|add_on| add_on.limits.get(&limit.key)) {
                let each = i64::from(*each);
                maximum = if maximum == -1 || each == -1 { -1 } else { maximum.saturating_add(each) };
            }
            let set = last_word(overrides, account, now, |change| match change {
                OverrideChange::Limit { limit: named, maximum } if *named == limit.key => Some(*maximum),
                _ => None,
            });
            maxima.insert(limit.key.clone(), set.unwrap_or(Allowance::try_from(maximum).unwrap()));
        }

        let mut given = features_of(definitions, &plan.features, &plan.feature_sets);
        for add_on in add_ons {
            given.extend(features_of(definitions, &add_on.features, &add_on.feature_sets));
        }
        // By construction a feature depends only on those before it, so one pass in order is enough.
        let mut held = BTreeSet::new();
        for feature in &definitions.features {
            let set = last_word(overrides, account, now, |change| match change {
                OverrideChange::Feature { feature: named, enabled } if *named == feature.key => {
                    Some(*enabled)
                }
                _ => None,
            });
            let complete = feature.depends_on.iter().all(|needed| held.contains(needed))
                && feature.required_limits.iter().all(|limit| maxima[limit] != Allowance::UpTo(0));
            if set.unwrap_or(given.contains(&feature.key)) && complete {
                held.insert(feature.key.clone());
            }
        }
        (held, maxima)
    }
}

fn ask(
    catalogue: &PlanCatalogue,
    subscription: &Subscription,
    overrides: &[Override],
    account: Option<AccountId>,
    now: Timestamp,
) -> Entitlements {
    match account {
        None => Entitlements::of_tenant(catalogue, subscription, overrides, now),
        Some(account) => Entitlements::of_account(catalogue, subscription, overrides, account, now),
    }
}

/// What is answered, without when it changes next.
fn answers(entitlements: &Entitlements) -> serde_json::Value {
    let mut value = serde_json::to_value(entitlements).unwrap();
    value.as_object_mut().unwrap().remove("next_change");
    value
}

/// The same, with every moment written with this offset.
fn elsewhere(value: serde_json::Value, zone: chrono::FixedOffset) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(moment) => Value::String(moment.with_timezone(&zone).to_rfc3339()),
            Err(_) => Value::String(text),
        },
        Value::Array(items) => items.into_iter().map(|item| elsewhere(item, zone)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, field)| (name, elsewhere(field, zone))).collect()
        }
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn entitlements_agree_with_the_naive_reading(
        definitions in definitions(),
        subscription in subscription(),
        overrides in overrides(),
        account in option::of(Just(ACCOUNT)),
        now in now(),
    ) {
        let catalogue = PlanCatalogue::build(definitions.clone(), |_| true).unwrap();
        let found = ask(&catalogue, &subscription, &overrides, account, now);
        let (features, maxima) = naive::entitlements(&definitions, &subscription, &overrides, account, now);
        prop_assert_eq!(found.status(), naive::status(&subscription, now));
        prop_assert_eq!(found.features().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>(), features);
        for (number, window) in WINDOWS.into_iter().enumerate() {
            let limit = found.limit(key('l', number).as_str());
            let in_force = naive::status(&subscription, now).is_in_force();
            let expected = if in_force { enforcement(number) } else { Enforcement::Hard };
            prop_assert_eq!((limit.window, limit.enforcement), (window, expected));
        }
        let found: BTreeMap<_, _> = found.limits().map(|(key, limit)| (key.clone(), limit.maximum)).collect();
        prop_assert_eq!(found, maxima);
    }

    #[test]
    fn the_accounts_with_overrides_are_those_that_differ(
        definitions in definitions(),
        subscription in subscription(),
        overrides in overrides(),
        now in now(),
    ) {
        let catalogue = PlanCatalogue::build(definitions, |_| true).unwrap();
        let accounts = Entitlements::of_accounts(&catalogue, &subscription, &overrides, now);
        let tenant = Entitlements::of_tenant(&catalogue, &subscription, &overrides, now);
        // One of them no override ever names.
        for account in [ACCOUNT, AccountId::from_u128(8), AccountId::from_u128(9)] {
            let own = Entitlements::of_account(&catalogue, &subscription, &overrides, account, now);
            prop_assert_eq!(accounts.get(&account).unwrap_or(&tenant), &own);
            let named = overrides.iter().any(|exception| exception.account == Some(account));
            prop_assert_eq!(accounts.contains_key(&account), named);
        }
    }

    /// Going from change to change passes every moment at which an answer differs, and ends.
    #[test]
    fn the_next_changes_are_all_there_are(
        definitions in definitions(),
        subscription in subscription(),
        overrides in overrides(),
        account in option::of(Just(ACCOUNT)),
    ) {
        let catalogue = PlanCatalogue::build(definitions.clone(), |_| true).unwrap();
        let first = at(-7 * 12);
        let mut answers = vec![(first, ask(&catalogue, &subscription, &overrides, account, first))];
        while let Some(next) = answers.last().unwrap().1.next_change() {
            prop_assert!(next > answers.last().unwrap().0);
            answers.push((next, ask(&catalogue, &subscription, &overrides, account, next)));
        }
        let cause = serde_json::to_string(&(&subscription, &overrides)).unwrap();
        // Everything starts and ends at a multiple of twelve hours.
        for step in -6..13 {
            for moment in [at(step * 12) - TimeDelta::microseconds(1), at(step * 12)] {
                let (since, found) = answers.iter().rfind(|(since, _)| *since <= moment).unwrap();
                let (features, maxima) =
                    naive::entitlements(&definitions, &subscription, &overrides, account, moment);
                prop_assert_eq!(found.status(), naive::status(&subscription, moment));
                prop_assert_eq!(found.features().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>(), features);
                let found: BTreeMap<_, _> =
                    found.limits().map(|(key, limit)| (key.clone(), limit.maximum)).collect();
                prop_assert_eq!(found, maxima);
                // And no change without a cause.
                let here = *since == moment && moment != first;
                let text = serde_json::to_string(&moment).unwrap();
                let days = i64::from(subscription.grace_days);
                let due = serde_json::to_string(&(moment - TimeDelta::days(days))).unwrap();
                prop_assert!(!here || cause.contains(&text) || cause.contains(&due), "{} {}", moment, cause);
            }
        }
    }

    /// What is written down with a start in the past changes the answers of its own span, and no others.
    #[test]
    fn what_is_backdated_holds_in_its_span_only(
        definitions in definitions(),
        subscription in subscription(),
        overrides in overrides(),
        late in overrides(),
        bought in (0..ADD_ONS, 1_u32..4, hours(), option::of(hours())),
        now in now(),
    ) {
        let catalogue = PlanCatalogue::build(definitions.clone(), |_| true).unwrap();
        let before = ask(&catalogue, &subscription, &overrides, Some(ACCOUNT), now);
        let (add_on, quantity, from, until) = bought;
        let bought = PurchasedAddOn {
            add_on: key('a', add_on), quantity, from: at(from), until: until.map(at),
        };
        let mut more = subscription.clone();
        more.add_ons.push(bought.clone());
        let mut all = overrides.clone();
        all.extend(late.iter().cloned());
        let after = ask(&catalogue, &more, &all, Some(ACCOUNT), now);
        let spans = late.iter().filter(|exception| exception.account.is_none_or(|account| account == ACCOUNT));
        let spans = spans.map(|exception| (exception.from, exception.until));
        let mut spans = spans.chain([(bought.from, bought.until)]);
        if spans.any(|(from, until)| from <= now && until.is_none_or(|until| now < until)) {
            let (features, maxima) = naive::entitlements(&definitions, &more, &all, Some(ACCOUNT), now);
            prop_assert_eq!(after.features().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>(), features);
            let after: BTreeMap<_, _> = after.limits().map(|(key, limit)| (key.clone(), limit.maximum)).collect();
            prop_assert_eq!(after, maxima);
        } else {
            prop_assert_eq!(answers(&after), answers(&before));
        }
    }

    /// The same moments, written down with another offset, are the same subscription: UTC decides.
    #[test]
    fn an_offset_changes_nothing(
        definitions in definitions(),
        subscription in subscription(),
        overrides in overrides(),
        minutes in -14 * 60..=14 * 60,
        now in now(),
    ) {
        let zone = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
        let there = |value: serde_json::Value| elsewhere(value, zone);
        let moved: Subscription =
            serde_json::from_value(there(serde_json::to_value(&subscription).unwrap())).unwrap();
        let mixed: Vec<Override> =
            serde_json::from_value(there(serde_json::to_value(&overrides).unwrap())).unwrap();
        let catalogue = PlanCatalogue::build(definitions, |_| true).unwrap();
        let here = Entitlements::of_accounts(&catalogue, &subscription, &overrides, now);
        let moment = now.with_timezone(&zone).to_rfc3339().parse().unwrap();
        prop_assert_eq!(Entitlements::of_accounts(&catalogue, &moved, &mixed, moment), here);
        prop_assert_eq!((moved, mixed), (subscription, overrides));
    }

    #[test]
    fn nothing_changes_before_the_next_change(
        definitions in definitions(),
        subscription in subscription(),
        overrides in overrides(),
        now in now(),
        share in 0.0_f64..1.0,
    ) {
        let catalogue = PlanCatalogue::build(definitions, |_| true).unwrap();
        let found = Entitlements::of_tenant(&catalogue, &subscription, &overrides, now);
        let end = found.next_change().unwrap_or(at(100_000));
        prop_assert!(end > now);
        let span = (end - now).num_microseconds().unwrap();
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let between = now + TimeDelta::microseconds(((span - 1) as f64 * share) as i64);
        for moment in [between, end - TimeDelta::microseconds(1)] {
            let later = Entitlements::of_tenant(&catalogue, &subscription, &overrides, moment);
            prop_assert_eq!(answers(&later), answers(&found));
        }
    }

    #[test]
    fn the_order_of_records_never_matters(
        definitions in definitions(),
        (subscription, shuffled) in subscription().prop_flat_map(|subscription| {
            let plans = Just(subscription.plan_changes.clone()).prop_shuffle();
            let add_ons = Just(subscription.add_ons.clone()).prop_shuffle();
            (Just(subscription.clone()), plans, add_ons).prop_map(|(subscription, plan_changes, add_ons)| {
                let shuffled = Subscription { plan_changes, add_ons, ..subscription.clone() };
                (subscription, shuffled)
            })
        }),
        (overrides, mixed) in overrides().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        hour in hours(),
    ) {
        let catalogue = PlanCatalogue::build(definitions, |_| true).unwrap();
        let before = ask(&catalogue, &subscription, &overrides, Some(ACCOUNT), at(hour));
        let after = ask(&catalogue, &shuffled, &mixed, Some(ACCOUNT), at(hour));
        prop_assert_eq!(before, after);
    }

    #[test]
    fn a_change_never_rewrites_what_held_before_it(
        definitions in definitions(),
        subscription in subscription(),
        plan in 0..PLANS,
        add_on in 0..ADD_ONS,
        quantity in 0_u32..3,
        changed in hours(),
        back in 1_i64..100,
    ) {
        let catalogue = PlanCatalogue::build(definitions, |_| true).unwrap();
        let moment = at(changed - back);
        let before = Entitlements::of_tenant(&catalogue, &subscription, &[], moment);
        for change in [Change::Plan(key('p', plan)), Change::AddOn { add_on: key('a', add_on), quantity }] {
            let after = Entitlements::of_tenant(&catalogue, &subscription.with(&change, at(changed)), &[], moment);
            prop_assert_eq!(answers(&after), answers(&before));
        }
    }

    #[test]
    fn a_backdated_plan_holds_from_its_start_until_the_next(
        plan in 0..PLANS,
        subscription in subscription(),
        start in hours(),
        hour in hours(),
    ) {
        let mut backdated = subscription.clone();
        backdated.plan_changes.retain(|change| change.from != at(start));
        let next = backdated.plan_changes.iter().map(|change| change.from).filter(|from| *from > at(start)).min();
        let expected = if at(hour) >= at(start) && next.is_none_or(|next| at(hour) < next) {
            key('p', plan)
        } else {
            backdated.plan_at(at(hour)).clone()
        };
        backdated.plan_changes.insert(0, PlanChange { plan: key('p', plan), from: at(start) });
        prop_assert_eq!(backdated.plan_at(at(hour)), &expected);
    }

    #[test]
    fn windows_are_those_of_the_calendar(seconds in -4_000_000_000_i64..8_000_000_000, micros in 0_u32..1_000_000) {
        let now = DateTime::from_timestamp(seconds, micros * 1000).unwrap();
        for (window, pattern) in [(Window::Day, "%Y-%m-%dT00:00:00Z"), (Window::Month, "%Y-%m-01T00:00:00Z")] {
            let start = window.start(now);
            prop_assert_eq!(start, now.format(pattern).to_string().parse::<Timestamp>().unwrap());
            let end = window.end(now).unwrap();
            prop_assert!(start <= now && now < end);
            // The windows lie end to end: the last moment is in this one, the end begins the next.
            prop_assert_eq!(window.start(end), end);
            prop_assert_eq!(window.start(end - TimeDelta::microseconds(1)), start);
        }
        prop_assert_eq!(Window::Total.start(now), DateTime::UNIX_EPOCH);
    }

    #[test]
    fn a_check_agrees_with_arithmetic(
        maximum in allowance(),
        current in prop_oneof![0_u64..30, Just(u64::MAX)],
        amount in prop_oneof![0_u64..30, Just(u64::MAX)],
        soft in any::<bool>(),
    ) {
        let mut definitions = PlanDefinitions::default();
        definitions.limits.push(Limit {
            key: key('l', 0),
            name: name(),
            unit: key('u', 0),
            category: key('c', 0),
            default: maximum,
            window: Window::Month,
            enforcement: if soft { Enforcement::Soft } else { Enforcement::Hard },
        });
        let catalogue = PlanCatalogue::build(definitions, |_| true).unwrap();
        let found = Entitlements::of_tenant(&catalogue, &Subscription::new(key('p', 0)), &[], at(0));
        let decision = found.check("l0", current, amount);
        let (total, most) = (i128::from(current) + i128::from(amount), i128::from(i64::from(maximum)));
        let fits = most == -1 || total <= most || amount == 0;
        prop_assert_eq!(decision.allowed, fits || soft);
        prop_assert_eq!(decision.unlimited, most == -1);
        let remaining = if most == -1 { -1 } else { (most - i128::from(current)).max(0) };
        prop_assert_eq!(i128::from(i64::from(decision.remaining)), remaining);
        prop_assert_eq!(decision.clone().into_result().is_ok(), decision.allowed);
    }
}

#[test]
fn trial_and_grace_end_to_the_microsecond() {
    let mut plan: Plan = serde_json::from_str(
        r#"{"key": "p0", "name": "P", "price": {"amount": 0, "currency": "EUR", "interval": "year"}}"#,
    )
    .unwrap();
    (plan.trial_days, plan.grace_days) = (14, 7);
    let subscription = Subscription::start(&plan, at(0));
    let status = |hours: i64, micros: i64| subscription.status(at(hours) + TimeDelta::microseconds(micros));
    assert_eq!(status(14 * 24, -1), SubscriptionStatus::Trialing);
    assert_eq!(status(14 * 24, 0), SubscriptionStatus::PastDue);
    assert_eq!(status(21 * 24, -1), SubscriptionStatus::PastDue);
    assert_eq!(status(21 * 24, 0), SubscriptionStatus::Canceled);
    (plan.trial_days, plan.grace_days) = (0, 0);
    assert_eq!(Subscription::start(&plan, at(0)).status(at(0)), SubscriptionStatus::Active);
    (plan.trial_days, plan.grace_days) = (u32::MAX, u32::MAX);
    assert_eq!(Subscription::start(&plan, at(0)).status(at(1)), SubscriptionStatus::Trialing);
}

#[test]
fn a_pause_and_a_cancellation_hold_from_their_first_moment() {
    let mut subscription = Subscription::new(key('p', 0));
    subscription.state = SubscriptionState::Paused { from: at(1), until: Some(at(2)) };
    let before = |hours| subscription.status(at(hours) - TimeDelta::microseconds(1));
    assert_eq!(
        [before(1), subscription.status(at(1))],
        [SubscriptionStatus::Active, SubscriptionStatus::Paused]
    );
    assert_eq!(
        [before(2), subscription.status(at(2))],
        [SubscriptionStatus::Paused, SubscriptionStatus::Active]
    );
    subscription.state = SubscriptionState::Canceled { at: at(1) };
    let before = subscription.status(at(1) - TimeDelta::microseconds(1));
    assert_eq!(
        [before, subscription.status(at(1))],
        [SubscriptionStatus::Active, SubscriptionStatus::Canceled]
    );
}
