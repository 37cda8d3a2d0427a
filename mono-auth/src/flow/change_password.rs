//! Change the password, by a person who is signed in and knows it.

use super::password::{close, notify, wrong_password};
use super::person;
use crate::authenticator::Authenticator;
use crate::identity::ended;
use crate::password_policy::PasswordOwner;
use mono_core::Error;
use mono_core::caller::Caller;
use mono_core::model::mail::MailKind;
use secrecy::SecretString;

impl Authenticator {
    /// Gives the caller another password and ends their other sessions. A mail tells them.
    ///
    /// # Errors
    /// `Forbidden` with code `wrong_password`, also for who has none: they ask for a reset; `RateLimited` with code
    /// `too_many_attempts`; `Validation` with every rule that the new password breaks.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: SecretString,
        new: SecretString,
    ) -> Result<(), Error> {
        let (system, id, session) = person(caller)?;
        let found = self.inner.database.platform(&system).read().await?.users().credentials_of(id).await?;
        let found = found.ok_or_else(ended)?;
        if !self.check_password(&found, current, caller.request().clone()).await? {
            return Err(wrong_password());
        }
        let user = found.user;
        let owner = PasswordOwner { user: Some(id), email: &user.email, name: &user.name, tenant: None };
        let hash = self.hash_new_password(owner, new).await?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        // Not where it was reset meanwhile: the old password counts for nothing then.
        if !tx.users().replace_password(id, found.password_hash.as_deref(), &hash).await? {
            return Err(wrong_password());
        }
        close(&mut tx, id, Some(session)).await?;
        notify(&mut tx, MailKind::PasswordChanged, id, user.email).await?;
        tx.commit().await?;
        Ok(())
    }
}
