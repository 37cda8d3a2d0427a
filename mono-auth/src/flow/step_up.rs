//! Step up: somebody who is signed in proves again who they are, and may use dangerous permissions for a while.

use super::password::wrong_password;
use super::person;
use crate::authenticator::Authenticator;
use crate::identity::{ended, fresh_until};
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
    /// `Validation` that names what is needed; `Forbidden` with code `wrong_password`, `invalid_code`, `people_only` or
    /// `impersonated`; `RateLimited` as [`sign_in`](Self::sign_in).
    pub async fn step_up(&self, caller: &Caller, given: StepUp) -> Result<Timestamp, Error> {
        let (system, user, session) = person(caller)?;
        let mut tx = self.inner.database.platform(&system).read().await?;
        let found = tx.users().credentials_of(user).await?.ok_or_else(ended)?;
        let factor = tx.second_factors().find(user).await?.and_then(|factor| factor.confirmed_at);
        drop(tx);
        match (factor, &given.code, &given.password) {
            (None, Some(_), _) => {
                return Err(Error::invalid("code", "no_second_factor", "there is no second factor"));
            }
            (Some(_), None, _) => {
                return Err(Error::invalid("code", "required", "give the code of the second factor"));
            }
            (None, _, None) if found.password_hash.is_none() => {
                let message = "there is no password to give: sign in again instead";
                return Err(Error::invalid("password", "no_password", message));
            }
            (None, _, None) => return Err(Error::invalid("password", "required", "give the password")),
            _ => {}
        }
        if let Some(password) = given.password
            && !self.check_password(&found, password, caller.request().clone()).await?
        {
            return Err(wrong_password());
        }
        let attempt = match given.code {
            Some(_) => Some(self.reserve_code(&system, user).await?),
            None => None,
        };
        let mut tx = self.inner.database.platform(&system).write().await?;
        if let (Some(code), Some(attempt)) = (&given.code, &attempt) {
            if !self.show(&mut tx, user, code).await? {
                drop(tx);
                self.record_failure(&system, user, attempt).await?;
                let message = "the code is wrong, or was used before";
                return Err(Error::new(ErrorKind::Forbidden, "invalid_code", message));
            }
            tx.throttles().release(attempt).await?;
        }
        tx.sessions().prove(session, given.code.is_some()).await?;
        tx.audit_user(Action::StepUp, Some(user)).await?;
        let until = self.fresh_until(&mut tx, user, session).await?;
        tx.commit().await?;
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
        Ok(fresh_until(
            &session.ok_or_else(ended)?,
            factor.is_some(),
            self.inner.identities.settings.fresh_for,
        ))
    }
}
