//! The only door to what lies above the tenants: users, sessions, tenants themselves, the catalogue.

use super::database::{Access, Database};
use super::query::Query;
use super::statement::PlatformStatement;
use super::transaction::Transaction;
use super::value::Value;
use mono_core::Error;
use mono_core::caller::Caller;
use mono_core::id::Id;
use mono_core::permission::{Permission, Scope};
use mono_core::time::Timestamp;

/// The data of the platform. Made by [`Database::platform`].
#[derive(Debug, Clone, Copy)]
pub struct Platform<'d> {
    database: &'d Database,
    caller: &'d Caller,
}

impl<'d> Platform<'d> {
    pub(super) const fn new(database: &'d Database, caller: &'d Caller) -> Self {
        Self { database, caller }
    }

    /// Begins a transaction that only reads.
    ///
    /// # Errors
    /// `Unavailable` where the database is away.
    pub async fn read(self) -> Result<PlatformTx, Error> {
        self.begin(Access::Read).await
    }

    /// Begins a transaction that reads and writes. It takes effect with [`PlatformTx::commit`] and not otherwise.
    ///
    /// # Errors
    /// `Unavailable` where the database is away.
    pub async fn write(self) -> Result<PlatformTx, Error> {
        self.begin(Access::Write).await
    }

    async fn begin(self, access: Access) -> Result<PlatformTx, Error> {
        if access == Access::Write {
            self.caller.note_write();
        }
        let transaction = self.database.begin_platform(access).await?;
        Ok(PlatformTx { transaction, caller: self.caller.clone(), database: self.database.clone() })
    }
}

/// A transaction across tenants, under the platform's own database role. Each store operation asks for a platform
/// permission. Dropped without [`commit`](Self::commit), it leaves nothing behind.
pub struct PlatformTx {
    transaction: Transaction,
    caller: Caller,
    database: Database,
}

impl PlatformTx {
    /// Makes everything that was done durable and visible at once.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` where the database could not commit; nothing has happened then.
    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await
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

    /// Refuses unless the caller holds the permission at the platform.
    ///
    /// # Errors
    /// `Forbidden` that names the permission.
    pub fn authorize(&self, permission: Permission) -> Result<(), Error> {
        self.caller.authorize(permission, &Scope::platform(), self.now()).map(|_| ())
    }

    /// Prepares a statement. Written as [`platform_sql!`](crate::platform_sql).
    pub fn query(&mut self, statement: PlatformStatement, values: Vec<Value>) -> Query<'_> {
        let text = if self.transaction.is_postgres() { statement.postgres } else { statement.sqlite };
        Query::new(&mut self.transaction, text, values)
    }
}
