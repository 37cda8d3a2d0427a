//! `/api/v1/tenant/entitlements` and `/api/v1/tenant/accounts/{id}/entitlements`

use crate::subscription::{Entitlements, Key, Source, SubscriptionStatus, Usage};
use crate::time::NaiveDate;
use serde::{Deserialize, Serialize};

/// `GET`: what the tenant, or one account of it, may use, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntitlementsResponse {
    /// Where the subscription stands.
    pub status: SubscriptionStatus,
    /// The features in force.
    pub features: Vec<FeatureInForce>,
    /// Every limit, with its use.
    pub limits: Vec<Usage>,
}

/// A feature in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FeatureInForce {
    /// The feature.
    pub key: Key,
    /// Where it comes from.
    pub source: Source,
}

impl EntitlementsResponse {
    /// The answer for entitlements and the use of their limits.
    pub fn new(entitlements: &Entitlements, limits: Vec<Usage>) -> Self {
        let features = entitlements.features();
        let features =
            features.map(|(key, source)| FeatureInForce { key: key.clone(), source: source.clone() });
        Self { status: entitlements.status(), features: features.collect(), limits }
    }
}

/// The query of `GET /api/v1/tenant/usage`: metered use day by day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UsageReport {
    /// The first day, such as `2026-11-01`.
    pub from: NaiveDate,
    /// The last day.
    pub until: NaiveDate,
}
