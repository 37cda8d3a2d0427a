//! Throw-away databases.

use crate::db::{Database, DatabaseOptions, migrate};
use crate::system::SystemRandom;
use mono_core::id::Random;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The embedded database.
    Sqlite,
    /// The production database.
    Postgres,
}

impl Backend {
    /// The name in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A database of its own for one test, migrated, with a login that is neither owner nor superuser.
pub struct TestDatabase {
    /// The database.
    pub database: Database,
    /// Its kind.
    pub backend: Backend,
    /// How to reach it once more.
    pub options: DatabaseOptions,
    /// The URL of the run-time login.
    pub url: String,
    /// The URL of the owner (PostgreSQL).
    pub owner_url: Option<String>,
    /// Keeps the folder of an embedded database until the test ends.
    _folder: Option<tempfile::TempDir>,
}

impl TestDatabase {
    /// Makes a database, or `None` where no server of this kind is named in the environment.
    ///
    /// # Panics
    /// Where a server is named and does not work.
    pub async fn create(backend: Backend) -> Option<Self> {
        let (url, owner_url, folder) = match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                (format!("sqlite:{}", folder.path().join("test.db").display()), None, Some(folder))
            }
            Backend::Postgres => {
                let (url, owner_url) = create_postgres().await?;
                (url, Some(owner_url), None)
            }
        };
        let options = DatabaseOptions::parse(&url).expect("the URL of a test database is valid");
        migrate(&options, owner_url.as_deref()).await.unwrap_or_else(|error| panic!("migrate: {error:?}"));
        let database = Database::connect(&options).await.unwrap_or_else(|error| panic!("connect: {error:?}"));
        Some(Self { database, backend, options, url, owner_url, _folder: folder })
    }
}

/// A new database on the server of the environment: the URL of its run-time login, and of its owner.
#[cfg(feature = "postgres")]
async fn create_postgres() -> Option<(String, String)> {
    use sqlx::Connection as _;
    let Ok(server) = std::env::var("MONO_TEST_POSTGRES_URL") else {
        #[expect(clippy::print_stderr, reason = "a person who runs one test by hand sees what was left out")]
        {
            eprintln!(
                "left out: MONO_TEST_POSTGRES_URL names no PostgreSQL server; `cargo xtask test` starts one"
            );
        }
        return None;
    };
    let mut bytes = [0_u8; 8];
    SystemRandom.fill(&mut bytes);
    let name = format!("mono_test_{:016x}", u64::from_be_bytes(bytes));
    let mut connection = sqlx::PgConnection::connect(&server).await.expect("the test server answers");
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create).execute(&mut connection).await.expect("the test server lets databases be made");
    let (head, rest) = server.rsplit_once('/').expect("the URL names a database");
    let query = rest.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    let (scheme, authority) = head.split_once("://").expect("the URL has a scheme");
    let host = authority.rsplit('@').next().unwrap_or(authority);
    // A password that is quoted in SQL and encoded in the URL, so that both are seen to work.
    let url = format!("{scheme}://{name}:p%27w%40{name}@{host}/{name}{query}");
    Some((url, format!("{head}/{name}{query}")))
}

#[cfg(not(feature = "postgres"))]
async fn create_postgres() -> Option<(String, String)> {
    let _ = SystemRandom.fill(&mut []);
    None
}
