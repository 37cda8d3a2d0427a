//! Change the address: asked for with the password or after a step-up, confirmed from the new address, told at the old one.

use super::password::{notify, revoke_sent, wrong_password};
use super::{person, system};
use crate::authenticator::Authenticator;
use crate::identity::ended;
use crate::mail::Composed;
use crate::single_use;
use crate::throttle;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::SessionId;
use mono_core::model::mail::MailKind;
use mono_core::model::user::UserStatus;
use mono_core::text::Email;
use mono_core::{Error, ErrorKind};
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, NewMail, TokenPurpose};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a mail to the new address knows.
#[derive(Serialize, Deserialize)]
struct Asked {
    /// Where it was asked for. Where that session has ended, such as by a reset of the password, no link is sent.
    session: SessionId,
}

/// What the token knows.
#[derive(Serialize, Deserialize)]
struct Move {
    /// The new address.
    email: Email,
}

impl Authenticator {
    /// Sends a link to the address that the caller moves to. Nobody is told whether it is somebody's already: the link is
    /// then not sent. Who has just proven who they are need not give the password again.
    ///
    /// # Errors
    /// `Forbidden` with code `wrong_password`, or, without a password, `step_up_required`; `RateLimited` with code
    /// `too_many_attempts`; `Validation` for what is no address, or the one that the caller has.
    pub async fn request_email_change(
        &self,
        caller: &Caller,
        email: &str,
        password: Option<SecretString>,
    ) -> Result<(), Error> {
        let (system, id, session) = person(caller)?;
        let address = Email::parse(email)?;
        let found = self.inner.database.platform(&system).read().await?.users().credentials_of(id).await?;
        let found = found.ok_or_else(ended)?;
        if found.user.email == address {
            return Err(Error::invalid("email", "unchanged", "this is the address already"));
        }
        let with_password = password.is_some();
        if let Some(password) = password
            && !self.check_password(&found, password, caller.request().clone()).await?
        {
            return Err(wrong_password());
        }
        let throttles = throttle::attempts(MailKind::ChangeEmail.as_str(), email, caller.request());
        let mut tx = self.inner.database.platform(&system).write().await?;
        if !with_password {
            self.require_fresh(&mut tx, id, session).await?;
        }
        let attempt = tx.throttles().count(&throttles).await?;
        if throttle::is_within(&attempt) {
            let data = serde_json::to_value(Asked { session }).map_err(Error::internal)?;
            let mail = NewMail { user: Some(id), data, ..NewMail::new(MailKind::ChangeEmail, address) };
            tx.mails().enqueue(mail).await?;
        }
        tx.commit().await
    }

    /// Moves the person to the new address with the token of the link. What was sent to the old one works no more, and a
    /// mail tells there.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`, also where the address is somebody's meanwhile.
    pub async fn change_email(&self, token: &str, request: RequestContext) -> Result<(), Error> {
        let system = system(request);
        let mut tx = self.inner.database.platform(&system).write().await?;
        let found = single_use::find(&mut tx, TokenPurpose::ChangeEmail, token).await?;
        let id = found.user_id.ok_or_else(single_use::invalid)?;
        let Move { email } = serde_json::from_value(found.data).map_err(Error::internal)?;
        let old = tx.users().find(id).await?.filter(|user| user.status == UserStatus::Active);
        let old = old.ok_or_else(single_use::invalid)?;
        tx.users().change_email(id, &email).await.map_err(|error| match error.kind() {
            ErrorKind::Conflict => single_use::invalid(),
            _ => error,
        })?;
        single_use::consume(&mut tx, TokenPurpose::ChangeEmail, token).await?;
        revoke_sent(&mut tx, id).await?;
        notify(&mut tx, MailKind::EmailChanged, id, old.email).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The mail with the link, or `None` where the address is somebody's, or who asked is signed in no more.
    pub(crate) async fn compose_change_email(
        &self,
        tx: &mut PlatformTx,
        mail: &Mail,
    ) -> Result<Option<Composed>, Error> {
        let Some(id) = mail.user_id else { return Ok(None) };
        let Asked { session } = from(&mail.data)?;
        let now = tx.now();
        // Held: a reset of the password that comes now ends this link too.
        let user = tx.users().hold(id).await?.map(|held| held.user);
        let user = user.filter(|user| user.status == UserStatus::Active);
        let live = tx.sessions().find(session).await?.is_some_and(|session| session.is_live(now));
        let owner = tx.users().credentials(&mail.address).await?.map(|found| found.user.id);
        let (Some(user), true) = (user, live && owner.is_none_or(|owner| owner == id)) else {
            return Ok(None);
        };
        let composed = Composed { name: Some(user.name), ..Composed::to_address(mail.address.clone()) };
        let data = serde_json::to_value(Move { email: mail.address.clone() }).map_err(Error::internal)?;
        self.add_link(tx, (mail, TokenPurpose::ChangeEmail), Some(id), data, composed).await.map(Some)
    }
}

fn from<T: serde::de::DeserializeOwned>(data: &Value) -> Result<T, Error> {
    serde_json::from_value(data.clone()).map_err(Error::internal)
}
