//! The only door to the rows of a tenant.

use super::database::{Access, Database};
use super::expected::Expected;
use super::query::Query;
use super::statement::TenantStatement;
use super::transaction::Transaction;
use super::value::{Bind, Value};
use crate::bus::{Tag, Touched, touched_by};
use crate::chain::Entry;
use crate::deferred::Passes;
use crate::store::idempotency;
use mono_core::Error;
use mono_core::caller::{Caller, Pass, STEP_UP_REQUIRED};
use mono_core::id::{Id, TenantId};
use mono_core::permission::{Permission, Scope};
use mono_core::time::Timestamp;
use sqlx::{AssertSqlSafe, SqlSafeStr};
use uuid::Uuid;

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

    /// As [`read`](Self::read), and never from a replica: what it reads may be kept, and is then not older than the
    /// changes that were told.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_current(self) -> Result<TenantTx, Error> {
        self.begin(Access::ReadCurrent).await
    }

    /// Begins a transaction that reads and writes. It takes effect with [`TenantTx::commit`] and not otherwise.
    ///
    /// # Errors
    /// As [`read`](Self::read); for a caller with an idempotency key also `Conflict` where a request was done under it
    /// before, with its answer where it was the same request ([`KeptAnswer::of`](mono_core::idempotency::KeptAnswer::of)).
    pub async fn write(self) -> Result<TenantTx, Error> {
        self.begin(Access::Write).await
    }

    async fn begin(self, access: Access) -> Result<TenantTx, Error> {
        let tenant = self.caller.tenant()?;
        let transaction = self.database.begin_tenant(tenant, access, self.caller).await?;
        let mut tx = TenantTx::new(tenant, transaction, access, self.caller, self.database);
        if access == Access::Write {
            tx.claim_idempotency_key().await?;
        }
        Ok(tx)
    }
}

/// A transaction that is pinned to one tenant. Dropped without [`commit`](Self::commit), it leaves nothing behind.
///
/// There is no nested transaction and no way to change the tenant: another tenant is another transaction.
pub struct TenantTx {
    tenant: TenantId,
    pub(super) transaction: Transaction,
    access: Access,
    caller: Caller,
    /// For the audit log, written when the transaction commits.
    pub(super) entries: Vec<Entry>,
    /// What is told to all nodes when the transaction has committed.
    pub(super) touched: Touched,
    /// Whether it emits events.
    pub(super) events_wait: bool,
    pub(super) passes: Passes,
    database: Database,
    /// The limit that the call still has to be counted against.
    uncounted_call: Option<&'static str>,
    pub(super) expected: Expected,
}

impl TenantTx {
    pub(super) fn new(
        tenant: TenantId,
        transaction: Transaction,
        access: Access,
        caller: &Caller,
        database: &Database,
    ) -> Self {
        Self {
            tenant,
            transaction,
            access,
            caller: caller.clone(),
            entries: Vec::new(),
            touched: Touched::new(),
            events_wait: false,
            passes: Passes::new(database.deferred().clone(), Some(tenant)),
            database: database.clone(),
            uncounted_call: caller.metered_call(),
            expected: Expected::new(caller.expected_version()),
        }
    }

    /// Makes everything that was done durable and visible at once.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` where the database could not commit; `Validation` with code `no_version` where the request
    /// expects a version (`If-Match`) of what has none, and with `idempotency_not_supported` where the caller has an
    /// idempotency key, which [`commit_answer`](Self::commit_answer) serves. Nothing has happened then.
    pub async fn commit(self) -> Result<(), Error> {
        if self.is_writable() {
            idempotency::refuse_idempotency_key(&self.caller)?;
        }
        self.finish().await
    }

    /// As [`commit`](Self::commit), and keeps what is answered, if the caller has an idempotency key: who sends the same
    /// request under it within a day gets the same answer, and nothing is done again. A body that holds a secret is not
    /// kept: use [`commit`](Self::commit).
    ///
    /// # Errors
    /// `Unavailable` or `Internal` where the database could not commit; nothing has happened then, unless the connection broke
    /// before the answer came.
    pub async fn commit_answer(mut self, status: u16, body: &str) -> Result<(), Error> {
        self.keep_answer(status, body).await?;
        self.finish().await
    }

