//! Signing in, and who is signed in.

use mono_core::api::auth::{LoginResponse, SecondFactorRequired};
use mono_core::api::users::ProfileResponse;
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

/// What the code of the second factor is shown with.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct SecondFactorChallenge {
    /// For `Client.second_factor`, once. It is a secret.
    pub challenge: String,
    /// When it ends.
    pub expires_at: SystemTime,
}

impl From<SecondFactorRequired> for SecondFactorChallenge {
    fn from(required: SecondFactorRequired) -> Self {
        Self { challenge: required.challenge, expires_at: required.expires_at.into() }
    }
}

/// What comes of beginning to sign in.
#[derive(Debug, Clone, uniffi::Enum)]
pub enum LoginAnswer {
    /// The person is signed in.
    SignedIn {
        /// The person.
        login: Login,
    },
    /// The person has a second factor, and shows it next.
    SecondFactor {
        /// What the code is shown with.
        challenge: SecondFactorChallenge,
    },
}

impl From<mono_core::api::auth::LoginAnswer> for LoginAnswer {
    fn from(answer: mono_core::api::auth::LoginAnswer) -> Self {
        use mono_core::api::auth::LoginAnswer as Answer;
        match answer {
            Answer::SignedIn(login) => Self::SignedIn { login: login.into() },
            Answer::SecondFactor(required) => Self::SecondFactor { challenge: required.into() },
        }
    }
}

/// Who is signed in.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Me {
    /// The person.
    pub id: String,
    /// Their address.
    pub email: String,
    /// Whether they have shown that they read the address.
    pub email_verified: bool,
    /// Their name.
    pub name: String,
    /// The tenant that the session works in.
    pub tenant_id: Option<String>,
    /// Support staff who act as the person: an application shows this on every page.
    pub impersonator_id: Option<String>,
}

impl From<ProfileResponse> for Me {
    fn from(profile: ProfileResponse) -> Self {
        Self {
            id: profile.id.to_string(),
            email: profile.email.into(),
            email_verified: profile.email_verified,
            name: profile.name.into(),
            tenant_id: profile.tenant_id.map(|tenant| tenant.to_string()),
            impersonator_id: profile.impersonator_id.map(|user| user.to_string()),
        }
    }
}

// Written by hand and exported: records are printed, a secret must not be.
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

impl fmt::Display for SecondFactorChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("challenge of a second factor")
    }
}

impl fmt::Debug for SecondFactorChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecondFactorChallenge({self})")
    }
}
