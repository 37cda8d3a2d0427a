//! The rights of a person, for an operator who asks about somebody else.

use crate::identity::Identities;
use mono_core::Error;
use mono_core::caller::{Actor, Caller, SystemReason};
use mono_core::id::{TenantId, UserId};
use mono_core::permission::PermissionSet;
use mono_storage::db::Database;

/// What a request of this person would be allowed in a tenant, or above all of them. It is worked out as for a request,
/// from what is stored now; nothing is cached and nobody is signed in.
///
/// # Errors
/// `Forbidden` where every request would be refused: person, membership or tenant are suspended, or the person does
/// not belong to the tenant; `NotFound` where there is no such person.
pub async fn permissions_of(
    database: &Database,
    user: UserId,
    tenant: Option<TenantId>,
) -> Result<PermissionSet, Error> {
    let system = Caller::system(SystemReason::Inspection);
    let principal = database.platform(&system).read().await?.principals().load(user, tenant).await?;
    let principal = principal.ok_or_else(|| Error::not_found("a user"))?;
    let actor = |_| Actor::System(SystemReason::Inspection);
    let identities = Identities::new(database.clone());
    let catalogue = identities.catalogue().await?;
    let identity = identities.identity(&catalogue, &principal, tenant, None, actor)?;
    identity.permissions.ok_or_else(|| Error::internal("the identity of a person has permissions"))
}
