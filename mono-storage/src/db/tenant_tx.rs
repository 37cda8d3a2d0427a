//! The only door to the rows of a tenant.

use super::database::{Access, Database};
use super::query::Query;
use super::statement::TenantStatement;
use super::transaction::Transaction;
use super::value::{Bind, Value};
use mono_core::Error;
use mono_core::caller::{Caller, Pass};
use mono_core::id::{Id, TenantId};
use mono_core::permission::{Permission, Scope};
use mono_core::time::Timestamp;

/// The data of the tenant that a caller works in. Made by [`Database::tenant`].
#[derive(Debug, Clone, Copy)]
pub struct Tenant<'d> {
    database: &'d Database,
    caller: &'d Caller,
}

impl<'d> Tenant<'d> {
    pub(super) const fn new(database: &'d Database, caller: &'d Caller) -> Self {
        Self { database, caller }
    }

    /// Begins a transaction that only reads.
    ///
    /// # Errors
    /// `Validation` where the caller has not chosen a tenant, `Unavailable` where the database is away.
    pub async fn read(self) -> Result<TenantTx, Error> {
        self.begin(Access::Read).await
    }

    /// Begins a transaction that reads and writes. It takes effect with [`TenantTx::commit`] and not otherwise.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn write(self) -> Result<TenantTx, Error> {
        self.begin(Access::Write).await
    }

    async fn begin(self, access: Access) -> Result<TenantTx, Error> {
        let tenant = self.caller.tenant()?;
        let transaction = self.database.begin_tenant(tenant, access, self.caller).await?;
        Ok(TenantTx {
            tenant,
            transaction,
            access,
            caller: self.caller.clone(),
            database: self.database.clone(),
        })
    }
}

/// A transaction that is pinned to one tenant. Dropped without [`commit`](Self::commit), it leaves nothing behind.
///
/// There is no nested transaction and no way to change the tenant: another tenant is another transaction.
pub struct TenantTx {
    tenant: TenantId,
    transaction: Transaction,
    access: Access,
    caller: Caller,
    database: Database,
}

impl TenantTx {
    /// Makes everything that was done durable and visible at once.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` where the database could not commit; nothing has happened then.
    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await
    }

    /// Undoes everything that was done. Dropping the transaction does the same without waiting for it.
    ///
    /// # Errors
    /// `Unavailable` where the database is away; it undoes by itself then.
    pub async fn rollback(self) -> Result<(), Error> {
        self.transaction.rollback().await
    }

    /// The tenant that the transaction is pinned to.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who asks.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.database.now()
    }

    /// A new id.
    pub fn new_id<T: Id>(&self) -> T {
        self.database.new_id()
    }

    /// Refuses unless the caller holds the permission at the scope. A super admin who passes outside of their own
    /// tenant is recorded in the tenant's audit log; where that cannot be done, the pass is refused.
    ///
    /// # Errors
    /// `Forbidden` that names the permission, or what the database refused to record.
    pub async fn authorize(&mut self, permission: Permission, scope: &Scope) -> Result<(), Error> {
        let now = self.now();
        let pass = self.caller.authorize(permission, scope, now)?;
        if let Some(feature) = self.caller.permissions().and_then(|held| held.feature_of(permission)) {
            self.database.meter().count_feature(self.tenant, feature, now);
        }
        match pass {
            Pass::Ordinary => Ok(()),
            Pass::Privileged => self.audit_privileged(permission).await,
        }
    }

    /// Whether the transaction may write.
    pub(crate) fn is_writable(&self) -> bool {
        self.access == Access::Write
    }

    /// The database that the transaction runs in.
    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// Makes [`commit`](Self::commit) refuse: something that the transaction relies on was not granted.
    pub(crate) const fn forbid_commit(&mut self) {
        self.transaction.forbid_commit();
    }

    /// Prepares a statement; `$1` is the tenant. Written as [`sql!`](crate::sql).
    pub fn query(&mut self, statement: TenantStatement, values: Vec<Value>) -> Query<'_> {
        let text = if self.transaction.is_postgres() { statement.postgres } else { statement.sqlite };
        let mut all = Vec::with_capacity(values.len().saturating_add(1));
        all.push(self.tenant.into_value());
        all.extend(values);
        Query::new(&mut self.transaction, text, all)
    }
}
