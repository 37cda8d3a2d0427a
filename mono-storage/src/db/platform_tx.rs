//! The only door to what lies above the tenants: users, sessions, tenants themselves, the catalogue.

use super::database::{Access, Database};
use super::expected::Expected;
use super::query::Query;
use super::statement::PlatformStatement;
use super::transaction::Transaction;
use super::value::Value;
use crate::bus::{Tag, Touched, touched_by};
use crate::chain::{Entry, Log};
use crate::deferred::Passes;
use crate::store::idempotency;
use mono_core::Error;
use mono_core::caller::{Caller, STEP_UP_REQUIRED};
use mono_core::id::{Id, Random};
use mono_core::permission::{Permission, Scope};
use mono_core::time::Timestamp;
use sqlx::{AssertSqlSafe, SqlSafeStr};
use std::collections::BTreeMap;
use uuid::Uuid;

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
    /// `Unavailable` where the database is away; `Conflict` as [`Tenant::write`](super::Tenant::write).
    pub async fn write(self) -> Result<PlatformTx, Error> {
        self.begin(Access::Write).await
    }

    async fn begin(self, access: Access) -> Result<PlatformTx, Error> {
        if access == Access::Write {
            self.caller.note_write();
        }
        let transaction = self.database.begin_platform(access).await?;
        let mut tx = PlatformTx::new(transaction, self.caller, self.database);
        if access == Access::Write {
            tx.claim_idempotency_key().await?;
        }
        Ok(tx)
    }
}

/// A transaction across tenants, under the platform's own database role. Each store operation asks for a platform
/// permission. Dropped without [`commit`](Self::commit), it leaves nothing behind.
pub struct PlatformTx {
    pub(super) transaction: Transaction,
    pub(super) own: Own,
    pub(super) expected: Expected,
}

/// What is the platform's in a transaction, also while a tenant has the transaction itself.
pub(super) struct Own {
    pub(super) caller: Caller,
    pub(super) database: Database,
    /// For the audit logs, written when the transaction commits.
    pub(super) entries: BTreeMap<Log, Vec<Entry>>,
    /// What is told to all nodes when the transaction has committed.
    pub(super) touched: Touched,
    /// What super admins passed while the transaction worked in a tenant.
    pub(super) passes: Vec<Passes>,
    /// Whether mails wait when the transaction commits.
    pub(super) has_mail: bool,
    /// Whether events of a tenant wait for their numbers when the transaction commits.
    pub(super) events_wait: bool,
}

impl PlatformTx {
    pub(super) fn new(transaction: Transaction, caller: &Caller, database: &Database) -> Self {
        let own = Own {
            caller: caller.clone(),
            database: database.clone(),
            entries: BTreeMap::new(),
            touched: Touched::new(),
            passes: Vec::new(),
            has_mail: false,
            events_wait: false,
        };
        Self { transaction, own, expected: Expected::new(caller.expected_version()) }
    }

    /// Makes everything that was done durable and visible at once.
    ///
    /// # Errors
    /// As [`TenantTx::commit`](super::TenantTx::commit).
    pub async fn commit(self) -> Result<(), Error> {
        idempotency::refuse_idempotency_key(&self.own.caller)?;
        self.finish().await
    }

    /// As [`commit`](Self::commit), and keeps what is answered, as
    /// [`TenantTx::commit_answer`](super::TenantTx::commit_answer).
    ///
    /// # Errors
    /// `Unavailable` or `Internal` where the database could not commit; nothing has happened then, unless the connection broke
    /// before the answer came.
    pub async fn commit_answer(mut self, status: u16, body: &str) -> Result<(), Error> {
        self.keep_answer(status, body).await?;
        self.finish().await
    }

    async fn finish(mut self) -> Result<(), Error> {
        self.expected.require_checked()?;
        if !self.transaction.has_failed() {
            self.append_entries().await?;
        }
        let own = self.own;
        own.database.commit(self.transaction, own.touched, own.events_wait).await?;
        own.passes.into_iter().for_each(Passes::settle);
        if own.has_mail {
            own.database.note_mail();
        }
        Ok(())
    }

