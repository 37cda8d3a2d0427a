//! The database of an application: pools, clock and randomness. It has no method that touches a row.

#[cfg(feature = "sqlite")]
use super::error::from_sqlx;
use super::isolation;
use super::options::DatabaseOptions;
use super::platform_tx::Platform;
#[cfg(feature = "postgres")]
use super::pools::begin_alive;
use super::pools::{PoolStatus, Pools};
use super::tenant_tx::Tenant;
use super::transaction::{Driver, Transaction};
use crate::bus::{Bus, Touched};
use crate::cache::Cache;
use crate::chain::ChainKeys;
use crate::deferred::Deferred;
use crate::meter::Meter;
use crate::system::{SystemClock, SystemRandom};
use mono_core::Error;
use mono_core::caller::Caller;
use mono_core::id::{Id, Random, TenantId};
use mono_core::time::{Clock, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How much of the memory of the process the cache takes: 64 MiB.
const CACHE_BYTES: u64 = 64 << 20;

/// A database. Cheap to clone; all clones share the same pools.
#[derive(Clone)]
pub struct Database {
    /// One pointer: every request copies it several times.
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    pools: Pools,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    meter: Arc<Meter>,
    audit_keys: ChainKeys,
    deferred: Arc<Deferred>,
    /// Told when mails begin to wait.
    mail: Arc<Notify>,
    slow_statement: Duration,
    bus: Bus,
    cache: Cache,
}

/// Whether a transaction may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Of a replica, where there is one.
    Read,
    /// Of where everything that was committed is seen.
    ReadCurrent,
    Write,
}

impl Database {
    /// Opens a database whose tables are up to date, and proves that it keeps tenants apart.
    ///
    /// # Errors
    /// `Unavailable` where the database cannot be reached; `Internal` with code `isolation_not_whole` where
    /// PostgreSQL would not keep tenants apart (the login is a superuser or an owner, a policy is missing …);
    /// `Internal` with code `schema_out_of_date` where migrations are missing.
    pub async fn connect(options: &DatabaseOptions) -> Result<Self, Error> {
        let pools = Pools::open(options).await?;
        let bus = Bus::in_memory();
        let inner = Inner {
            pools,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            meter: Arc::default(),
            audit_keys: ChainKeys::new(&[], &[])?,
            deferred: Arc::default(),
            mail: Arc::default(),
            slow_statement: options.slow_statement,
            cache: Cache::new(&bus, CACHE_BYTES),
            bus,
        };
        let database = Self { inner: Arc::new(inner) };
        super::migration::require_current(&database.inner.pools, options).await?;
        isolation::refuse(&isolation::prove(&database).await?)?;
        Ok(database)
    }

    /// Refuses a database in which an application's own tables are not at the versions of its program; see
    /// [`migrate_application`](super::migrate_application).
    ///
    /// # Errors
    /// `Internal` with code `schema_out_of_date`; `Unavailable` where the database cannot be reached.
    pub async fn require_application(
        &self,
        application: &str,
        migrations: &[super::Migration],
    ) -> Result<(), Error> {
        super::migration::require_application(&self.inner.pools, application, migrations).await
    }

