//! Signing in, and who is signed in.

use crate::client::Client;
use crate::error::Result;
use mono_core::api::auth::{LoginRequest, LoginResponse, SecondFactorRequired};
use mono_core::api::second_factor::SecondFactorLogin;
use mono_core::api::users::ProfileResponse;
use mono_core::id::Uuid;
use mono_core::model::tenant;
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
    pub user_id: Uuid,
    /// The tenant that the token works in; platform staff may have none.
    pub tenant_id: Option<Uuid>,
}

impl From<LoginResponse> for Login {
    fn from(login: LoginResponse) -> Self {
        Self {
            access_token: login.access_token,
            expires_at: login.expires_at.into(),
            user_id: login.user_id.into(),
            tenant_id: login.tenant_id.map(Into::into),
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
    pub id: Uuid,
    /// Their address.
    pub email: String,
    /// Whether they have shown that they read the address.
    pub email_verified: bool,
    /// Their name.
    pub name: String,
    /// The tenant that the session works in.
    pub tenant_id: Option<Uuid>,
    /// Support staff who act as the person: an application shows this on every page.
    pub impersonator_id: Option<Uuid>,
}

impl From<ProfileResponse> for Me {
    fn from(profile: ProfileResponse) -> Self {
        Self {
            id: profile.id.into(),
            email: profile.email.into(),
            email_verified: profile.email_verified,
            name: profile.name.into(),
            tenant_id: profile.tenant_id.map(Into::into),
            impersonator_id: profile.impersonator_id.map(Into::into),
        }
    }
}

/// A tenant that somebody belongs to.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Membership {
    /// The tenant.
    pub tenant_id: Uuid,
    /// Its short name.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Whether the tenant may work: `active`, `suspended` or `archived`.
    pub tenant_status: String,
    /// The membership.
    pub member_id: Uuid,
    /// Whether the membership may be used: `active` or `suspended`.
    pub status: String,
}

impl From<tenant::Membership> for Membership {
    fn from(membership: tenant::Membership) -> Self {
        Self {
            tenant_id: membership.tenant_id.into(),
            slug: membership.slug.into(),
            name: membership.name.into(),
            tenant_status: membership.tenant_status.to_string(),
            member_id: membership.member_id.into(),
            status: membership.status.to_string(),
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

#[uniffi::export]
impl Client {
    /// Signs in. The client keeps the token and uses it from now on. The tenant is named by its slug; without one the
    /// only or oldest membership is taken.
    ///
    /// # Errors
    /// `Unauthorized` where address or password are wrong, or with code `second_factor_required` where the person has a
    /// second factor: `begin_login` tells what to show it with.
    #[uniffi::method(default(tenant = None))]
    pub async fn login(&self, email: String, password: String, tenant: Option<String>) -> Result<Login> {
        let request = LoginRequest { tenant, ..LoginRequest::new(email, password) };
        self.call(|client| async move { Ok(client.auth().login(&request).await?.into()) }).await
    }

    /// Signs in as `login` does, or gets the challenge for the second factor.
    ///
    /// # Errors
    /// `Unauthorized` where address or password are wrong.
    #[uniffi::method(default(tenant = None))]
    pub async fn begin_login(
        &self,
        email: String,
        password: String,
        tenant: Option<String>,
    ) -> Result<LoginAnswer> {
        let request = LoginRequest { tenant, ..LoginRequest::new(email, password) };
        self.call(|client| async move { Ok(client.auth().begin(&request).await?.into()) }).await
    }

    /// Finishes a login with a code of the second factor, or a recovery code. The client keeps the token and uses it from
    /// now on.
    ///
    /// # Errors
    /// `Unauthorized` where the code is wrong, `Validation` where the challenge was used or has ended.
    pub async fn second_factor(&self, challenge: String, code: String) -> Result<Login> {
        let shown = SecondFactorLogin { challenge, code, cookies: false };
        self.call(|client| async move { Ok(client.auth().second_factor(&shown).await?.into()) }).await
    }

    /// Whether somebody is signed in, as far as the client and its store know; the server is not asked.
    ///
    /// # Errors
    /// That of the store; the one that has ended the session.
    pub async fn is_signed_in(&self) -> Result<bool> {
        self.call(|client| async move { Ok(client.auth().is_signed_in().await?) }).await
    }

    /// Gets the next tokens. Calls do so by themselves where the token has ended.
    ///
    /// # Errors
    /// `Unauthorized` where nobody has signed in, or the session is over.
    pub async fn refresh(&self) -> Result<Login> {
        self.call(|client| async move { Ok(client.auth().refresh().await?.into()) }).await
    }

    /// Ends the session. The client is signed out, and its store empty.
    ///
    /// # Errors
    /// `Unauthorized` where nobody has signed in.
    pub async fn logout(&self) -> Result<()> {
        self.call(|client| async move { Ok(client.auth().logout().await?) }).await
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// `Unauthorized` where nobody is.
    pub async fn me(&self) -> Result<Me> {
        self.call(|client| async move { Ok(client.user().profile().await?.into()) }).await
    }

    /// The tenants that the caller belongs to.
    ///
    /// # Errors
    /// `Unauthorized` where nobody is signed in.
    pub async fn tenants(&self) -> Result<Vec<Membership>> {
        self.call(
            |client| async move { Ok(client.user().tenants().await?.into_iter().map(Into::into).collect()) },
        )
        .await
    }

    /// Works in another of the caller's tenants from now on; all who share the client do.
    ///
    /// # Errors
    /// `Forbidden` where the caller does not belong to the tenant.
    pub async fn choose_tenant(&self, tenant_id: Uuid) -> Result<Login> {
        self.call(|client| async move { Ok(client.user().choose_tenant(tenant_id.into()).await?.into()) })
            .await
    }
}
