//! What a plan can switch on.

use super::Key;
use crate::text::Name;
use serde::{Deserialize, Serialize};

/// Something that a tenant has or has not, such as comp cards or webhooks.
///
/// A feature is in force when a plan, an add-on or an override gives it, every feature that it depends on is in
/// force, and none of its required limits is 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// By what plans name it.
    pub key: Key,
    /// What people read.
    pub name: Name,
    /// What it is good for, in a sentence.
    #[serde(default)]
    pub description: String,
    /// Whether it is simply there, or comes in an amount.
    pub kind: FeatureKind,
    /// The permissions that count only where this feature is in force.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// The limits without which the feature makes no sense: none of them may be 0.
    #[serde(default)]
    pub required_limits: Vec<Key>,
    /// Further limits that its use is counted against.
    #[serde(default)]
    pub optional_limits: Vec<Key>,
    /// The features that it needs.
    #[serde(default)]
    pub depends_on: Vec<Key>,
    /// The features that it cannot stand beside. A conflict named on one side holds for both.
    #[serde(default)]
    pub conflicts_with: Vec<Key>,
    /// The only plans that may have it; empty for any plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<Key>,
}

/// Whether a feature is simply there, or comes in an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// It is there or not.
    Boolean,
    /// It comes in the amount of its required limits, of which it has at least one.
    Quantity,
}

impl Feature {
    /// Whether the feature may be had with this plan.
    pub fn allowed_in(&self, plan: &Key) -> bool {
        self.plans.is_empty() || self.plans.contains(plan)
    }
}