    async fn finish(mut self) -> Result<(), Error> {
        if self.is_writable() {
            self.expected.require_checked()?;
        }
        if !self.transaction.has_failed() {
            let entries = std::mem::take(&mut self.entries);
            self.append(entries).await?;
        }
        self.database.commit(self.transaction, self.touched, self.events_wait).await?;
        self.passes.settle();
        Ok(())
    }

    /// Says that something was changed that is not recorded in the audit log, which says it by itself. All nodes are told
    /// when the transaction has committed: what they keep under this tag holds no more.
    pub fn touch(&mut self, tag: Tag) {
        self.touched.insert((Some(self.tenant), tag));
    }

    /// The bus is woken when the transaction has committed.
    pub(crate) const fn events_wait(&mut self) {
        self.events_wait = true;
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
        let pass = self.caller.authorize(permission, scope, now).inspect_err(|error| {
            // Who holds the permission and has yet to prove who they are was not refused.
            if error.code() != STEP_UP_REQUIRED {
                self.database.count_refusal(Some(self.tenant), &self.caller, permission, scope);
            }
        })?;
        self.count_use(permission).await?;
        if let Some(feature) = self.caller.permissions().and_then(|set| set.feature_of(permission)) {
            metrics::counter!("feature_usage_total", "feature" => feature.to_owned()).increment(1);
        }
        match pass {
            Pass::Ordinary => Ok(()),
            Pass::Privileged => self.audit_privileged(permission).await,
        }
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

    /// Whether the request expects a version that nothing was compared with yet.
    pub(crate) const fn expects_version(&self) -> bool {
        self.expected.is_open()
    }

    /// Keeps an entry for the audit log until the transaction commits.
    pub(crate) fn keep_entry(&mut self, entry: Entry) -> Result<(), Error> {
        if !self.is_writable() {
            return Err(Error::internal("a transaction that only reads records nothing"));
        }
        self.touched.extend(touched_by(Some(self.tenant), &entry));
        self.entries.push(entry);
        Ok(())
    }

    /// Keeps an entry that is written even if the transaction does not commit.
    pub(crate) fn keep_pass(&mut self, entry: Entry) {
        self.passes.push(entry.clone());
        self.entries.push(entry);
    }

    /// Counts that a permission was used, wherever it was found to be held: its feature, and the call, once.
    ///
    /// # Errors
    /// `LimitExceeded` where the tenant has no calls left.
    pub(crate) async fn count_use(&mut self, permission: Permission) -> Result<(), Error> {
        if let Some(feature) = self.caller.permissions().and_then(|held| held.feature_of(permission)) {
            self.database.meter().count_feature(self.tenant, feature, self.now());
        }
        if let Some(limit) = self.uncounted_call.take() {
            self.count(limit, 1).await?;
            self.caller.note_counted_call();
        }
        Ok(())
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

    /// Holds the lock of an id until the transaction ends.
    pub(crate) async fn lock(&mut self, id: Uuid) -> Result<(), Error> {
        self.transaction.lock(id).await
    }

    /// Prepares a statement; `$1` is the tenant. Written as [`sql!`](crate::sql).
    pub fn query(&mut self, statement: TenantStatement, values: Vec<Value>) -> Query<'_> {
        let text = if self.transaction.is_postgres() { statement.postgres } else { statement.sqlite };
        let mut all = Vec::with_capacity(values.len().saturating_add(1));
        all.push(self.tenant.into_value());
        all.extend(values);
        Query::new(&mut self.transaction, text.into_sql_str(), all)
    }

    /// Prepares a statement that names a table of the database's own catalogue; `$1` is the tenant, and the text holds
    /// its rows to it. Nothing that anybody typed stands in it.
    pub(crate) fn composed(&mut self, text: String, values: Vec<Value>) -> Query<'_> {
        let all = std::iter::once(self.tenant.into_value()).chain(values).collect();
        Query::new(&mut self.transaction, AssertSqlSafe(text).into_sql_str(), all)
    }

    /// Whether the database is PostgreSQL.
    pub(crate) const fn is_postgres(&self) -> bool {
        self.transaction.is_postgres()
    }
}
