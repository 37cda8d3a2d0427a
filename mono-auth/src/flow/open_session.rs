//! Open a session: what every way to sign in ends with, once it is proven who somebody is.

use super::sign_in::wanted_tenant;
use super::{SESSION_HOURS, SignedIn};
use crate::authenticator::Authenticator;
use crate::identity::{admit, ended};
use mono_core::audit::Action;
use mono_core::id::UserId;
use mono_core::model::auth_policy::SignInMethod;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::db::PlatformTx;
use mono_storage::store::NewSession;
use secrecy::SecretString;

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

/// Somebody who has proven who they are, and where they want to work.
pub(crate) struct Proven<'p> {
    /// The person.
    pub(crate) user: UserId,
    /// How.
    #[expect(dead_code, reason = "a tenant will say which ways it allows")]
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
        let principal = tx.principals().load(user, tenant).await?.ok_or_else(ended)?;
        if let Err(refusal) = admit(&principal, tenant) {
            tx.audit_user(Action::LoginFailed, Some(user)).await?;
            tx.commit().await?;
            return Err(refusal);
        }
        let now = tx.now();
        let expires_at = now + chrono::TimeDelta::hours(SESSION_HOURS);
        let session = tx.sessions().open(NewSession { tenant, ..NewSession::new(user, expires_at) }).await?;
        tx.audit_user(Action::Login, Some(user)).await?;
        tx.commit().await?;
        self.tokens_of(&session, now).map(SignInAnswer::SignedIn)
    }
}
