//! Impersonate: support staff act as a member of a tenant, for an hour, for a reason, in plain sight.

use super::{SignedIn, person};
use crate::authenticator::Authenticator;
use crate::identity::admit;
use mono_core::caller::Caller;
use mono_core::id::{MemberId, TenantId};
use mono_core::permission::{Permission, Scope};
use mono_core::text::Name;
use mono_core::{Error, ErrorKind, permission};
use mono_storage::store::{IMPERSONATION_LIFETIME, NewSession, refuse_idempotency_key};

/// What support staff need to act as somebody.
pub const IMPERSONATE: Permission = permission!("platform.tenants.impersonate");

impl Authenticator {
    /// Opens a session in which the caller acts as a member of a tenant. What is done in it stands in the audit logs
    /// under both names; what is for the person alone (password, sessions, second factor) is refused.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.impersonate`, for staff of the platform as the member, or where the member
    /// could not work themself; `Validation` without a reason; `NotFound` where the tenant has no such member.
    pub async fn impersonate(
        &self,
        caller: &Caller,
        tenant: TenantId,
        member: MemberId,
        reason: &str,
    ) -> Result<SignedIn, Error> {
        let (system, staff, _) = person(caller)?;
        // The answer holds tokens, which are kept nowhere.
        refuse_idempotency_key(caller)?;
        caller.authorize(IMPERSONATE, &Scope::platform(), self.inner.database.now())?;
        let reason = Name::parse(reason).map_err(|_| {
            Error::invalid("reason", "invalid_reason", "say why, in one line of at most 200 characters")
        })?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        let not_found = || Error::not_found("a member");
        let user = tx.principals().user_of(tenant, member).await?.ok_or_else(not_found)?;
        let principal = tx.principals().load(user, Some(tenant)).await?.ok_or_else(not_found)?;
        admit(&principal, Some(tenant))?;
        if !principal.assignments.is_empty() || !principal.grants.is_empty() {
            let message = "nobody acts as somebody who has rights on the whole platform";
            return Err(Error::new(ErrorKind::Forbidden, "platform_staff", message));
        }
        let now = tx.now();
        let new = NewSession {
            tenant: Some(tenant),
            impersonation: Some((staff, reason.as_str().to_owned())),
            ..NewSession::new(user, now + IMPERSONATION_LIFETIME)
        };
        let session = tx.sessions().open(new).await?;
        tx.audit_impersonation(tenant, staff, user, reason.as_str()).await?;
        tx.commit().await?;
        self.tokens_of(&session, now)
    }
}
