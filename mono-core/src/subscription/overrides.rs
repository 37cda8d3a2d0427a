//! Exceptions that an operator makes for one tenant or one account.

use super::{Allowance, Key};
use crate::id::{AccountId, OverrideId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An exception for one tenant, or for one account of it. It beats plan and add-ons, in both directions.
///
/// Where several overrides of one key are live, the one for the account beats the one for the tenant; then the one
/// that started last; then the more generous. The order in which they are kept never matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Override {
    /// The account that it is for; `None` for the whole tenant.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// What it changes.
    pub change: OverrideChange,
    /// The first moment at which it holds; it may lie in the past.
    pub from: Timestamp,
    /// The first moment at which it holds no longer; `None` for no end.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Why it was made. People will ask.
    pub reason: String,
}

/// What an override changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OverrideChange {
    /// Gives a feature, or takes it away.
    Feature {
        /// The feature.
        feature: Key,
        /// Whether it is given.
        enabled: bool,
    },
    /// Sets a maximum.
    Limit {
        /// The limit.
        limit: Key,
        /// The maximum that holds instead.
        maximum: Allowance,
    },
}

/// An override, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoredOverride {
    /// Its id.
    pub id: OverrideId,
    /// What was agreed.
    #[serde(flatten)]
    pub exception: Override,
}

impl Override {
    /// The longest reason, in characters.
    pub const MAX_REASON: usize = 1000;

    /// Whether it holds at this moment: from its start on, and no longer at its end.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }

    /// Whether it says anything about this scope: the tenant (`None`) or one of its accounts.
    pub fn applies_to(&self, account: Option<AccountId>) -> bool {
        self.account.is_none() || self.account == account
    }

    /// Greater wins; see the type's own text. The reason is there so that equals show the same one in any order.
    pub(super) fn rank(&self) -> (bool, Timestamp, Allowance, &str) {
        let generosity = match self.change {
            OverrideChange::Feature { enabled, .. } => Allowance::UpTo(u64::from(enabled)),
            OverrideChange::Limit { maximum, .. } => maximum,
        };
        (self.account.is_some(), self.from, generosity, &self.reason)
    }
}
