//! `POST /api/v1/public/auth/login`

use crate::error::{Error, ErrorKind};
use crate::id::{TenantId, UserId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Asks for an access token.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LoginRequest {
    /// The person's e-mail address.
    pub email: String,
    /// The person's password.
    pub password: String,
    /// The slug of the tenant to work in; left out, the only or oldest membership is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

// Written by hand: a request ends up in logs, a password must not.
impl std::fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginRequest").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// A signed-in person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginResponse {
    /// The bearer token for the `Authorization` header.
    pub access_token: String,
    /// Always `Bearer` (RFC 6750).
    pub token_type: String,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// Who is signed in.
    pub user_id: UserId,
    /// The tenant that the token works in; platform staff may have none.
    pub tenant_id: Option<TenantId>,
}

impl std::fmt::Debug for LoginResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginResponse")
            .field("user_id", &self.user_id)
            .field("tenant_id", &self.tenant_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The one answer to every login that fails: it does not tell whether the address exists.
pub fn refused() -> Error {
    Error::new(ErrorKind::Unauthorized, "invalid_credentials", "the e-mail address or the password is wrong")
}