    /// Uses another clock, for tests.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        Arc::make_mut(&mut self.inner).clock = clock;
        self
    }

    /// Uses other randomness, for tests.
    pub fn with_random(mut self, random: Arc<dyn Random>) -> Self {
        Arc::make_mut(&mut self.inner).random = random;
        self
    }

    /// Tells other nodes what is changed here, and hears what is changed there, through Redis; the cache shares its values
    /// through it. Without it a node is alone. All nodes of an installation are told of the same Redis.
    #[cfg(feature = "redis")]
    pub fn with_redis(mut self, redis: &crate::redis::Redis) -> Self {
        Arc::make_mut(&mut self.inner).bus = Bus::over(redis);
        Arc::make_mut(&mut self.inner).cache = Cache::new(&self.inner.bus, CACHE_BYTES);
        self
    }

    /// The link to the other nodes.
    pub fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    /// What is kept, so that it need not be asked of the database again.
    pub fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    /// Whether every change of what this database holds is told to this node: it is the only one, or Redis links it to the
    /// others. While Redis is away the cache knows by itself that nothing is heard.
    pub(crate) fn hears_changes(&self) -> bool {
        match &self.inner.pools {
            // Other servers may work on it.
            #[cfg(feature = "postgres")]
            Pools::Postgres { .. } => self.inner.bus.is_shared(),
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => true,
        }
    }

    /// Chains the audit log with a key that the database does not hold: who may write its tables but does not know the
    /// key can then not forge the chain. Without it anybody who knows mono can. All programs that write into one database
    /// have the same key, from its first day.
    ///
    /// # Errors
    /// None in practice: a key of any length is taken.
    pub fn with_audit_key(self, key: &[u8]) -> Result<Self, Error> {
        self.with_audit_keys(key, &[])
    }

    /// As [`with_audit_key`](Self::with_audit_key), and verifies with older keys too what was chained with them, the newest
    /// of them first.
    ///
    /// # Errors
    /// None in practice: keys of any length are taken.
    pub fn with_audit_keys(mut self, newest: &[u8], older: &[&[u8]]) -> Result<Self, Error> {
        Arc::make_mut(&mut self.inner).audit_keys = ChainKeys::new(newest, older)?;
        Ok(self)
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// A new id.
    pub fn new_id<T: Id>(&self) -> T {
        T::generate(self.now(), &*self.inner.random)
    }

    /// The randomness, for secrets.
    pub fn random(&self) -> &dyn Random {
        &*self.inner.random
    }

    /// Resolves when a mail begins to wait, or has begun to since this was last asked. It hears of this program's own mails
    /// alone: another may have written some too.
    pub async fn mail_waits(&self) {
        self.inner.mail.notified().await;
    }

    pub(super) fn note_mail(&self) {
        self.inner.mail.notify_one();
    }

    /// The name of the database system: `PostgreSQL` or `SQLite`.
    pub fn system(&self) -> &'static str {
        match &self.inner.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres { .. } => "PostgreSQL",
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => "SQLite",
        }
    }

    /// Asks whether the database answers.
    ///
    /// # Errors
    /// `Unavailable` where it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        match &self.inner.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres { application, .. } => {
                begin_alive(application, "BEGIN READ ONLY").await.map(drop)
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { read, .. } => {
                sqlx::query("SELECT 1").execute(read).await.map(drop).map_err(Error::unavailable)
            }
        }
    }

    /// How far the clock of the database server is ahead of this machine's, in milliseconds; `None` where the database is a
    /// part of the program.
    ///
    /// # Errors
    /// `Unavailable` where the database does not answer.
    pub async fn clock_skew(&self) -> Result<Option<i64>, Error> {
        match &self.inner.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres { application, .. } => {
                let before = self.now();
                let query = sqlx::query_scalar::<_, Timestamp>("SELECT clock_timestamp()");
                let there = query.fetch_one(application).await.map_err(Error::unavailable)?;
                // The answer was made somewhere between the two moments.
                let half = (self.now() - before) / 2;
                Ok(Some((there - before - half).num_milliseconds()))
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => Ok(None),
        }
    }

    /// How busy each pool is at this moment.
    pub fn pool_status(&self) -> Vec<PoolStatus> {
        self.inner.pools.status()
    }

    /// The data of the tenant that the caller works in.
    pub const fn tenant<'d>(&'d self, caller: &'d Caller) -> Tenant<'d> {
        Tenant::new(self, caller)
    }

    /// The data of the platform, across tenants.
    pub const fn platform<'d>(&'d self, caller: &'d Caller) -> Platform<'d> {
        Platform::new(self, caller)
    }

    /// What is counted in memory.
    pub(crate) fn meter(&self) -> &Meter {
        &self.inner.meter
    }

    /// The keys of the audit log's chains.
    pub(crate) fn audit_keys(&self) -> &ChainKeys {
        &self.inner.audit_keys
    }

    /// What waits for the audit log.
    pub(crate) fn deferred(&self) -> &Arc<Deferred> {
        &self.inner.deferred
    }

    /// Writes what is counted in memory, and closes every connection after the transactions that are open have ended.
    pub async fn close(&self) {
        if let Err(error) = self.flush_usage().await {
            tracing::error!("metered use could not be written and is lost: {error}");
        }
        if let Err(error) = self.flush_deferred(true).await {
            tracing::error!("entries of the audit log could not be written and are lost: {error}");
        }
        self.inner.bus.leave().await;
        self.inner.pools.close().await;
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.inner.pools
    }

    /// Begins a transaction that is pinned to a tenant, in one round trip. One that only reads runs on a replica, where
    /// there is one and the request has not written.
    pub(super) async fn begin_tenant(
        &self,
        tenant: TenantId,
        access: Access,
        caller: &Caller,
    ) -> Result<Transaction, Error> {
        if access == Access::Write {
            caller.note_write();
        }
        match &self.inner.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres { application, replica, .. } => {
                let pool = replica.as_ref().filter(|_| access == Access::Read && !caller.has_written());
                let pool = pool.unwrap_or(application);
                let mode = if access == Access::Write { "" } else { " READ ONLY" };
                // SET LOCAL ends with the transaction, whatever happens to the connection. A UUID holds no quote.
                let begin = format!("BEGIN{mode}; SET LOCAL app.current_tenant_id = '{tenant}'");
                let transaction = begin_alive(pool, &begin).await?;
                Ok(Transaction::new(Driver::Postgres(transaction), Some(tenant), self.inner.slow_statement))
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => self.begin_shared(Some(tenant), access).await,
        }
    }

    /// Commits, and then tells what was changed: in a task of its own, so that both happen even where nobody waits any more.
    pub(super) async fn commit(
        &self,
        transaction: Transaction,
        touched: Touched,
        events_wait: bool,
    ) -> Result<(), Error> {
        if touched.is_empty() && !events_wait {
            return transaction.commit().await;
        }
        let bus = self.inner.bus.clone();
        let commit = async move {
            let result = transaction.commit().await;
            // Also where it failed: the answer may have been lost after the database had committed.
            if events_wait {
                bus.events_wait();
            }
            bus.touch(touched).await;
            result
        };
        let result = tokio::spawn(tracing::Instrument::in_current_span(commit)).await;
        // The task knows nothing of the attempt that waits here, which is not to be tried again.
        if !matches!(result, Ok(Err(_))) {
            super::retry::note_commit();
        }
        result.map_err(Error::internal)?
    }

    /// Begins a transaction that sees every tenant.
    pub(super) async fn begin_platform(&self, access: Access) -> Result<Transaction, Error> {
        self.begin_shared(None, access).await
    }

    /// Begins a transaction on connections that see every tenant; `tenant` is for the log.
    async fn begin_shared(&self, tenant: Option<TenantId>, access: Access) -> Result<Transaction, Error> {
        let driver = match &self.inner.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres { platform, .. } => {
                let begin = if access == Access::Write { "BEGIN" } else { "BEGIN READ ONLY" };
                let transaction = begin_alive(platform, begin).await?;
                Driver::Postgres(transaction)
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { read, write } => {
                let transaction = match access {
                    Access::Read | Access::ReadCurrent => read.begin().await,
                    // A deferred BEGIN fails with "locked" where it upgrades to writing; IMMEDIATE waits its turn.
                    Access::Write => write.begin_with("BEGIN IMMEDIATE").await,
                };
                Driver::Sqlite(transaction.map_err(from_sqlx)?)
            }
        };
        Ok(Transaction::new(driver, tenant, self.inner.slow_statement))
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("system", &self.system()).finish_non_exhaustive()
    }
}
