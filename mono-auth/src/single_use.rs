//! The one engine of single-use tokens: made here, used up here, whatever they open.

use crate::secret;
use mono_core::id::{SingleUseTokenId, UserId};
use mono_core::{Error, ErrorKind};
use mono_storage::db::PlatformTx;
use mono_storage::store::{NewToken, SingleUseToken, TokenPurpose};
use secrecy::SecretString;
use serde_json::Value;
use std::time::Duration;

/// How long a token is good for: as short as its way to the person allows.
pub(crate) const fn lifetime(purpose: TokenPurpose) -> Duration {
    match purpose {
        TokenPurpose::SecondFactor => Duration::from_mins(5),
        TokenPurpose::MagicLink => Duration::from_mins(15),
        TokenPurpose::ResetPassword | TokenPurpose::ChangeEmail => Duration::from_hours(1),
        TokenPurpose::VerifyEmail | TokenPurpose::SignUp => Duration::from_hours(24),
        TokenPurpose::SetPassword | TokenPurpose::Invitation => Duration::from_hours(7 * 24),
        // Kept in a drawer until the telephone is lost.
        TokenPurpose::RecoveryCode => Duration::from_hours(10 * 365 * 24),
    }
}

/// Makes a token. What was made before for the same person and purpose works no more: of two mails the later one counts.
///
/// # Errors
/// What the database refuses.
pub(crate) async fn issue(
    tx: &mut PlatformTx,
    purpose: TokenPurpose,
    user: Option<UserId>,
    data: Value,
) -> Result<(SingleUseTokenId, SecretString), Error> {
    use secrecy::ExposeSecret;
    if let Some(user) = user {
        tx.single_use_tokens().revoke(purpose, user).await?;
    }
    let secret = secret::generate(tx.random());
    let hash = secret::hash(secret.expose_secret());
    let expires_at = tx.now() + lifetime(purpose);
    let id = tx.single_use_tokens().create(NewToken { purpose, hash, user, data, expires_at }).await?;
    Ok((id, secret))
}

/// The token, if it can still be used. It uses nothing up.
///
/// # Errors
/// As [`consume`].
pub(crate) async fn find(
    tx: &mut PlatformTx,
    purpose: TokenPurpose,
    token: &str,
) -> Result<SingleUseToken, Error> {
    tx.single_use_tokens().find(purpose, &secret::hash(token)).await?.ok_or_else(invalid)
}

/// Uses a token up, in the transaction of what it opens.
///
/// # Errors
/// `Validation` with code `invalid_single_use_token` where it was used, has ended, was replaced by a later one, or never
/// was: one answer for all.
pub(crate) async fn consume(
    tx: &mut PlatformTx,
    purpose: TokenPurpose,
    token: &str,
) -> Result<SingleUseToken, Error> {
    tx.single_use_tokens().consume(purpose, &secret::hash(token)).await?.ok_or_else(invalid)
}

/// The one answer to every token that opens nothing.
pub(crate) fn invalid() -> Error {
    let message = "this link or code has been used or has ended; ask for another";
    Error::new(ErrorKind::Validation, "invalid_single_use_token", message)
}
