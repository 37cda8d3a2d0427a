//! Step up: somebody who is signed in proves again who they are, and may use dangerous permissions for a while.

use super::person;
use super::second_factor::wrong_code;
use crate::authenticator::Authenticator;
use crate::identity::{ended, fresh_until};
use crate::throttle;
use mono_core::audit::Action;
use mono_core::caller::{Caller, step_up_required};
use mono_core::id::{SessionId, UserId};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::db::PlatformTx;
use secrecy::SecretString;

/// What a person gives to prove again who they are.
#[derive(Default)]
pub struct StepUp {
    /// The password: needed where there is no second factor.
    pub password: Option<SecretString>,
    /// The code of the second factor, or a recovery code: needed where there is one.
    pub code: Option<String>,
}

impl Authenticator {
    /// Proves again who the caller is; gives until when dangerous permissions may be used. Everything that is given has
    /// to be right.
    ///
    /// # Errors
    /// `Validation` that names what is needed; `Unauthorized` with code `invalid_credentials` or `invalid_code`;
    /// `RateLimited` as [`sign_in`](Self::sign_in); `Forbidden` with code `people_only` or `impersonated`.
    pub async fn step_up(&self, caller: &Caller, given: StepUp) -> Result<Timestamp, Error> {
        let (system, user, session) = person(caller)?;
        let mut tx = self.database.platform(&system).read().await?;
        let found = tx.users().find(user).await?.ok_or_else(ended)?;
        let hash = tx.users().credentials(&found.email).await?.and_then(|found| found.password_hash);
        let factor = tx.second_factors().find(user).await?.and_then(|factor| factor.confirmed_at);
        drop(tx);
        match (factor, &given.code, &given.password) {
            (Some(_), None, _) => {
                return Err(Error::invalid("code", "required", "give the code of the second factor"));
            }
            (None, _, None) if hash.is_none() => {
                let message = "there is no password to give: sign in again instead";
                return Err(Error::invalid("password", "no_password", message));
            }
            (None, _, None) => return Err(Error::invalid("password", "required", "give the password")),
            (None, Some(_), _) => {
                return Err(Error::invalid("code", "no_second_factor", "there is no second factor"));
            }
            _ => {}
        }
        if let Some(password) = given.password {
            let throttles = throttle::sign_in(found.email.as_str(), caller.request());
            let mut tx = self.database.platform(&system).write().await?;
            let attempt = tx.throttles().reserve(&throttles).await?;
            tx.commit().await?;
            let tries = attempt.counts.get(throttle::ADDRESS).copied().unwrap_or_default();
            tokio::time::sleep(throttle::delay(tries)).await;
            if !self.passwords.verify(password, hash).await? {
                let message = "the password is wrong";
                let refusal = Error::new(ErrorKind::Unauthorized, "invalid_credentials", message);
                return Err(self.record_failure(&system, user, refusal).await?);
            }
            let mut tx = self.database.platform(&system).write().await?;
            tx.throttles().release(&attempt).await?;
            tx.commit().await?;
        }
        let attempt = match given.code {
            Some(_) => Some(self.reserve_code(&system, user).await?),
            None => None,
        };
        let mut tx = self.database.platform(&system).write().await?;
        if let (Some(code), Some(attempt)) = (&given.code, &attempt) {
            if !self.show(&mut tx, user, code).await? {
                drop(tx);
                return Err(self.record_failure(&system, user, wrong_code()).await?);
            }
            tx.throttles().release(attempt).await?;
        }
        tx.sessions().prove(session, given.code.is_some()).await?;
        tx.audit_user(Action::StepUp, Some(user)).await?;
        let until = self.fresh_until(&mut tx, user, session).await?;
        tx.commit().await?;
        self.forget();
        Ok(until)
    }

    /// Refuses a session whose person has not proven lately who they are.
    pub(super) async fn require_fresh(
        &self,
        tx: &mut PlatformTx,
        user: UserId,
        session: SessionId,
    ) -> Result<(), Error> {
        if tx.now() < self.fresh_until(tx, user, session).await? {
            return Ok(());
        }
        Err(step_up_required())
    }

    async fn fresh_until(
        &self,
        tx: &mut PlatformTx,
        user: UserId,
        session: SessionId,
    ) -> Result<Timestamp, Error> {
        let now = tx.now();
        let session = tx.sessions().find(session).await?.filter(|session| session.is_live(now));
        let factor = tx.second_factors().find(user).await?.and_then(|factor| factor.confirmed_at);
        Ok(fresh_until(&session.ok_or_else(ended)?, factor.is_some(), self.identities.settings.fresh_for))
    }
}
