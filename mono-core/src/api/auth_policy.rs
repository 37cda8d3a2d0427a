//! `/api/v1/tenant/auth-policy`: what signing in to the tenant asks for.

use crate::model::auth_policy::{AuthPolicy, TighterPolicy};
use serde::{Deserialize, Serialize};

/// What signing in to the tenant asks for, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuthPolicyResponse {
    /// What holds: the stricter of both, field by field.
    pub effective: AuthPolicy,
    /// What the platform asks of everybody.
    pub platform: AuthPolicy,
    /// What the tenant asks for beyond that.
    pub own: TighterPolicy,
    /// The version of what the tenant asks for; 0 where it never said anything.
    pub version: i64,
}

/// `PATCH`: changes what the tenant asks for.
pub use crate::model::auth_policy::AuthPolicyChange as UpdateAuthPolicy;
