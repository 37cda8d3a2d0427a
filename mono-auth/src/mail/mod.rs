//! Mails to people: composed when they are sent, so that no secret waits in the database.

#[cfg(feature = "mail")]
mod builtin;
mod links;
#[cfg(feature = "mail")]
mod mailer;
#[cfg(feature = "mail")]
mod message;
#[cfg(feature = "mail")]
mod template;
#[cfg(feature = "mail")]
mod transport;
#[cfg(feature = "mail")]
mod values;

pub use links::Links;
#[cfg(feature = "mail")]
pub use mailer::Mailer;
#[cfg(feature = "mail")]
pub use message::check_sender;
#[cfg(feature = "mail")]
pub use transport::Transport;

use crate::authenticator::Authenticator;
use crate::flow::password::compose_notice;
use crate::single_use;
use mono_core::Error;
use mono_core::id::UserId;
use mono_core::model::mail::MailKind;
use mono_core::model::user::{User, UserStatus};
use mono_core::text::{Email, Name};
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, TokenPurpose};
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::time::Duration;

/// What a mail says. Has no `Debug`: the link lets somebody in.
pub struct Composed {
    /// Where it goes.
    pub to: Email,
    /// The name of the person, where there is one.
    pub name: Option<Name>,
    /// The link, with its token.
    pub link: Option<SecretString>,
    /// How long the link is good for.
    pub expires_in: Option<Duration>,
    /// What else a template may use, by name.
    pub values: Map<String, Value>,
}

impl Composed {
    /// A mail to a person, without a link.
    pub fn to(user: User) -> Self {
        Self { to: user.email, name: Some(user.name), link: None, expires_in: None, values: Map::new() }
    }

    /// A mail to an address, without a link.
    pub fn to_address(to: Email) -> Self {
        Self { to, name: None, link: None, expires_in: None, values: Map::new() }
    }
}

impl Authenticator {
    /// Makes what a mail says, with the token of its link; the transaction stores the token's hash. `None` where nobody
    /// is to get it, such as where no person has the address: nobody is told.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn compose(&self, tx: &mut PlatformTx, mail: &Mail) -> Result<Option<Composed>, Error> {
        match mail.kind {
            MailKind::SetPassword => self.compose_set_password(tx, mail).await,
            MailKind::ResetPassword => self.compose_requested(tx, mail, TokenPurpose::ResetPassword).await,
            MailKind::VerifyEmail => self.compose_verify_email(tx, mail).await,
            MailKind::ChangeEmail => self.compose_change_email(tx, mail).await,
            MailKind::MagicLink => self.compose_requested(tx, mail, TokenPurpose::MagicLink).await,
            MailKind::Invitation => self.compose_invitation(tx, mail).await,
            MailKind::SignUp => self.compose_sign_up(tx, mail).await,
            MailKind::PasswordChanged
            | MailKind::EmailChanged
            | MailKind::RefreshTokenReused
            | MailKind::SecondFactorEnabled
            | MailKind::SecondFactorDisabled => compose_notice(tx, mail).await,
            kind => Err(Error::internal(format!("nobody composes mails of the kind {kind}"))),
        }
    }

    /// Makes the token of a mail's link, good for as long as its purpose allows, and puts the link into the mail. `data`
    /// is what is known when the token is used.
    pub(crate) async fn add_link(
        &self,
        tx: &mut PlatformTx,
        (mail, purpose): (&Mail, TokenPurpose),
        user: Option<UserId>,
        data: Value,
        composed: Composed,
    ) -> Result<Composed, Error> {
        let (_, token) = single_use::issue(tx, purpose, user, data).await?;
        let link = self.inner.links.link(mail.kind, &token);
        Ok(Composed { link: Some(link), expires_in: Some(single_use::lifetime(purpose)), ..composed })
    }
}

/// What the link of a mail opens; `None` for a mail that only tells something.
#[cfg(feature = "mail")]
const fn purpose(kind: MailKind) -> Option<TokenPurpose> {
    match kind {
        MailKind::SetPassword => Some(TokenPurpose::SetPassword),
        MailKind::ResetPassword => Some(TokenPurpose::ResetPassword),
        MailKind::VerifyEmail => Some(TokenPurpose::VerifyEmail),
        MailKind::ChangeEmail => Some(TokenPurpose::ChangeEmail),
        MailKind::MagicLink => Some(TokenPurpose::MagicLink),
        MailKind::Invitation => Some(TokenPurpose::Invitation),
        MailKind::SignUp => Some(TokenPurpose::SignUp),
        _ => None,
    }
}

/// The person whose address it is, if they may use the platform.
pub(crate) async fn active_user(tx: &mut PlatformTx, email: &Email) -> Result<Option<User>, Error> {
    let credentials = tx.users().credentials(email).await?;
    Ok(credentials.map(|credentials| credentials.user).filter(|user| user.status == UserStatus::Active))
}
