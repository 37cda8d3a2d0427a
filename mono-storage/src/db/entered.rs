//! A transaction of the platform that works in one tenant for a while.

use super::database::{Access, Database};
use super::platform_tx::PlatformTx;
use super::tenant_tx::TenantTx;
use crate::bus::Touched;
use crate::chain::{Entry, Log};
use crate::deferred::Passes;
use crate::store::refuse_idempotency_key;
use mono_core::Error;
use mono_core::caller::Caller;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

/// A transaction of the platform that works in one tenant, for what begins above the tenants and ends in one: a token is
/// used up and a person becomes a member, both or neither. Made by [`PlatformTx::enter`].
///
/// It is a [`TenantTx`] in everything but its end: [`leave`](Self::leave) gives the platform's transaction back. On
/// PostgreSQL it keeps the platform's database role, so that `sql!` is the one wall here.
pub struct Entered {
    tenant: TenantTx,
    caller: Caller,
    database: Database,
    entries: BTreeMap<Log, Vec<Entry>>,
    touched: Touched,
    passes: Vec<Passes>,
    has_mail: bool,
    events_wait: bool,
}

impl PlatformTx {
    /// Goes on in the tenant of a caller, who is asked there for every permission. Needs a transaction that writes.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself has begun the transaction; `Validation` where the caller has not chosen a
    /// tenant, or with code `idempotency_not_supported` where it has an idempotency key: what is answered is not kept.
    pub fn enter(self, caller: &Caller) -> Result<Entered, Error> {
        self.caller.require_system()?;
        refuse_idempotency_key(caller)?;
        let tenant = caller.tenant()?;
        caller.note_write();
        let Self {
            transaction,
            caller: platform,
            database,
            entries,
            touched,
            passes,
            has_mail,
            events_wait,
            ..
        } = self;
        let tenant = TenantTx::new(tenant, transaction, Access::Write, caller, &database);
        Ok(Entered { tenant, caller: platform, database, entries, touched, passes, has_mail, events_wait })
    }
}

impl Entered {
    /// Goes on above the tenants. Nothing is durable before the platform's transaction commits.
    pub fn leave(self) -> PlatformTx {
        let Self { tenant, caller, database, mut entries, mut touched, mut passes, has_mail, events_wait } =
            self;
        if !tenant.entries.is_empty() {
            entries.entry(Some(tenant.tenant())).or_default().extend(tenant.entries);
        }
        touched.extend(tenant.touched);
        passes.push(tenant.passes);
        let events_wait = events_wait || tenant.events_wait;
        let (transaction, expected) = (tenant.transaction, tenant.expected);
        PlatformTx {
            transaction,
            caller,
            database,
            entries,
            touched,
            passes,
            has_mail,
            events_wait,
            expected,
        }
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
