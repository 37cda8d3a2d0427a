//! Bundles of features.

use super::Key;
use crate::text::Name;
use serde::{Deserialize, Serialize};

/// A named bundle of features, which may hold other bundles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeatureSet {
    /// By what plans name it.
    pub key: Key,
    /// What people read.
    pub name: Name,
    /// What it is good for, in a sentence.
    #[serde(default)]
    pub description: String,
    /// The features in it.
    #[serde(default)]
    pub features: Vec<Key>,
    /// The bundles in it. A bundle cannot hold itself, by whatever way.
    #[serde(default)]
    pub feature_sets: Vec<Key>,
}
