//! Works out what follows from a subscription at a moment. The rules are in the module's own text.

use super::{
    AddOn, Allowance, Enforcement, Entitlements, Key, Limit, LimitInForce, Override, OverrideChange, Plan,
    PlanCatalogue, Source, Subscription,
};
use crate::id::AccountId;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

impl Entitlements {
    /// What a tenant may use at `now`.
    pub fn of_tenant(
        catalogue: &PlanCatalogue,
        subscription: &Subscription,
        overrides: &[Override],
        now: Timestamp,
    ) -> Self {
        resolve(catalogue, subscription, overrides, None, now)
    }

    /// What one account of a tenant may use at `now`: as the tenant, and with the overrides for the account.
    pub fn of_account(
        catalogue: &PlanCatalogue,
        subscription: &Subscription,
        overrides: &[Override],
        account: AccountId,
        now: Timestamp,
    ) -> Self {
        resolve(catalogue, subscription, overrides, Some(account), now)
    }

    /// What every account may use for which there is an override; every other account may use what the tenant may.
    pub fn of_accounts(
        catalogue: &PlanCatalogue,
        subscription: &Subscription,
        overrides: &[Override],
        now: Timestamp,
    ) -> BTreeMap<AccountId, Self> {
        let accounts: BTreeSet<_> = overrides.iter().filter_map(|exception| exception.account).collect();
        let of = |account| Self::of_account(catalogue, subscription, overrides, account, now);
        accounts.into_iter().map(|account| (account, of(account))).collect()
    }
}

fn resolve(
    catalogue: &PlanCatalogue,
    subscription: &Subscription,
    overrides: &[Override],
    account: Option<AccountId>,
    now: Timestamp,
) -> Entitlements {
    let overrides = overrides.iter().filter(|exception| exception.applies_to(account));
    let spans =
        overrides.clone().flat_map(|exception| std::iter::once(exception.from).chain(exception.until));
    let next_change = subscription.boundaries().chain(spans).filter(|moment| *moment > now).min();
    let status = subscription.status(now);
    let base = Entitlements { status, next_change, ..Entitlements::none() };
    if !status.is_in_force() {
        let limits = catalogue.limits().iter();
        return Entitlements {
            limits: limits.map(|limit| (limit.key.clone(), nothing(limit))).collect(),
            ..base
        };
    }

    let offer = Offer::new(catalogue, subscription, now);
    let mut entitlements = Entitlements {
        features: offer.features(),
        limits: catalogue.limits().iter().map(|limit| (limit.key.clone(), offer.limit(limit))).collect(),
        ..base
    };
    let mut live: Vec<_> = overrides.filter(|exception| exception.is_live(now)).collect();
    // The last one written wins.
    live.sort_by(|a, b| a.rank().cmp(&b.rank()));
    for exception in live {
        apply(catalogue, &mut entitlements, exception);
    }
    drop_incomplete(catalogue, &mut entitlements);
    entitlements
}

fn nothing(limit: &Limit) -> LimitInForce {
    // Also what is soft stops: there is nothing to pay for what goes beyond.
    let (maximum, enforcement) = (Allowance::NONE, Enforcement::Hard);
    LimitInForce { maximum, source: Source::NotInForce, window: limit.window, enforcement }
}

/// The plan and the add-ons that count at a moment. A plan that the catalogue no longer has gives nothing.
struct Offer<'a> {
    catalogue: &'a PlanCatalogue,
    plan: Option<&'a Plan>,
    add_ons: Vec<(&'a AddOn, u32)>,
}

impl<'a> Offer<'a> {
    fn new(catalogue: &'a PlanCatalogue, subscription: &Subscription, now: Timestamp) -> Self {
        let plan = catalogue.plan(subscription.plan_at(now).as_str());
        let live = subscription.add_ons.iter().filter(|bought| bought.is_live(now));
        let known =
            live.filter_map(|bought| Some((catalogue.add_on(bought.add_on.as_str())?, bought.quantity)));
        let add_ons =
            known.filter(|(add_on, _)| plan.is_some_and(|plan| add_on.goes_with(&plan.key))).collect();
        Self { catalogue, plan, add_ons }
    }

