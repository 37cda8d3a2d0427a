//! Open a session: what every way to sign in ends with, once it is proven who somebody is.

use super::SignedIn;
use super::sign_in::wanted_tenant;
use crate::authenticator::Authenticator;
use crate::identity::{admit, ended};
use crate::{secret, single_use};
use mono_core::audit::Action;
use mono_core::id::{TenantId, UserId};
use mono_core::model::auth_policy::SignInMethod;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::db::PlatformTx;
use mono_storage::store::{NewSession, NewToken, TokenPurpose};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// What comes of signing in.
pub enum SignInAnswer {
    /// The person is signed in.
    SignedIn(SignedIn),
    /// The person has a second factor, and shows it next.
    SecondFactor(SecondFactorChallenge),
}

impl SignInAnswer {
    /// The session of a person who needs no second factor.
    ///
    /// # Errors
    /// `Unauthorized` with code `second_factor_required` where they do.
    pub fn signed_in(self) -> Result<SignedIn, Error> {
        match self {
            Self::SignedIn(signed_in) => Ok(signed_in),
            Self::SecondFactor(_) => {
                let message = "the code of the second factor is needed too";
                Err(Error::new(ErrorKind::Unauthorized, "second_factor_required", message))
            }
        }
    }
}

/// What a person who has proven the first factor shows together with the second. Has no `Debug`: it is a secret.
pub struct SecondFactorChallenge {
    /// The secret.
    pub token: SecretString,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What is remembered between the first factor and the second.
#[derive(Serialize, Deserialize)]
pub(super) struct Challenge {
    tenant: Option<TenantId>,
    method: SignInMethod,
}

/// Somebody who has proven who they are, and where they want to work.
pub(crate) struct Proven<'p> {
    /// The person.
    pub(crate) user: UserId,
    /// How.
    pub(crate) method: SignInMethod,
    /// The slug of the tenant to work in.
    pub(crate) tenant: Option<&'p str>,
    /// The name of the host that the person signs in at.
    pub(crate) host: Option<&'p str>,
}

impl Authenticator {
    /// Lets somebody in who has proven who they are, or asks for the second factor. It commits: a refusal is recorded.
    ///
    /// # Errors
    /// `Forbidden` where the person is suspended, does not belong to the tenant that was asked for, or it is suspended.
    pub(crate) async fn open_session(
        &self,
        mut tx: PlatformTx,
        proven: Proven<'_>,
    ) -> Result<SignInAnswer, Error> {
        let user = proven.user;
        let tenant = wanted_tenant(&mut tx, user, proven.tenant, proven.host).await?;
        let challenge = Challenge { tenant, method: proven.method };
        let factor = tx.second_factors().find(user).await?;
        if factor.is_none_or(|factor| factor.confirmed_at.is_none()) {
            return self.admit_and_open(tx, user, challenge, false).await.map(SignInAnswer::SignedIn);
        }
        let token = secret::generate(tx.random());
        let purpose = TokenPurpose::SecondFactor;
        let expires_at = tx.now() + single_use::lifetime(purpose);
        let hash = secret::hash(token.expose_secret());
        let data = serde_json::to_value(&challenge).map_err(Error::internal)?;
        tx.single_use_tokens().create(NewToken { purpose, hash, user: Some(user), data, expires_at }).await?;
        tx.commit().await?;
        Ok(SignInAnswer::SecondFactor(SecondFactorChallenge { token, expires_at }))
    }

    /// Opens the session of somebody of whom everything is proven that has to be.
    pub(super) async fn admit_and_open(
        &self,
        mut tx: PlatformTx,
        user: UserId,
        challenge: Challenge,
        second_factor: bool,
    ) -> Result<SignedIn, Error> {
        let Challenge { tenant, method } = challenge;
        let principal = tx.principals().load(user, tenant).await?.ok_or_else(ended)?;
        let admitted = admit(&principal, tenant).and_then(|_| self.identities.take(&principal, method));
        if let Err(refusal) = admitted {
            tx.audit_user(Action::LoginFailed, Some(user)).await?;
            tx.commit().await?;
            return Err(refusal);
        }
        let now = tx.now();
        let expires_at = now + chrono::TimeDelta::hours(i64::from(self.policy().session_hours));
        let new = NewSession { tenant, method, second_factor, ..NewSession::new(user, expires_at) };
        let session = tx.sessions().open(new).await?;
        let session_expires_at = self.identities.hold(&principal, &session)?;
        tx.audit_user(Action::Login, Some(user)).await?;
        tx.commit().await?;
        Ok(SignedIn { session_expires_at, ..self.tokens_of(&session, now)? })
    }
}
