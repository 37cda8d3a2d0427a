//! Sign out.

use super::system;
use crate::authenticator::Authenticator;
use mono_core::Error;
use mono_core::audit::Action;
use mono_core::caller::RequestContext;

impl Authenticator {
    /// Ends the session of a refresh token. A session that has ended already is no mistake, nor is a token that was
    /// followed by another: whoever holds it may end the session.
    ///
    /// # Errors
    /// `Unauthorized` with code `invalid_refresh_token`.
    pub async fn sign_out(&self, token: &str, request: RequestContext) -> Result<(), Error> {
        let (id, _) = self.inner.refresh_tokens.read(token)?;
        let system = system(request);
        let mut tx = self.inner.database.platform(&system).write().await?;
        if let Some(session) = tx.sessions().find(id).await?
            && tx.sessions().revoke(session.user_id, id).await?
        {
            tx.audit_user(Action::Logout, Some(session.user_id)).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
