//! For tests: throw-away databases of every kind, and two tenants in each.
//!
//! SQLite always runs. PostgreSQL runs where `MONO_TEST_POSTGRES_URL` names a server on which databases and roles may
//! be made; `cargo xtask test` starts one.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test stops at the first surprise, and says so by a panic"
)]

mod database;
mod isolation;
#[cfg(feature = "redis")]
mod redis_server;
mod rows;
mod world;

pub use database::{Backend, TestDatabase};
pub use isolation::isolation;
#[cfg(feature = "redis")]
pub use redis_server::{RedisCluster, RedisServer};
pub use world::{TenantWorld, World};

use crate::db::Database;
use crate::store::Event;
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::TenantId;
use mono_core::seed::Seed;
use std::io::Write as _;

/// Writes each case as a test for every back end. A case is an `async fn(World)`.
///
/// ```ignore
/// mono_storage::conformance!(an_account_reads_back, a_foreign_id_is_not_found);
/// ```
#[macro_export]
macro_rules! conformance {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                $crate::testkit::run($crate::testkit::Backend::Sqlite, super::$case).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                $crate::testkit::run($crate::testkit::Backend::Postgres, super::$case).await;
            })*
        }
    };
}

/// The events of a tenant in their order, at most 500. Those that wait for their numbers are given them: no bus need run.
///
/// # Errors
/// What the database refuses.
pub async fn events(database: &Database, tenant: TenantId) -> Result<Vec<Event>, Error> {
    while database.tenants_with_events_waiting().await?.contains(&tenant) {
        database.number_events(tenant).await?;
    }
    let system = Caller::system_in(SystemReason::Events, tenant);
    database.tenant(&system).read_current().await?.events_after(None).await
}

/// Runs one case on a fresh database, and writes it into the report that `MONO_TEST_REPORT` names. The database is
/// removed afterwards; that of a case that failed stays, to be looked at.
pub async fn run<F: Future<Output = ()>>(backend: Backend, case: impl FnOnce(World) -> F) {
    let Some(database) = TestDatabase::create(backend).await else { return };
    let owner_url = database.owner_url.clone();
    let seed = Seed::parse(Seed::STARTER).expect("the starter catalogue is whole");
    case(World::create(database, seed).await).await;
    if let Some(url) = owner_url {
        database::remove_postgres(&url).await;
    }
    if let Ok(path) = std::env::var("MONO_TEST_REPORT") {
        let mut file =
            std::fs::OpenOptions::new().append(true).create(true).open(path).expect("the report opens");
        // One write: lines of tests that run at once do not mix.
        file.write_all(format!("conformance: {}: 1 cases\n", backend.name()).as_bytes())
            .expect("the report is written");
    }
}
