//! Choose a tenant: the tenants that a person belongs to, and going from one to another.

use super::{SignedIn, person};
use crate::authenticator::Authenticator;
use crate::identity::{admit, ended};
use mono_core::Error;
use mono_core::caller::Caller;
use mono_core::id::TenantId;
use mono_core::model::tenant::Membership;

impl Authenticator {
    /// The tenants that the caller belongs to, the oldest membership first.
    ///
    /// # Errors
    /// `Forbidden` with code `people_only` for anybody but a person.
    pub async fn memberships(&self, caller: &Caller) -> Result<Vec<Membership>, Error> {
        let (system, user, _) = person(caller)?;
        self.inner.database.platform(&system).read().await?.principals().memberships(user).await
    }

    /// Lets the session work in another of the person's tenants from now on, with an access token for it. The refresh
    /// token stays as it is.
    ///
    /// # Errors
    /// `Forbidden` with code `not_a_member`, also where there is no such tenant, or `tenant_suspended`.
    pub async fn choose_tenant(&self, caller: &Caller, tenant: TenantId) -> Result<SignedIn, Error> {
        let (system, user, id) = person(caller)?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        let principal = tx.principals().load(user, Some(tenant)).await?.ok_or_else(ended)?;
        admit(&principal, Some(tenant))?;
        tx.sessions().choose_tenant(id, tenant).await?;
        let now = tx.now();
        let session =
            tx.sessions().find(id).await?.filter(|session| session.is_live(now)).ok_or_else(ended)?;
        let session_expires_at = self.inner.identities.hold(&principal, &session)?;
        tx.commit().await?;
        // The refresh token of the session as it is: it was given before, and is not given again.
        Ok(SignedIn { refresh_token: None, session_expires_at, ..self.tokens_of(&session, now)? })
    }
}
