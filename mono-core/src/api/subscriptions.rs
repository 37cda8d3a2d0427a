//! `/api/v1/platform/tenants/{id}/subscription` and `/api/v1/platform/tenants/{id}/entitlement-overrides`
//!
//! A subscription, a change and an override are the documents that are stored, with their `snake_case` fields; what is
//! made of them for an answer has the `camelCase` fields of the API.

use crate::id::AccountId;
use crate::subscription::{Override, OverrideChange, Preview, Subscription};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// `POST …/subscription/changes`: what has been bought now, and what the change brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangeResponse {
    /// The subscription after the change.
    pub subscription: Subscription,
    /// What was gained and lost.
    pub preview: Preview,
}

/// `POST …/entitlement-overrides`: agrees on something else than the plan.
///
/// ```
/// use mono_core::api::subscriptions::CreateOverride;
/// let body = r#"{"change": {"limit": {"limit": "accounts", "maximum": 8}}, "reason": "the trade fair"}"#;
/// let now = "2026-01-01T00:00:00Z".parse()?;
/// assert_eq!(serde_json::from_str::<CreateOverride>(body)?.at(now).from, now);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateOverride {
    /// The account that it is for; left out, the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// What it changes.
    pub change: OverrideChange,
    /// The first moment at which it holds; left out, now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The first moment at which it holds no longer; left out, it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why it is made.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = Override::MAX_REASON), extend("pattern" = crate::text::pattern::NOT_BLANK)))]
    pub reason: String,
}

impl CreateOverride {
    /// The override that is asked for at a moment.
    pub fn at(self, now: Timestamp) -> Override {
        let Self { account, change, from, until, reason } = self;
        Override { account, change, from: from.unwrap_or(now), until, reason }
    }
}
