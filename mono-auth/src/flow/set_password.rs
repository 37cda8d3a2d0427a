//! Set the first password of a person who was made without one, by a link that a mail brings.

use super::password::{close, notify};
use super::system;
use crate::authenticator::Authenticator;
use crate::mail::Composed;
use crate::password_policy::PasswordOwner;
use crate::single_use;
use mono_core::audit::Action;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::UserId;
use mono_core::model::mail::MailKind;
use mono_core::model::user::UserStatus;
use mono_core::permission::{Permission, Scope};
use mono_core::{Error, ErrorKind, permission};
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, NewMail, TokenPurpose};
use secrecy::SecretString;
use serde_json::json;

/// What is needed to send somebody the link.
const SEND: Permission = permission!("platform.users.create");

impl Authenticator {
    /// Sends a person who was made without a password a link to set one; a week long it can be used. Whoever may make
    /// people sends it.
    ///
    /// # Errors
    /// `Forbidden` without `platform.users.create`; `NotFound` where there is no such person; `Conflict` with code
    /// `has_password` where they have a password, or `user_suspended`.
    pub async fn send_set_password(&self, caller: &Caller, user: UserId) -> Result<(), Error> {
        caller.authorize(SEND, &Scope::platform(), self.inner.database.now())?;
        let system = system(caller.request().clone());
        let mut tx = self.inner.database.platform(&system).write().await?;
        let found = tx.users().credentials_of(user).await?.ok_or_else(|| Error::not_found("a user"))?;
        if found.password_hash.is_some() {
            let message = "this person has a password already, and resets it themself";
            return Err(Error::new(ErrorKind::Conflict, "has_password", message));
        }
        if found.user.status != UserStatus::Active {
            return Err(Error::new(ErrorKind::Conflict, "user_suspended", "this user is suspended"));
        }
        let mail = NewMail { user: Some(user), ..NewMail::new(MailKind::SetPassword, found.user.email) };
        tx.mails().enqueue(mail).await?;
        tx.audit_for(caller, Action::PasswordLinkSent, user).await?;
        tx.commit().await
    }

    /// Sets the first password with the token of the link.
    ///
    /// # Errors
    /// As [`reset_password`](Self::reset_password).
    pub async fn set_password(
        &self,
        token: &str,
        password: SecretString,
        request: RequestContext,
    ) -> Result<(), Error> {
        self.set_password_by_token(TokenPurpose::SetPassword, token, password, request).await
    }

    /// The mail with the link, or `None` where the person has a password meanwhile, or may not sign in.
    pub(crate) async fn compose_set_password(
        &self,
        tx: &mut PlatformTx,
        mail: &Mail,
    ) -> Result<Option<Composed>, Error> {
        let Some(user) = mail.user_id else { return Ok(None) };
        let found = tx.users().credentials_of(user).await?;
        let found = found.filter(|found| found.password_hash.is_none());
        let Some(user) = found.map(|found| found.user).filter(|user| user.status == UserStatus::Active)
        else {
            return Ok(None);
        };
        let (id, composed) = (user.id, Composed::to(user));
        self.add_link(tx, (mail, TokenPurpose::SetPassword), Some(id), json!({}), composed).await.map(Some)
    }

    /// Sets the password of whoever a token was sent to. The token is used up with it, and not before the password is
    /// found to be good enough.
    pub(super) async fn set_password_by_token(
        &self,
        purpose: TokenPurpose,
        token: &str,
        password: SecretString,
        request: RequestContext,
    ) -> Result<(), Error> {
        let system = system(request);
        let mut tx = self.inner.database.platform(&system).read().await?;
        let id = single_use::find(&mut tx, purpose, token).await?.user_id.ok_or_else(single_use::invalid)?;
        let user = tx.users().find(id).await?;
        drop(tx);
        let user = user.filter(|user| user.status == UserStatus::Active).ok_or_else(single_use::invalid)?;
        let owner = PasswordOwner { user: Some(id), email: &user.email, name: &user.name, tenant: None };
        let hash = self.hash_new_password(owner, password).await?;

        let mut tx = self.inner.database.platform(&system).write().await?;
        // The person first, then the token, then the sessions: everybody takes them in this order.
        let user = tx.users().set_password(id, &hash).await?;
        single_use::consume(&mut tx, purpose, token).await?;
        if user.status != UserStatus::Active {
            return Err(single_use::invalid());
        }
        tx.users().verify_email(id).await?;
        close(&mut tx, id, None).await?;
        notify(&mut tx, MailKind::PasswordChanged, id, user.email).await?;
        tx.commit().await?;
        Ok(())
    }
}
