//! Open a session: what every way to sign in ends with, once it is proven who somebody is.

use super::SignedIn;
use crate::authenticator::Authenticator;
use crate::identity::{admit, ended};
use crate::{secret, single_use};
use mono_core::audit::Action;
use mono_core::id::{TenantId, UserId};
use mono_core::model::auth_policy::SignInMethod;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::db::PlatformTx;
use mono_storage::store::{NewSession, NewToken, Principal, TokenPurpose};
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

/// Where a person wants to work, and how they have proven who they are. It is remembered between the first factor and
/// the second.
#[derive(Serialize, Deserialize)]
pub(super) struct Entrance {
    /// The tenant to work in.
    pub(super) tenant: Option<TenantId>,
    /// How the person signs in.
    pub(super) method: SignInMethod,
}

impl Authenticator {
    /// Lets somebody in who has proven who they are, or asks for the second factor. It commits: a refusal is recorded.
    ///
    /// # Errors
    /// `Forbidden` where the person is suspended, does not belong to the tenant that was asked for, or it is suspended.
    pub(super) async fn open_session(
        &self,
        mut tx: PlatformTx,
        user: UserId,
        entrance: Entrance,
    ) -> Result<SignInAnswer, Error> {
        let factor = tx.second_factors().find(user).await?;
        if factor.is_none_or(|factor| factor.confirmed_at.is_none()) {
            return self.admit_and_open(tx, user, entrance, false).await.map(SignInAnswer::SignedIn);
        }
        let token = secret::generate(tx.random());
        let purpose = TokenPurpose::SecondFactor;
        let expires_at = tx.now() + single_use::lifetime(purpose);
        let hash = secret::hash(token.expose_secret());
        let data = serde_json::to_value(&entrance).map_err(Error::internal)?;
        tx.single_use_tokens().create(NewToken { purpose, hash, user: Some(user), data, expires_at }).await?;
        tx.commit().await?;
        Ok(SignInAnswer::SecondFactor(SecondFactorChallenge { token, expires_at }))
    }

    /// Opens the session of somebody of whom everything is proven that has to be.
    pub(super) async fn admit_and_open(
        &self,
        tx: PlatformTx,
        user: UserId,
        entrance: Entrance,
        second_factor: bool,
    ) -> Result<SignedIn, Error> {
        let (mut tx, principal) = self.admit_at(tx, user, &entrance).await?;
        let Entrance { tenant, method } = entrance;
        let now = tx.now();
        let expires_at = now + chrono::TimeDelta::hours(i64::from(self.policy().session_hours));
        let new = NewSession { tenant, method, second_factor, ..NewSession::new(user, expires_at) };
        let session = tx.sessions().open(new).await?;
        let session_expires_at = self.inner.identities.hold(&principal, &session)?;
        tx.audit_user(Action::Login, Some(user)).await?;
        tx.commit().await?;
        Ok(SignedIn { session_expires_at, ..self.tokens_of(&session, now)? })
    }

    /// Refuses a person who may not work where they want to, or not after signing in like this; the refusal is recorded.
    pub(super) async fn admit_at(
        &self,
        mut tx: PlatformTx,
        user: UserId,
        entrance: &Entrance,
    ) -> Result<(PlatformTx, Principal), Error> {
        let tenant = entrance.tenant;
        let principal = tx.principals().load(user, tenant).await?.ok_or_else(ended)?;
        let admitted =
            admit(&principal, tenant).and_then(|_| self.inner.identities.take(&principal, entrance.method));
        if let Err(refusal) = admitted {
            tx.audit_user(Action::LoginFailed, Some(user)).await?;
            tx.commit().await?;
            return Err(refusal);
        }
        Ok((tx, principal))
    }
}
