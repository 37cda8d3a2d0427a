//! How much of a limit is used.

use super::{Decision, Enforcement, Entitlements, Key, Source, Window};
use crate::time::NaiveDate;
use serde::{Deserialize, Serialize};

/// How much of one limit is used in its present window, and how much room there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// The limit, whether there is room for one more, what is used, the maximum and what remains.
    #[serde(flatten)]
    pub decision: Decision,
    /// The stretch of time over which use is counted.
    pub window: Window,
    /// What happens at the maximum.
    pub enforcement: Enforcement,
    /// Where the maximum comes from.
    pub source: Source,
}

/// What was used in one day, in UTC: of a metered limit, or of a feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DailyUsage {
    /// The day.
    pub day: NaiveDate,
    /// The limit, in whose unit `used` is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The feature that was used so many times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// How much.
    pub used: u64,
}

impl Entitlements {
    /// How much of each limit is used, in the order of their keys; `current` tells what the counters say.
    ///
    /// ```
    /// use mono_core::subscription::Entitlements;
    /// assert!(Entitlements::none().usage(|_, _| 0).is_empty());
    /// ```
    pub fn usage(&self, current: impl Fn(&Key, Window) -> u64) -> Vec<Usage> {
        let usage = self.limits().map(|(key, in_force)| Usage {
            decision: self.check(key.as_str(), current(key, in_force.window), 1),
            window: in_force.window,
            enforcement: in_force.enforcement,
            source: in_force.source.clone(),
        });
        usage.collect()
    }
}
