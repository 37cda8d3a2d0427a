//! Where a subscription stands.

use crate::time::Timestamp;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What was last decided about a subscription, with the times at which it takes effect.
///
/// This is what is stored. What holds at a moment is the [`SubscriptionStatus`] that the clock makes of it, so a
/// trial ends on time also where no job runs. Every time is the first moment of what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum SubscriptionState {
    /// It may be tried until `ends_at`; then it is past due, as nobody has paid.
    Trialing {
        /// The end of the trial.
        ends_at: Timestamp,
    },
    /// It is paid for.
    Active,
    /// A payment is missing since `since`. Everything goes on for the days of grace, then nothing does.
    PastDue {
        /// When the payment was due.
        since: Timestamp,
    },
    /// It rests, and gives nothing, from `from` until `until`.
    Paused {
        /// When the rest begins.
        from: Timestamp,
        /// When it goes on by itself; `None` for not before somebody says so.
        until: Option<Timestamp>,
    },
    /// It ends at `at`, usually the end of what is paid.
    Canceled {
        /// When it ends.
        at: Timestamp,
    },
}

/// Where a subscription stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// It is tried without paying.
    Trialing,
    /// It is paid for.
    Active,
    /// A payment is missing and the days of grace run.
    PastDue,
    /// It rests.
    Paused,
    /// It has ended.
    Canceled,
}

impl SubscriptionStatus {
    /// Whether plan, add-ons and overrides give anything.
    pub fn is_in_force(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }
}

impl SubscriptionState {
    /// Where it stands at `now`, with this many days of grace.
    pub fn status(self, grace_days: u32, now: Timestamp) -> SubscriptionStatus {
        use SubscriptionStatus::{Active, Canceled, Trialing};
        match self {
            Self::Trialing { ends_at } if now < ends_at => Trialing,
            Self::Trialing { ends_at: since } | Self::PastDue { since } => overdue(since, grace_days, now),
            Self::Paused { from, until } if from <= now && until.is_none_or(|until| now < until) => {
                SubscriptionStatus::Paused
            }
            Self::Canceled { at } if at <= now => Canceled,
            Self::Active | Self::Paused { .. } | Self::Canceled { .. } => Active,
        }
    }

    /// Every moment at which the status may change, in the past too.
    pub(super) fn boundaries(self, grace_days: u32) -> impl Iterator<Item = Timestamp> {
        let moments = match self {
            Self::Active => [None, None],
            Self::Trialing { ends_at: since } | Self::PastDue { since } => {
                [Some(since), Some(after_days(since, grace_days))]
            }
            Self::Paused { from, until } => [Some(from), until],
            Self::Canceled { at } => [Some(at), None],
        };
        moments.into_iter().flatten()
    }
}

fn overdue(since: Timestamp, grace_days: u32, now: Timestamp) -> SubscriptionStatus {
    if now < since {
        SubscriptionStatus::Active
    } else if now < after_days(since, grace_days) {
        SubscriptionStatus::PastDue
    } else {
        SubscriptionStatus::Canceled
    }
}

/// A day is 24 hours here; a moment after the end of the calendar is its end.
pub(super) fn after_days(moment: Timestamp, days: u32) -> Timestamp {
    moment.checked_add_signed(TimeDelta::days(i64::from(days))).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
