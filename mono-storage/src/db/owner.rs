//! The owner of the tables, for the few works that no login of the running server may do.

use super::database::Database;
use super::platform_tx::PlatformTx;
use super::pools::Pools;
#[cfg(feature = "postgres")]
use super::{error::from_sqlx, transaction::Driver, transaction::Transaction};
use mono_core::Error;
use mono_core::caller::Caller;
#[cfg(feature = "postgres")]
use std::time::Duration;

/// A login as the owner of the tables. SQLite has no logins.
pub(crate) enum Owner {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    #[cfg(feature = "sqlite")]
    Sqlite,
}

impl Database {
    /// Logs in as the owner of the tables.
    pub(crate) async fn owner(&self, owner_url: Option<&str>) -> Result<Owner, Error> {
        match self.pools() {
            #[cfg(feature = "postgres")]
            Pools::Postgres { .. } => {
                let Some(owner_url) = owner_url else {
                    return Err(Error::invalid(
                        "owner_url",
                        "owner_required",
                        "on PostgreSQL this needs the owner's login: give --database-owner-url or MONO_DATABASE_OWNER_URL",
                    ));
                };
                let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect(owner_url);
                Ok(Owner::Postgres(pool.await.map_err(Error::unavailable)?))
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => {
                let _ = owner_url;
                Ok(Owner::Sqlite)
            }
        }
    }
}

impl Owner {
    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self, database: &Database, caller: &Caller) -> Result<PlatformTx, Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                // It stands in line for the tables, and the writers behind it wait: not for long.
                let begin = "BEGIN; SET LOCAL lock_timeout = '5s'";
                let transaction = pool.begin_with(begin).await.map_err(from_sqlx)?;
                // What an owner does takes as long as it takes: nothing of it is told as slow.
                let transaction = Transaction::new(Driver::Postgres(transaction), None, Duration::MAX);
                Ok(PlatformTx::new(transaction, caller, database))
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite => database.platform(caller).write().await,
        }
    }
}
