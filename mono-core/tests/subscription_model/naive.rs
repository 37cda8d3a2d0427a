//! The rules once more, without any cleverness.

use chrono::TimeDelta;
use mono_core::id::AccountId;
use mono_core::subscription::{
    AddOn, Allowance, Key, Override, OverrideChange, PlanDefinitions, Subscription, SubscriptionState,
    SubscriptionStatus,
};
use mono_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

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
        SubscriptionState::Paused { from, until } if now >= from && until.is_none_or(|until| now < until) => {
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
            OverrideChange::Feature { feature: named, enabled } if *named == feature.key => Some(*enabled),
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
