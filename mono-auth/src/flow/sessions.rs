//! A person's own sessions: which there are, and the end of those that are not wanted.

use super::{person, system};
use crate::authenticator::Authenticator;
use mono_core::Error;
use mono_core::audit::Action;
use mono_core::caller::{Actor, Caller};
use mono_core::id::SessionId;
use mono_core::model::session::Session;

impl Authenticator {
    /// The sessions of the caller that hold, the one used last first.
    ///
    /// # Errors
    /// `Forbidden` with code `people_only` for anybody but a person.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<Session>, Error> {
        let (system, user, _) = person(caller)?;
        self.inner.database.platform(&system).read().await?.sessions().live(user).await
    }

    /// Ends one session of the caller. It may be the one that asks; support staff who act as somebody end that one only.
    ///
    /// # Errors
    /// `NotFound` where the caller has no such session that holds.
    pub async fn revoke_session(&self, caller: &Caller, id: SessionId) -> Result<(), Error> {
        let (system, user) = match caller.actor() {
            Actor::User { user, session, .. } if session == id => (system(caller.request().clone()), user),
            _ => person(caller).map(|(system, user, _)| (system, user))?,
        };
        let mut tx = self.inner.database.platform(&system).write().await?;
        if !tx.sessions().revoke(user, id).await? {
            return Err(Error::not_found("a session"));
        }
        tx.audit_user(Action::Logout, Some(user)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends every session of the caller but the one that asks, and gives how many.
    ///
    /// # Errors
    /// `Forbidden` with code `people_only` for anybody but a person.
    pub async fn revoke_other_sessions(&self, caller: &Caller) -> Result<u64, Error> {
        let (system, user, own) = person(caller)?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        let ended = tx.sessions().revoke_others(user, Some(own)).await?;
        if ended > 0 {
            tx.audit_user(Action::Logout, Some(user)).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }
}
