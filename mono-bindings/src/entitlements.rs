//! What the server says that a tenant may use.

use crate::limits::LimitDecision;
use mono_core::api::entitlements::EntitlementsResponse;

/// What a tenant may use, and how much of it is used.
#[derive(Debug, Clone, uniffi::Record)]
pub struct EntitlementsInForce {
    /// The keys of the features in force.
    pub features: Vec<String>,
    /// Every limit, with its use, and whether there is room for one more.
    pub limits: Vec<LimitDecision>,
}

impl From<EntitlementsResponse> for EntitlementsInForce {
    fn from(response: EntitlementsResponse) -> Self {
        Self {
            features: response.features.into_iter().map(|feature| feature.key.to_string()).collect(),
            limits: response.limits.into_iter().map(|usage| usage.decision.into()).collect(),
        }
    }
}
