//! A transaction of the platform that works in one tenant for a while.

use super::database::Access;
use super::platform_tx::{Own, PlatformTx};
use super::tenant_tx::TenantTx;
use crate::store::refuse_idempotency_key;
use mono_core::Error;
use mono_core::caller::Caller;
use std::ops::{Deref, DerefMut};

/// A transaction of the platform that works in one tenant, for what begins above the tenants and ends in one: a token is
/// used up and a person becomes a member, both or neither. Made by [`PlatformTx::enter`].
///
/// It is a [`TenantTx`] in everything but its end: [`leave`](Self::leave) gives the platform's transaction back. On
/// PostgreSQL it keeps the platform's database role, so that `sql!` is the one wall here.
pub struct Entered {
    tenant: TenantTx,
    platform: Own,
}

impl PlatformTx {
    /// Goes on in the tenant of a caller, who is asked there for every permission. Needs a transaction that writes.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself has begun the transaction; `Validation` where the caller has not chosen a
    /// tenant, or with code `idempotency_not_supported` where it has an idempotency key: what is answered is not kept.
    pub fn enter(self, caller: &Caller) -> Result<Entered, Error> {
        let Self { transaction, own: platform, .. } = self;
        platform.caller.require_system()?;
        refuse_idempotency_key(caller)?;
        let tenant = caller.tenant()?;
        caller.note_write();
        let tenant = TenantTx::new(tenant, transaction, Access::Write, caller, &platform.database);
        Ok(Entered { tenant, platform })
    }
}

impl Entered {
    /// Goes on above the tenants. Nothing is durable before the platform's transaction commits.
    pub fn leave(self) -> PlatformTx {
        let Self { tenant, platform: mut own } = self;
        if !tenant.entries.is_empty() {
            own.entries.entry(Some(tenant.tenant())).or_default().extend(tenant.entries);
        }
        own.touched.extend(tenant.touched);
        own.passes.push(tenant.passes);
        own.events_wait |= tenant.events_wait;
        PlatformTx { transaction: tenant.transaction, own, expected: tenant.expected }
    }
}

impl Deref for Entered {
    type Target = TenantTx;

    fn deref(&self) -> &TenantTx {
        &self.tenant
    }
}

impl DerefMut for Entered {
    fn deref_mut(&mut self) -> &mut TenantTx {
        &mut self.tenant
    }
}
