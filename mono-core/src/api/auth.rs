//! `/api/v1/public/auth`: signing in and out.

use crate::error::{Error, ErrorKind};
use crate::id::{SessionId, TenantId, UserId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Asks for an access token.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LoginRequest {
    /// The person's e-mail address.
    pub email: String,
    /// The person's password.
    pub password: String,
    /// The slug of the tenant to work in; left out, the tenant whose domain the server is called by is taken, or the
    /// oldest membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// For a browser: the tokens are put into cookies that no script can read, and the answer is a
    /// [`CookieLoginResponse`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cookies: bool,
}

impl LoginRequest {
    /// A login to the first tenant of the person, with tokens in the answer.
    pub fn new(email: impl Into<String>, password: impl Into<String>) -> Self {
        Self { email: email.into(), password: password.into(), tenant: None, cookies: false }
    }
}

// Written by hand: a request ends up in logs, a password must not.
impl std::fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginRequest").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// A signed-in person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoginResponse {
    /// The bearer token for the `Authorization` header.
    pub access_token: String,
    /// Always `Bearer` (RFC 6750).
    pub token_type: String,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// What the next access token is got with, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// When the session ends, whatever happens.
    pub session_expires_at: Timestamp,
    /// The session.
    pub session_id: SessionId,
    /// Who is signed in.
    pub user_id: UserId,
    /// The tenant that the token works in; platform staff may have none.
    pub tenant_id: Option<TenantId>,
    /// Support staff who act as the person: an application shows this on every page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonator_id: Option<UserId>,
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

/// What a login answers where the person has a second factor: the code is sent together with the challenge.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorRequired {
    /// Always true: it tells this answer from that of a finished login.
    pub second_factor_required: bool,
    /// What the code is sent with, once, in place of the password.
    pub challenge: String,
    /// When the challenge ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for SecondFactorRequired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactorRequired").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What comes of a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum LoginAnswer {
    /// The person is signed in.
    SignedIn(LoginResponse),
    /// The person has a second factor, and shows it next.
    SecondFactor(SecondFactorRequired),
}

impl LoginAnswer {
    /// The tokens of a person who needs no second factor.
    ///
    /// # Errors
    /// `Unauthorized` with code `second_factor_required` where they do.
    pub fn signed_in(self) -> Result<LoginResponse, Error> {
        match self {
            Self::SignedIn(response) => Ok(response),
            Self::SecondFactor(_) => {
                let message = "the code of the second factor is needed too";
                Err(Error::new(ErrorKind::Unauthorized, "second_factor_required", message))
            }
        }
    }
}

/// The cookie of the access token. `__Host-` asks of the browser that it comes from this very host, over HTTPS
/// (RFC 6265bis).
pub const ACCESS_COOKIE: &str = "__Host-mono_access";
/// The cookie of the refresh token.
pub const REFRESH_COOKIE: &str = "__Host-mono_refresh";

/// A person who is signed in by cookies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CookieLoginResponse {
    /// For the header `X-CSRF-Token` of every request that changes something. It holds as long as the session.
    pub csrf_token: String,
    /// When the access token in the cookie ends: ask for a refresh before.
    pub expires_at: Timestamp,
    /// When the session ends, whatever happens.
    pub session_expires_at: Timestamp,
    /// The session.
    pub session_id: SessionId,
    /// Who is signed in.
    pub user_id: UserId,
    /// The tenant that the session works in; platform staff may have none.
    pub tenant_id: Option<TenantId>,
    /// Support staff who act as the person: an application shows this on every page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonator_id: Option<UserId>,
}

/// What comes of a login with cookies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum CookieLoginAnswer {
    /// The person is signed in.
    SignedIn(CookieLoginResponse),
    /// The person has a second factor, and shows it next.
    SecondFactor(SecondFactorRequired),
}

/// Asks for the next access token, or signs out. In a browser the token is in a cookie, and the body is `{}`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RefreshRequest {
    /// The refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

impl std::fmt::Debug for RefreshRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshRequest").finish_non_exhaustive()
    }
}

/// The one answer to every login that fails: it does not tell whether the address exists.
pub fn refused() -> Error {
    Error::new(ErrorKind::Unauthorized, "invalid_credentials", "the e-mail address or the password is wrong")
}
