//! What one tenant has bought.

use super::state::after_days;
use super::{Key, Plan, SubscriptionState, SubscriptionStatus};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What one tenant has bought: a plan, add-ons, and where payment stands.
///
/// Plain data. Changes may lie in the past or in the future: each carries the moment from which it holds, and the
/// order in which they were written down never matters.
///
/// ```
/// use mono_core::subscription::{Key, Subscription, SubscriptionState, SubscriptionStatus};
/// let mut subscription = Subscription::new(Key::parse("starter")?);
/// subscription.grace_days = 7;
/// subscription.state = SubscriptionState::Trialing { ends_at: "2026-03-01T00:00:00Z".parse()? };
/// assert_eq!(subscription.status("2026-02-28T23:59:59Z".parse()?), SubscriptionStatus::Trialing);
/// assert_eq!(subscription.status("2026-03-01T00:00:00Z".parse()?), SubscriptionStatus::PastDue);
/// assert_eq!(subscription.status("2026-03-08T00:00:00Z".parse()?), SubscriptionStatus::Canceled);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// The plan that it began with.
    pub plan: Key,
    /// Later plans: the one with the latest start that has come holds. Of two with one start, the last in the list.
    #[serde(default)]
    pub plan_changes: Vec<PlanChange>,
    /// What is bought on top.
    #[serde(default)]
    pub add_ons: Vec<PurchasedAddOn>,
    /// What was last decided about it.
    pub state: SubscriptionState,
    /// How many days everything goes on without payment; taken from the plan when it was bought.
    #[serde(default)]
    pub grace_days: u32,
}

/// A plan that takes over at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanChange {
    /// The plan.
    pub plan: Key,
    /// The first moment at which it holds; it may lie in the past.
    pub from: Timestamp,
}

/// An add-on that was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PurchasedAddOn {
    /// The add-on.
    pub add_on: Key,
    /// How many of it.
    pub quantity: u32,
    /// The first moment at which it counts; it may lie in the past.
    pub from: Timestamp,
    /// The first moment at which it no longer counts; `None` for no end.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl PurchasedAddOn {
    /// Whether it counts at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.quantity > 0 && self.from <= now && self.until.is_none_or(|until| now < until)
    }
}

impl Subscription {
    /// An active subscription without add-ons and without grace.
    pub fn new(plan: Key) -> Self {
        Self { plan, plan_changes: vec![], add_ons: vec![], state: SubscriptionState::Active, grace_days: 0 }
    }

    /// A subscription that begins at `now`, with the trial and the grace of its plan.
    pub fn start(plan: &Plan, now: Timestamp) -> Self {
        let state = match plan.trial_days {
            0 => SubscriptionState::Active,
            days => SubscriptionState::Trialing { ends_at: after_days(now, days) },
        };
        Self { state, grace_days: plan.grace_days, ..Self::new(plan.key.clone()) }
    }

    /// Where it stands at `now`.
    pub fn status(&self, now: Timestamp) -> SubscriptionStatus {
        self.state.status(self.grace_days, now)
    }

    /// The plan that holds at `now`.
    pub fn plan_at(&self, now: Timestamp) -> &Key {
        let started = self.plan_changes.iter().filter(|change| change.from <= now);
        // `max_by_key` gives the last of equals.
        started.max_by_key(|change| change.from).map_or(&self.plan, |change| &change.plan)
    }

    /// Every moment at which something about it may change, in the past too.
    pub(super) fn boundaries(&self) -> impl Iterator<Item = Timestamp> {
        let plans = self.plan_changes.iter().map(|change| change.from);
        let add_ons = self.add_ons.iter().flat_map(|bought| std::iter::once(bought.from).chain(bought.until));
        self.state.boundaries(self.grace_days).chain(plans).chain(add_ons)
    }
}
