//! Sign up: somebody makes themself a user, where the platform lets everybody do so.

use super::system;
use crate::authenticator::Authenticator;
use crate::mail::Composed;
use crate::password_policy::PasswordOwner;
use crate::settings::AuthSettings;
use crate::single_use;
use mono_core::caller::RequestContext;
use mono_core::id::UserId;
use mono_core::model::mail::MailKind;
use mono_core::text::{Email, Name};
use mono_core::{Error, ErrorKind};
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, NewMail, NewUser, TokenPurpose};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the token knows.
#[derive(Serialize, Deserialize)]
struct SigningUp {
    /// Whose mailbox it went to.
    email: Email,
}

impl Authenticator {
    /// Lets everybody sign up. Without this nobody can.
    pub fn with_sign_up(mut self, allowed: bool) -> Self {
        let mut settings = AuthSettings::clone(&self.inner.identities.settings);
        settings.policy.sign_up_allowed = allowed;
        Arc::make_mut(&mut self.inner).identities.set_settings(settings);
        self
    }

    /// Sends a link to go on with; an address that is somebody's already is sent one for another password instead, and
    /// nobody is told.
    ///
    /// # Errors
    /// `Forbidden` with code `sign_up_off`; `Validation` for what is no address; `RateLimited` with code
    /// `too_many_attempts`.
    pub async fn request_sign_up(&self, email: &str, request: RequestContext) -> Result<(), Error> {
        self.require_sign_up()?;
        self.request_mail(MailKind::SignUp, email, request).await
    }

    /// Makes the person with the token of the link. They belong to no tenant yet.
    ///
    /// # Errors
    /// `Forbidden` with code `sign_up_off`; `Validation` with code `invalid_single_use_token`, also where somebody has the
    /// address meanwhile, or with what is wrong with name and password: the token can then be used again.
    pub async fn sign_up(
        &self,
        token: &str,
        name: &str,
        password: SecretString,
        request: RequestContext,
    ) -> Result<UserId, Error> {
        self.require_sign_up()?;
        let name = Name::parse(name)?;
        let system = system(request);
        let mut tx = self.inner.database.platform(&system).read().await?;
        let found = single_use::find(&mut tx, TokenPurpose::SignUp, token).await?;
        drop(tx);
        let SigningUp { email } = serde_json::from_value(found.data).map_err(Error::internal)?;
        let owner = PasswordOwner { user: None, email: &email, name: &name, tenant: None };
        let hash = self.hash_new_password(owner, password).await?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        single_use::consume(&mut tx, TokenPurpose::SignUp, token).await?;
        let user = tx.users().create(NewUser { email, name, password_hash: Some(hash) }).await;
        let user = user.map_err(|error| match error.kind() {
            ErrorKind::Conflict => single_use::invalid(),
            _ => error,
        })?;
        tx.users().verify_email(user.id).await?;
        tx.commit().await?;
        Ok(user.id)
    }

    /// The mail with the link; a person who is there already gets one for another password in its place.
    pub(crate) async fn compose_sign_up(
        &self,
        tx: &mut PlatformTx,
        mail: &Mail,
    ) -> Result<Option<Composed>, Error> {
        if self.require_sign_up().is_err() {
            return Ok(None);
        }
        if tx.users().credentials(&mail.address).await?.is_some() {
            tx.mails().enqueue(NewMail::new(MailKind::ResetPassword, mail.address.clone())).await?;
            return Ok(None);
        }
        tx.single_use_tokens().revoke_of_address(TokenPurpose::SignUp, &mail.address).await?;
        let data =
            serde_json::to_value(SigningUp { email: mail.address.clone() }).map_err(Error::internal)?;
        let composed = Composed::to_address(mail.address.clone());
        self.add_link(tx, (mail, TokenPurpose::SignUp), None, data, composed).await.map(Some)
    }

    fn require_sign_up(&self) -> Result<(), Error> {
        if self.policy().sign_up_allowed {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forbidden, "sign_up_off", "nobody signs up here: ask for an invitation"))
    }
}
