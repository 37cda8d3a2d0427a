//! What is bought on top of a plan.

use super::{Allowance, Key, Price};
use crate::text::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Features, or more of a limit, that a tenant buys on top of its plan, once or several times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AddOn {
    /// By what subscriptions name it.
    pub key: Key,
    /// What people read.
    pub name: Name,
    /// What it is good for, in a sentence.
    #[serde(default)]
    pub description: String,
    /// What one of it costs.
    pub price: Price,
    /// The features that it adds.
    #[serde(default)]
    pub features: Vec<Key>,
    /// The bundles of features that it adds.
    #[serde(default)]
    pub feature_sets: Vec<Key>,
    /// What one of it adds to the plan's maxima.
    #[serde(default)]
    pub limits: BTreeMap<Key, Allowance>,
    /// The only plans that it goes with; empty for any plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<Key>,
    /// How many may be bought; `None` for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_quantity: Option<u32>,
}

impl AddOn {
    /// Whether the add-on may be bought with this plan.
    pub fn goes_with(&self, plan: &Key) -> bool {
        self.plans.is_empty() || self.plans.contains(plan)
    }
}
