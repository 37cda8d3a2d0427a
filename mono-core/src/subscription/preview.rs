//! What a change would bring, before it is made.

use super::{
    Allowance, Entitlements, Key, Override, PlanCatalogue, PlanChange, PurchasedAddOn, Subscription,
    SubscriptionState,
};
use crate::error::{Error, Result};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A change of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Goes over to another plan.
    Plan(Key),
    /// Has this many of an add-on from now on, instead of what it had; 0 gives it up.
    AddOn {
        /// The add-on.
        add_on: Key,
        /// How many.
        quantity: u32,
    },
    /// Goes over to another state.
    State(SubscriptionState),
}

/// What a change would bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The features that come into force.
    pub gained: Vec<Key>,
    /// The features that are no longer in force.
    pub lost: Vec<Key>,
    /// The limits whose maximum changes, and those that are below present use, by key.
    pub limits: Vec<LimitChange>,
}

/// What a change would do to a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LimitChange {
    /// The limit.
    pub limit: Key,
    /// The maximum now.
    pub before: Allowance,
    /// The maximum after the change.
    pub after: Allowance,
    /// How much is in use now, in the present window.
    pub used: u64,
    /// Whether more is in use than the change would allow. Nothing is taken away; there is just no more to be had.
    pub below_use: bool,
}

impl Preview {
    /// The limits of which more is in use than the change would allow.
    pub fn below_use(&self) -> impl Iterator<Item = &LimitChange> {
        self.limits.iter().filter(|change| change.below_use)
    }
}

impl Subscription {
    /// The subscription after a change that is made at `now`. Earlier plans and add-ons stay on record; plan changes
    /// that were planned for later are dropped by a change of plan.
    pub fn with(&self, change: &Change, now: Timestamp) -> Self {
        let mut after = self.clone();
        match change {
            Change::Plan(plan) => {
                after.plan_changes.retain(|planned| planned.from <= now);
                after.plan_changes.push(PlanChange { plan: plan.clone(), from: now });
            }
            Change::AddOn { add_on, quantity } => {
                after.add_ons.retain(|bought| bought.add_on != *add_on || bought.from < now);
                let running = after.add_ons.iter_mut().filter(|bought| bought.add_on == *add_on);
                for bought in running.filter(|bought| bought.until.is_none_or(|until| now < until)) {
                    bought.until = Some(now);
                }
                if *quantity > 0 {
                    let (add_on, quantity) = (add_on.clone(), *quantity);
                    after.add_ons.push(PurchasedAddOn { add_on, quantity, from: now, until: None });
                }
            }
            Change::State(state) => after.state = *state,
        }
        after
    }
}

impl PlanCatalogue {
    /// What a change made at `now` would bring to a tenant. `used` is the present use of each limit; one that is not in
    /// it is unused.
    ///
    /// # Errors
    /// `Validation` if the catalogue does not allow the change: see [`Self::check_subscription`].
    pub fn preview(
        &self,
        subscription: &Subscription,
        overrides: &[Override],
        change: &Change,
        used: &BTreeMap<Key, u64>,
        now: Timestamp,
    ) -> Result<Preview> {
        let changed = subscription.with(change, now);
        self.check_subscription(&changed, now).map_err(Error::validation)?;
        let before = Entitlements::of_tenant(self, subscription, overrides, now);
        let after = Entitlements::of_tenant(self, &changed, overrides, now);
        Ok(before.compare(&after, used))
    }
}

impl Entitlements {
    /// What the way from these entitlements to `after` brings.
    pub fn compare(&self, after: &Self, used: &BTreeMap<Key, u64>) -> Preview {
        let lost = self.features.keys().filter(|key| !after.has(key.as_str())).cloned().collect();
        let gained = after.features.keys().filter(|key| !self.has(key.as_str())).cloned().collect();
        let keys: BTreeSet<&Key> = self.limits.keys().chain(after.limits.keys()).collect();
        let changes = keys.into_iter().map(|key| {
            let (before, after) = (self.limit(key.as_str()).maximum, after.limit(key.as_str()).maximum);
            let used = used.get(key).copied().unwrap_or(0);
            LimitChange { limit: key.clone(), before, after, used, below_use: !after.holds(used) }
        });
        let limits = changes.filter(|change| change.before != change.after || change.below_use).collect();
        Preview { gained, lost, limits }
    }
}
