//! `/api/v1/user`: who is signed in. And support staff who act as somebody.

use crate::id::{TenantId, UserId};
use crate::text::{Email, Name};
use serde::{Deserialize, Serialize};

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProfileResponse {
    /// The person.
    pub id: UserId,
    /// Their address.
    pub email: Email,
    /// Whether they have shown that they read the address.
    pub email_verified: bool,
    /// Their name.
    pub name: Name,
    /// The tenant that the session works in.
    pub tenant_id: Option<TenantId>,
    /// Support staff who act as the person: an application shows this on every page.
    pub impersonator_id: Option<UserId>,
}

/// Lets support staff act as a member of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImpersonateRequest {
    /// Why, in one line of at most 200 characters. The tenant reads it in its audit log.
    #[cfg_attr(feature = "openapi", schemars(with = "Name"))]
    pub reason: String,
}
