//! What a change of the password, or of the address, brings with it.

use super::system;
use crate::authenticator::Authenticator;
use crate::mail::Composed;
use crate::throttle;
use mono_core::audit::Action;
use mono_core::caller::RequestContext;
use mono_core::id::{SessionId, UserId};
use mono_core::model::mail::MailKind;
use mono_core::text::Email;
use mono_core::{Error, ErrorKind};
use mono_storage::db::PlatformTx;
use mono_storage::store::{Credentials, Mail, NewMail, TokenPurpose};
use secrecy::SecretString;
use serde_json::Value;
use std::sync::Arc;

/// What was sent to a person to let them in, or to change how they are let in.
const SENT: [TokenPurpose; 6] = [
    TokenPurpose::SetPassword,
    TokenPurpose::ResetPassword,
    TokenPurpose::VerifyEmail,
    TokenPurpose::ChangeEmail,
    TokenPurpose::MagicLink,
    TokenPurpose::SecondFactor,
];

/// Makes everything worthless that was sent to a person and not used.
pub(super) async fn revoke_sent(tx: &mut PlatformTx, user: UserId) -> Result<(), Error> {
    for purpose in SENT {
        tx.single_use_tokens().revoke(purpose, user).await?;
    }
    Ok(())
}

/// Ends what the old password, or a link, had opened: everything but one session.
pub(super) async fn close(tx: &mut PlatformTx, user: UserId, kept: Option<SessionId>) -> Result<(), Error> {
    // Tokens first: a session that one of them is opening at this moment is there when the sessions end.
    revoke_sent(tx, user).await?;
    tx.sessions().revoke_others(user, kept).await.map(drop)
}

/// Tells a person at an address what has happened.
pub(super) async fn notify(
    tx: &mut PlatformTx,
    kind: MailKind,
    user: UserId,
    address: Email,
) -> Result<(), Error> {
    tx.mails().enqueue(NewMail { user: Some(user), ..NewMail::new(kind, address) }).await.map(drop)
}

/// The mail that tells a person what has happened.
pub(crate) async fn compose_notice(tx: &mut PlatformTx, mail: &Mail) -> Result<Option<Composed>, Error> {
    let Some(user) = mail.user_id else { return Ok(None) };
    let Some(user) = tx.users().find(user).await? else { return Ok(None) };
    // To the address that it was when it happened.
    let mut composed = Composed { name: Some(user.name), ..Composed::to_address(mail.address.clone()) };
    if mail.kind == MailKind::EmailChanged {
        composed.values.insert("new_address".to_owned(), Value::from(user.email.as_str()));
    }
    Ok(Some(composed))
}

impl Authenticator {
    /// Whether the password is that of the person, tried no more often than one may try to sign in. The time that it
    /// takes is that of a sign-in.
    pub(super) async fn check_password(
        &self,
        person: &Credentials,
        password: SecretString,
        request: RequestContext,
    ) -> Result<bool, Error> {
        let throttles = throttle::attempts(throttle::SIGN_IN, person.user.email.as_str(), &request);
        let system = system(request);
        let attempt = self.reserve(&system, &throttles).await?;
        let (inner, user, hash) = (Arc::clone(&self.inner), person.user.id, person.password_hash.clone());
        throttle::judged(async move {
            tokio::time::sleep(throttle::delay(&attempt)).await;
            let verified = inner.passwords.verify(password, hash).await?;
            let mut tx = inner.database.platform(&system).write().await?;
            if verified {
                tx.throttles().release(&attempt).await?;
            } else {
                tx.throttles().keep(&attempt).await?;
                tx.audit_user(Action::LoginFailed, Some(user)).await?;
            }
            tx.commit().await?;
            Ok(verified)
        })
        .await
    }
}

/// The answer to a person who is signed in and gives a wrong password.
pub(super) fn wrong_password() -> Error {
    Error::new(ErrorKind::Forbidden, "wrong_password", "the password is wrong")
}
