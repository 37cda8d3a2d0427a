//! Entitlements against a second, naive reading of the rules, on random catalogues, subscriptions and moments.

// A test stops at the first surprise, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod made;
mod naive;

use chrono::{DateTime, TimeDelta};
use made::{
    ACCOUNT, ADD_ONS, PLANS, WINDOWS, allowance, at, definitions, enforcement, hours, key, name, now,
    overrides, subscription,
};
use mono_core::id::AccountId;
use mono_core::subscription::{
    Change, Enforcement, Entitlements, Limit, Override, Plan, PlanCatalogue, PlanChange, PlanDefinitions,
    PurchasedAddOn, Subscription, SubscriptionState, SubscriptionStatus, Window,
};
use mono_core::time::Timestamp;
use proptest::option;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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
