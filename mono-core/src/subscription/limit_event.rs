//! What is told when a limit fills up.

use super::{Allowance, LimitInForce};
use crate::event::EventPayload;
use crate::id::AccountId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A limit fills up, or is passed. Told once for each threshold in each window, and again where the maximum is raised
/// and reached anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitEvent {
    /// The limit.
    pub limit: String,
    /// The account whose limit it is; `None` for the tenant's own.
    pub account: Option<AccountId>,
    /// What was reached.
    pub threshold: Threshold,
    /// How much is used, in the unit of the limit.
    pub used: u64,
    /// The most that may be used.
    pub maximum: u64,
    /// The first moment of the window that it is counted in.
    pub window_start: Timestamp,
}

/// A share of a maximum that is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Eighty percent are used.
    NearlyFull,
    /// All is used.
    Full,
    /// More than all is used: the limit is soft, or is counted only every few seconds.
    Exceeded,
}

impl Threshold {
    const ALL: [Self; 3] = [Self::NearlyFull, Self::Full, Self::Exceeded];

    /// The use at which it is reached; `None` where a maximum of nothing has no such share.
    pub fn level(self, maximum: u64) -> Option<u64> {
        match self {
            Self::Exceeded => maximum.checked_add(1),
            _ if maximum == 0 => None,
            Self::Full => Some(maximum),
            // Rounded up: 4 of 5, and 3 of 3.
            Self::NearlyFull => Some(maximum - maximum / 5),
        }
    }
}

impl EventPayload for LimitEvent {
    const KIND: &str = "limit.threshold_reached";
}

impl LimitInForce {
    /// The thresholds that a use of `used` has reached and that lie above `announced`, the level told of before, each
    /// with its level.
    ///
    /// ```
    /// use mono_core::subscription::{Allowance, Entitlements, LimitInForce, Threshold};
    /// let limit = LimitInForce { maximum: Allowance::UpTo(10), ..Entitlements::none().limit("seats").clone() };
    /// assert_eq!(limit.reached(0, 7), []);
    /// assert_eq!(limit.reached(0, 9), [(Threshold::NearlyFull, 8)]);
    /// assert_eq!(limit.reached(8, 12), [(Threshold::Full, 10), (Threshold::Exceeded, 11)]);
    /// ```
    pub fn reached(&self, announced: u64, used: u64) -> Vec<(Threshold, u64)> {
        let Allowance::UpTo(maximum) = self.maximum else { return Vec::new() };
        let levels =
            Threshold::ALL.into_iter().filter_map(|threshold| Some((threshold, threshold.level(maximum)?)));
        levels.filter(|(_, level)| announced < *level && *level <= used).collect()
    }
}