    fn features(&self) -> BTreeMap<Key, Source> {
        let Some(plan) = self.plan else { return BTreeMap::new() };
        let mut adding: BTreeMap<&Key, BTreeSet<&Key>> = BTreeMap::new();
        for (add_on, _) in &self.add_ons {
            for feature in self.catalogue.expand(&add_on.features, &add_on.feature_sets) {
                adding.entry(feature).or_default().insert(&add_on.key);
            }
        }
        let added = adding.into_iter().map(|(feature, add_ons)| (feature, add_ons_source(add_ons)));
        let planned = self.catalogue.expand(&plan.features, &plan.feature_sets);
        // The plan comes last and so is the source of what both give.
        let given = added.chain(planned.into_iter().map(|feature| (feature, Source::Plan(plan.key.clone()))));
        let allowed = given.filter(|(feature, _)| {
            self.catalogue.feature(feature.as_str()).is_some_and(|feature| feature.allowed_in(&plan.key))
        });
        allowed.map(|(feature, source)| (feature.clone(), source)).collect()
    }

    fn limit(&self, limit: &Limit) -> LimitInForce {
        let named = self.plan.and_then(|plan| Some((plan.limits.get(&limit.key)?, &plan.key)));
        let (mut maximum, mut source) = named.map_or((limit.default, Source::Default), |(maximum, plan)| {
            (*maximum, Source::Plan(plan.clone()))
        });
        let mut adding = BTreeSet::new();
        for (add_on, quantity) in &self.add_ons {
            if let Some(each) = add_on.limits.get(&limit.key) {
                maximum = maximum.plus(each.times(*quantity));
                adding.insert(&add_on.key);
            }
        }
        if !adding.is_empty() {
            source = add_ons_source(adding);
        }
        LimitInForce { maximum, source, window: limit.window, enforcement: limit.enforcement }
    }
}

fn add_ons_source(keys: BTreeSet<&Key>) -> Source {
    Source::AddOns(keys.into_iter().cloned().collect())
}

fn apply(catalogue: &PlanCatalogue, entitlements: &mut Entitlements, exception: &Override) {
    let source = Source::Override(exception.reason.clone());
    match &exception.change {
        OverrideChange::Feature { feature, enabled: true }
            if catalogue.feature(feature.as_str()).is_some() =>
        {
            entitlements.features.insert(feature.clone(), source);
        }
        OverrideChange::Feature { feature, .. } => {
            entitlements.features.remove(feature);
        }
        OverrideChange::Limit { limit, maximum } => {
            if let Some(found) = entitlements.limits.get_mut(limit) {
                found.maximum = *maximum;
                found.source = source;
            }
        }
    }
}

/// Takes away what lacks a feature or a limit, and then what lacks that, until nothing does.
fn drop_incomplete(catalogue: &PlanCatalogue, entitlements: &mut Entitlements) {
    loop {
        let lacking: Vec<(Key, Key)> = entitlements
            .features
            .keys()
            .filter_map(|key| Some((key.clone(), lack(catalogue, entitlements, key)?.clone())))
            .collect();
        if lacking.is_empty() {
            return;
        }
        for (key, lack) in lacking {
            entitlements.features.remove(&key);
            entitlements.blocked.insert(key, lack);
        }
    }
}

fn lack<'a>(catalogue: &'a PlanCatalogue, entitlements: &Entitlements, key: &Key) -> Option<&'a Key> {
    let feature = catalogue.feature(key.as_str())?;
    let features = feature.depends_on.iter().find(|needed| !entitlements.features.contains_key(*needed));
    let empty = |limit: &&Key| entitlements.limit(limit.as_str()).maximum == Allowance::NONE;
    features.or_else(|| feature.required_limits.iter().find(empty))
}
