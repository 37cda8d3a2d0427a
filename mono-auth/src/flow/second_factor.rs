//! The second factor of a person: put in force, shown when signing in, taken away.

use super::open_session::Entrance;
use super::password::notify;
use super::{SignedIn, person, system};
use crate::authenticator::Authenticator;
use crate::second_factor::{Shown, recovery_codes};
use crate::{secret, single_use, throttle};
use mono_core::audit::Action;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::UserId;
use mono_core::model::mail::MailKind;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::db::PlatformTx;
use mono_storage::store::{Attempt, NewToken, TokenPurpose};
use secrecy::SecretString;
use serde_json::json;

/// What a person puts into their authenticator. Shown once. Has no `Debug`: it is the secret.
pub struct Enrolment {
    /// The address that an authenticator reads, as a QR code for example.
    pub uri: SecretString,
    /// The secret for typing it in, in base 32.
    pub secret: SecretString,
}

/// The second factor of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactorState {
    /// Since when it is in force.
    pub since: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
}

impl Authenticator {
    /// Whether the caller has a second factor, and how many recovery codes are left.
    ///
    /// # Errors
    /// `Forbidden` with code `people_only` or `impersonated` for anybody but the person.
    pub async fn second_factor(&self, caller: &Caller) -> Result<SecondFactorState, Error> {
        let (system, user, _) = person(caller)?;
        let mut tx = self.inner.database.platform(&system).read().await?;
        let since = tx.second_factors().find(user).await?.and_then(|factor| factor.confirmed_at);
        let recovery_codes_left = tx.single_use_tokens().count(TokenPurpose::RecoveryCode, user).await?;
        Ok(SecondFactorState { since, recovery_codes_left })
    }

    /// Makes a secret for the caller's authenticator. It is in force after its first code, and not before.
    ///
    /// # Errors
    /// `Conflict` with code `second_factor_enrolled` where there is one in force; `Forbidden` with code
    /// `step_up_required`.
    pub async fn enrol_second_factor(&self, caller: &Caller) -> Result<Enrolment, Error> {
        let (system, user, session) = person(caller)?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        self.require_fresh(&mut tx, user, session).await?;
        let found = tx.users().find(user).await?.ok_or_else(|| Error::not_found("a user"))?;
        let random = self.inner.database.random();
        let (sealed, totp) = self.inner.authenticators.generate(user, found.email.as_str(), random)?;
        if !tx.second_factors().begin(user, &sealed).await? {
            return Err(enrolled());
        }
        tx.commit().await?;
        let uri = totp.to_url().map_err(|error| Error::internal(error.to_string()))?;
        Ok(Enrolment { uri: uri.into(), secret: totp.secret().to_base32().into() })
    }

    /// Puts the secret in force with its first code, and gives the recovery codes. The session counts as one with a
    /// second factor from now on.
    ///
    /// # Errors
    /// `Validation` with code `invalid_code`; `Conflict` where there is one in force, or none waits; `RateLimited` after
    /// five wrong codes in fifteen minutes.
    pub async fn confirm_second_factor(
        &self,
        caller: &Caller,
        code: &str,
    ) -> Result<Vec<SecretString>, Error> {
        let (system, user, session) = person(caller)?;
        let attempt = self.reserve_code(&system, user).await?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        let factor = match tx.second_factors().hold(user).await? {
            Some(factor) if factor.confirmed_at.is_none() => factor,
            other => {
                // No code was looked at: who asks twice has guessed nothing.
                tx.throttles().release(&attempt).await?;
                tx.commit().await?;
                return Err(other.map_or_else(none_waits, |_| enrolled()));
            }
        };
        let step = match Shown::parse(user, code) {
            Some(Shown::Code(code)) => {
                self.inner.authenticators.step(user, &factor.secret, &code, tx.now())?
            }
            _ => None,
        };
        let Some(step) = step else {
            tx.throttles().keep(&attempt).await?;
            tx.commit().await?;
            return Err(invalid_code());
        };
        if !tx.second_factors().confirm(user, &factor.secret, step).await? {
            return Err(enrolled());
        }
        let codes = renew(&mut tx, user).await?;
        tx.sessions().prove(session, true).await?;
        tell(&mut tx, (Action::SecondFactorEnabled, MailKind::SecondFactorEnabled), user).await?;
        tx.throttles().release(&attempt).await?;
        tx.commit().await?;
        Ok(codes)
    }