    /// Says that something of the platform was changed that is not recorded in the audit log, as
    /// [`TenantTx::touch`](super::TenantTx::touch) does.
    pub fn touch(&mut self, tag: Tag) {
        self.own.touched.insert((None, tag));
    }

    /// Writes the entries for the audit logs, in the order of the logs, so that two transactions never wait for each
    /// other.
    pub(crate) async fn append_entries(&mut self) -> Result<(), Error> {
        for (log, entries) in std::mem::take(&mut self.own.entries) {
            self.append(log, entries).await?;
        }
        Ok(())
    }

    /// Who asks.
    pub const fn caller(&self) -> &Caller {
        &self.own.caller
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.own.database.now()
    }

    /// A new id.
    pub fn new_id<T: Id>(&self) -> T {
        self.own.database.new_id()
    }

    /// The source of random bytes.
    pub fn random(&self) -> &dyn Random {
        self.own.database.random()
    }

    /// Refuses unless the caller holds the permission at the platform.
    ///
    /// # Errors
    /// `Forbidden` that names the permission.
    pub fn authorize(&self, permission: Permission) -> Result<(), Error> {
        let scope = Scope::platform();
        self.own.caller.authorize(permission, &scope, self.now()).map(|_| ()).inspect_err(|error| {
            // Who holds the permission and has yet to prove who they are was not refused.
            if error.code() != STEP_UP_REQUIRED {
                self.own.database.count_refusal(None, &self.own.caller, permission, &scope);
            }
        })
    }

    /// Refuses where a version that the change says it has `seen`, or that the request expects (`If-Match`), is not the
    /// current one of `what` is changed. A store calls it once for what it changes, when the permission is found.
    ///
    /// # Errors
    /// `Conflict` with code `stale_version` (`details.currentVersion` says which is current); `Validation` where change
    /// and request name two versions.
    pub fn require_version(&mut self, what: &str, seen: Option<i64>, current: i64) -> Result<(), Error> {
        self.expected.check(what, seen, current)
    }

    /// Keeps an entry for an audit log until the transaction commits.
    pub(crate) fn keep_entry(&mut self, log: Log, entry: Entry) {
        self.own.touched.extend(touched_by(log, &entry));
        self.own.entries.entry(log).or_default().push(entry);
    }

    /// Wakes who sends mails when the transaction commits.
    pub(crate) const fn note_mail(&mut self) {
        self.own.has_mail = true;
    }

    /// The database that the transaction runs in.
    pub(crate) const fn database(&self) -> &Database {
        &self.own.database
    }

    /// Waits until no other transaction holds the lock of an id, and holds it to the end. On SQLite nobody waits here: one
    /// transaction writes at a time.
    ///
    /// # Errors
    /// `Unavailable` where the lock is not free in time.
    pub async fn lock(&mut self, id: Uuid) -> Result<(), Error> {
        self.transaction.lock(id).await
    }

    /// Prepares a statement. Written as [`platform_sql!`](crate::platform_sql).
    pub fn query(&mut self, statement: PlatformStatement, values: Vec<Value>) -> Query<'_> {
        let text = if self.transaction.is_postgres() { statement.postgres } else { statement.sqlite };
        Query::new(&mut self.transaction, text.into_sql_str(), values)
    }

    /// Prepares a statement that names a table of the database's own catalogue. Nothing that anybody typed stands in it.
    pub(crate) fn composed(&mut self, text: String, values: Vec<Value>) -> Query<'_> {
        Query::new(&mut self.transaction, AssertSqlSafe(text).into_sql_str(), values)
    }

    /// Whether the database is PostgreSQL.
    pub(crate) const fn is_postgres(&self) -> bool {
        self.transaction.is_postgres()
    }
}
