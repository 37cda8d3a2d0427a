//! What a tenant subscribes to.

use super::{Allowance, Key, Price};
use crate::text::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A plan: features and limits at a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// By what subscriptions name it.
    pub key: Key,
    /// What people read.
    pub name: Name,
    /// For whom it is, in a sentence.
    #[serde(default)]
    pub description: String,
    /// What it costs.
    pub price: Price,
    /// How many days may be tried without paying; 0 for no trial.
    #[serde(default)]
    pub trial_days: u32,
    /// How many days everything goes on after a missed payment or an unpaid trial.
    #[serde(default)]
    pub grace_days: u32,
    /// The features in it.
    #[serde(default)]
    pub features: Vec<Key>,
    /// The bundles of features in it.
    #[serde(default)]
    pub feature_sets: Vec<Key>,
    /// The maxima; for a limit that is not named here, its default holds.
    #[serde(default)]
    pub limits: BTreeMap<Key, Allowance>,
}