    /// Takes the second factor and its recovery codes away.
    ///
    /// # Errors
    /// `NotFound` where there is none; `Forbidden` with code `step_up_required`.
    pub async fn disable_second_factor(&self, caller: &Caller) -> Result<(), Error> {
        let (system, user, session) = person(caller)?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        self.require_fresh(&mut tx, user, session).await?;
        if !tx.second_factors().remove(user).await? {
            return Err(none_enrolled());
        }
        tx.single_use_tokens().revoke(TokenPurpose::RecoveryCode, user).await?;
        tell(&mut tx, (Action::SecondFactorDisabled, MailKind::SecondFactorDisabled), user).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives new recovery codes; the old ones work no more.
    ///
    /// # Errors
    /// `NotFound` where there is no second factor; `Forbidden` with code `step_up_required`.
    pub async fn renew_recovery_codes(&self, caller: &Caller) -> Result<Vec<SecretString>, Error> {
        let (system, user, session) = person(caller)?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        self.require_fresh(&mut tx, user, session).await?;
        if tx.second_factors().find(user).await?.and_then(|factor| factor.confirmed_at).is_none() {
            return Err(none_enrolled());
        }
        let codes = renew(&mut tx, user).await?;
        tx.audit_user(Action::RecoveryCodesRenewed, Some(user)).await?;
        tx.commit().await?;
        Ok(codes)
    }

    /// Finishes signing in: the challenge that the first factor gave, and a code or a recovery code. A wrong code leaves
    /// the challenge as it is.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token` where the challenge was used or has ended; `Unauthorized` with
    /// code `invalid_code`, also for a code that was used before; `RateLimited` after five wrong codes in fifteen
    /// minutes; `Forbidden` as [`sign_in`](Self::sign_in).
    pub async fn sign_in_with_code(
        &self,
        challenge: &str,
        code: &str,
        request: RequestContext,
    ) -> Result<SignedIn, Error> {
        let system = system(request);
        let hash = secret::hash(challenge);
        let mut tx = self.inner.database.platform(&system).read().await?;
        let found = tx.single_use_tokens().find(TokenPurpose::SecondFactor, &hash).await?;
        drop(tx);
        let user = found.and_then(|token| token.user_id).ok_or_else(single_use::invalid)?;
        let attempt = self.reserve_code(&system, user).await?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        let Some(token) = tx.single_use_tokens().consume(TokenPurpose::SecondFactor, &hash).await? else {
            // Somebody who clicks twice has guessed nothing.
            tx.throttles().release(&attempt).await?;
            tx.commit().await?;
            return Err(single_use::invalid());
        };
        if !self.show(&mut tx, user, code).await? {
            // Dropped: the challenge has not been used.
            drop(tx);
            self.record_failure(&system, user, &attempt).await?;
            return Err(wrong_code());
        }
        tx.throttles().release(&attempt).await?;
        let entrance: Entrance = serde_json::from_value(token.data).map_err(Error::internal)?;
        self.admit_and_open(tx, user, entrance, true).await
    }

    /// Lets a try at a code count, and writes down that somebody did not prove who they are, so that guessing at one person
    /// shows.
    pub(super) async fn record_failure(
        &self,
        system: &Caller,
        user: UserId,
        attempt: &Attempt,
    ) -> Result<(), Error> {
        let mut tx = self.inner.database.platform(system).write().await?;
        tx.throttles().keep(attempt).await?;
        tx.audit_user(Action::LoginFailed, Some(user)).await?;
        tx.commit().await
    }

    /// Writes a try at a code down before it is looked at.
    pub(super) async fn reserve_code(&self, system: &Caller, user: UserId) -> Result<Attempt, Error> {
        self.reserve(system, &[throttle::second_factor(user)]).await
    }

    /// Whether this is a code that the person's second factor gives now, or a recovery code; it is used up.
    pub(super) async fn show(&self, tx: &mut PlatformTx, user: UserId, code: &str) -> Result<bool, Error> {
        // Of somebody without a second factor no recovery code counts either.
        let factor = tx.second_factors().hold(user).await?.filter(|factor| factor.confirmed_at.is_some());
        let Some(factor) = factor else { return Ok(false) };
        match Shown::parse(user, code) {
            Some(Shown::Code(code)) => {
                match self.inner.authenticators.step(user, &factor.secret, &code, tx.now())? {
                    Some(step) => tx.second_factors().accept(user, &factor.secret, step).await,
                    None => Ok(false),
                }
            }
            Some(Shown::RecoveryCode(hash)) => {
                let used = tx.single_use_tokens().consume(TokenPurpose::RecoveryCode, &hash).await?;
                let used = used.is_some_and(|code| code.user_id == Some(user));
                if used {
                    tx.audit_user(Action::RecoveryCodeUsed, Some(user)).await?;
                }
                Ok(used)
            }
            None => Ok(false),
        }
    }
}

/// Writes down that there is a second factor, or none any more, and tells the person by mail.
async fn tell(tx: &mut PlatformTx, (action, kind): (Action, MailKind), user: UserId) -> Result<(), Error> {
    tx.audit_user(action, Some(user)).await?;
    let person = tx.users().find(user).await?.ok_or_else(|| Error::not_found("a user"))?;
    notify(tx, kind, user, person.email).await
}

/// Makes recovery codes in place of those that there are.
async fn renew(tx: &mut PlatformTx, user: UserId) -> Result<Vec<SecretString>, Error> {
    let purpose = TokenPurpose::RecoveryCode;
    tx.single_use_tokens().revoke(purpose, user).await?;
    let expires_at = tx.now() + single_use::lifetime(purpose);
    let mut codes = Vec::new();
    for (code, hash) in recovery_codes(user, tx.random()) {
        let new = NewToken { purpose, hash, user: Some(user), data: json!({}), expires_at };
        tx.single_use_tokens().create(new).await?;
        codes.push(code);
    }
    Ok(codes)
}

fn enrolled() -> Error {
    let message = "there is a second factor already: disable it before another is enrolled";
    Error::new(ErrorKind::Conflict, "second_factor_enrolled", message)
}

fn none_waits() -> Error {
    Error::new(ErrorKind::Conflict, "no_enrolment", "no second factor waits for its first code")
}

fn none_enrolled() -> Error {
    Error::new(ErrorKind::NotFound, "no_second_factor", "there is no second factor")
}

fn invalid_code() -> Error {
    Error::invalid("code", "invalid_code", "this is not the code that the authenticator shows now")
}

/// The one answer to a code that is wrong, was used, or belongs to nobody.
fn wrong_code() -> Error {
    Error::new(ErrorKind::Unauthorized, "invalid_code", "the code is wrong, or was used before")
}
