//! Signing in.

use mono_core::api::auth::LoginResponse;
use std::fmt;
use std::time::SystemTime;

/// A signed-in person.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct Login {
    /// The access token, for `Client.with_token` later on. It is a secret.
    pub access_token: String,
    /// When the token ends.
    pub expires_at: SystemTime,
    /// Who is signed in.
    pub user_id: String,
    /// The tenant that the token works in; platform staff may have none.
    pub tenant_id: Option<String>,
}

impl From<LoginResponse> for Login {
    fn from(login: LoginResponse) -> Self {
        Self {
            access_token: login.access_token,
            expires_at: login.expires_at.into(),
            user_id: login.user_id.to_string(),
            tenant_id: login.tenant_id.map(|tenant| tenant.to_string()),
        }
    }
}

// Written by hand and exported: records are printed, a token must not be.
impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "login of user {}", self.user_id)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({self})")
    }
}
