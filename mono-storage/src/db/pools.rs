//! The pools of connections behind a database.

#[cfg(feature = "postgres")]
use super::error::from_sqlx;
#[cfg(feature = "postgres")]
use super::isolation;
use super::options::{DatabaseOptions, Target};
use mono_core::Error;

/// How busy a pool of connections is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// Whose connections they are: `application`, `platform` and perhaps `replica` on PostgreSQL, `read` and `write` on
    /// SQLite.
    pub name: &'static str,
    /// How many are open.
    pub open: u32,
    /// How many of these nobody uses at the moment.
    pub idle: u32,
    /// How many there may be.
    pub maximum: u32,
}

#[derive(Clone)]
pub(crate) enum Pools {
    #[cfg(feature = "postgres")]
    Postgres { application: sqlx::PgPool, platform: sqlx::PgPool, replica: Option<sqlx::PgPool> },
    /// One connection writes, since SQLite lets one write at a time and waiting in line is cheaper than retrying.
    #[cfg(feature = "sqlite")]
    Sqlite { read: sqlx::SqlitePool, write: sqlx::SqlitePool },
}

impl Pools {
    /// Opens the pools of a database, and refuses one that does not keep tenants apart.
    pub(super) async fn open(options: &DatabaseOptions) -> Result<Self, Error> {
        match &options.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(target) => {
                let timeout = options.statement_timeout.as_millis().to_string();
                let lock_timeout = options.lock_timeout.as_millis().to_string();
                let settings = [
                    ("statement_timeout", timeout.as_str()),
                    ("lock_timeout", lock_timeout.as_str()),
                    ("idle_in_transaction_session_timeout", "60000"),
                    // Named in full: no schema named like the login, and no temporary table, stands before ours.
                    ("search_path", "pg_catalog, public, pg_temp"),
                ];
                let pool = |login: &sqlx::postgres::PgConnectOptions| {
                    sqlx::postgres::PgPoolOptions::new()
                        .max_connections(options.max_connections)
                        .acquire_timeout(options.acquire_timeout)
                        // A ping before each use is a round trip; a dead connection shows itself at BEGIN (`begin_alive`).
                        .test_before_acquire(false)
                        .connect_with(login.clone().options(settings))
                };
                let application = pool(&target.application).await.map_err(Error::unavailable)?;
                // Asked first: an administrator has no companion login, and the cause is not that one is missing.
                isolation::refuse(&isolation::prove_login(&application).await?)?;
                let platform = pool(&target.platform).await.map_err(Error::unavailable)?;
                let replica = match &target.replica {
                    Some(login) => {
                        let replica = pool(login).await.map_err(Error::unavailable)?;
                        isolation::refuse(&isolation::prove_login(&replica).await?)?;
                        Some(replica)
                    }
                    None => None,
                };
                Ok(Self::Postgres { application, platform, replica })
            }
            #[cfg(feature = "sqlite")]
            Target::Sqlite(target) => {
                let target = (**target).clone().busy_timeout(options.lock_timeout);
                let pool = |max: u32| {
                    sqlx::sqlite::SqlitePoolOptions::new()
                        .max_connections(max)
                        .acquire_timeout(options.acquire_timeout)
                };
                let write = pool(1)
                    // Writers stand in line here, each for one short transaction.
                    .acquire_timeout(options.acquire_timeout.max(std::time::Duration::from_secs(30)))
                    .connect_with(target.clone())
                    .await
                    .map_err(Error::unavailable)?;
                let read = pool(options.max_connections)
                    .connect_with(target.read_only(true).create_if_missing(false))
                    .await
                    .map_err(Error::unavailable)?;
                Ok(Self::Sqlite { read, write })
            }
        }
    }

    /// How busy each pool is at this moment.
    pub(super) fn status(&self) -> Vec<PoolStatus> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres { application, platform, replica } => {
                let mut all = vec![status("application", application), status("platform", platform)];
                all.extend(replica.iter().map(|replica| status("replica", replica)));
                all
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite { read, write } => vec![status("read", read), status("write", write)],
        }
    }

    /// Waits for the connections that are in use, and closes all.
    pub(super) async fn close(&self) {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres { application, platform, replica } => {
                application.close().await;
                platform.close().await;
                if let Some(replica) = replica {
                    replica.close().await;
                }
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

/// Begins a transaction. Where the server has ended connections while nobody used them, each shows it when it is used
/// next: nothing was done on it yet, so that another is taken.
#[cfg(feature = "postgres")]
pub(super) async fn begin_alive(
    pool: &sqlx::PgPool,
    begin: &str,
) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, Error> {
    for _ in 0..pool.options().get_max_connections() {
        match pool.begin_with(sqlx::AssertSqlSafe(begin.to_owned())).await {
            Err(error) if is_dead(&error) => {}
            result => return result.map_err(from_sqlx),
        }
    }
    pool.begin_with(sqlx::AssertSqlSafe(begin.to_owned())).await.map_err(from_sqlx)
}

/// Whether the connection is no more: broken off, or ended by the server (57P01 `admin_shutdown`, 57P02 `crash_shutdown`).
#[cfg(feature = "postgres")]
fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => matches!(database.code().as_deref(), Some("57P01" | "57P02")),
        _ => false,
    }
}

fn status<D: sqlx::Database>(name: &'static str, pool: &sqlx::Pool<D>) -> PoolStatus {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    PoolStatus { name, open: pool.size(), idle, maximum: pool.options().get_max_connections() }
}
