//! `/api/v1/user/sessions` and `/api/v1/user/tenant`: where a person is signed in, and in which tenant.

use crate::id::{SessionId, TenantId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A place where the person is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionResponse {
    /// Its id.
    pub id: SessionId,
    /// Whether it is the session that asks.
    pub current: bool,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last used to sign in or to refresh.
    pub last_used_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// The address that it was last used from.
    pub ip_address: Option<String>,
    /// What the device called itself.
    pub user_agent: Option<String>,
    /// The tenant that it works in.
    pub tenant_id: Option<TenantId>,
    /// Whether support staff act as the person.
    pub impersonated: bool,
}

/// How many sessions were ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevokedSessions {
    /// How many.
    pub revoked: u64,
}

/// Chooses the tenant to work in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChooseTenant {
    /// One of the person's tenants.
    pub tenant_id: TenantId,
}
