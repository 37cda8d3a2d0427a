//! Refresh: an access token that ends is followed by the next, and so is the refresh token.

use super::password::notify;
use super::{SignedIn, system};
use crate::authenticator::Authenticator;
use crate::identity::{admit, ended};
use mono_core::audit::Action;
use mono_core::caller::RequestContext;
use mono_core::model::mail::MailKind;
use mono_core::model::session::Session;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};

/// How long the token before the last one gives the last one again: answers get lost, and two tabs wake at once.
const GRACE_SECONDS: i64 = 10;

impl Authenticator {
    /// Gives the next access token and the next refresh token. The given one is used up; within ten seconds it still
    /// gives the same successor. Used later, somebody has a copy: the session ends for everybody, and the person
    /// is told by mail.
    ///
    /// # Errors
    /// `Unauthorized` with code `invalid_refresh_token`, `session_ended`, or `refresh_token_reused` where the session was
    /// ended because of it; `Forbidden` where person or tenant are suspended, or the membership has ended.
    pub async fn refresh(&self, token: &str, request: RequestContext) -> Result<SignedIn, Error> {
        let (id, generation) = self.inner.refresh_tokens.read(token)?;
        let system = system(request);
        let mut tx = self.inner.database.platform(&system).write().await?;
        let now = tx.now();
        let session =
            tx.sessions().find(id).await?.filter(|session| session.is_live(now)).ok_or_else(ended)?;
        let (user, tenant) = (session.user_id, session.chosen_tenant_id);
        let principal = tx.principals().load(user, tenant).await?.ok_or_else(ended)?;
        // Before the token is used up: who is let in again tomorrow can then go on.
        admit(&principal, tenant)?;
        let session_expires_at = self.inner.identities.hold(&principal, &session)?;
        if let Some(session) = tx.sessions().rotate(id, generation).await? {
            tx.commit().await?;
            return Ok(SignedIn { session_expires_at, ..self.tokens_of(&session, now)? });
        }
        // Read again: somebody else has rotated it, or ended it, in between.
        let session =
            tx.sessions().find(id).await?.filter(|session| session.is_live(now)).ok_or_else(ended)?;
        if is_lost_answer(&session, generation, now) {
            return Ok(SignedIn { session_expires_at, ..self.tokens_of(&session, now)? });
        }
        tx.sessions().revoke(user, id).await?;
        tx.audit_user(Action::RefreshTokenReused, Some(user)).await?;
        if let Some(person) = tx.users().find(user).await? {
            notify(&mut tx, MailKind::RefreshTokenReused, user, person.email).await?;
        }
        tx.commit().await?;
        let message = "the refresh token was used twice, so the session has ended; sign in again";
        Err(Error::new(ErrorKind::Unauthorized, "refresh_token_reused", message))
    }
}

/// Whether this is the token that was followed by the last one a moment ago.
fn is_lost_answer(session: &Session, generation: i64, now: Timestamp) -> bool {
    let since = session.rotated_at.map(|at| now - at);
    session.generation.checked_sub(1) == Some(generation)
        && since.is_some_and(|since| since.num_seconds() < GRACE_SECONDS)
}
