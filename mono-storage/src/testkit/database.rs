//! Throw-away databases.

#[cfg(feature = "postgres")]
use crate::db::migration::{self, migrate_template};
use crate::db::pools::Pools;
use crate::db::{Database, DatabaseOptions, migrate};
use crate::system::SystemRandom;
use mono_core::id::{Random, TenantId};
use std::time::Duration;

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
    /// Takes every connection of the application's pool at once and asks each which tenant it carries; empty where
    /// none carries any.
    pub async fn tenants_left_on_connections(&self) -> Vec<String> {
        match self.database.pools() {
            #[cfg(feature = "postgres")]
            Pools::Postgres { application, .. } => {
                let mut connections = Vec::new();
                for _ in 0..self.options.max_connections {
                    connections.push(application.acquire().await.expect("a connection"));
                }
                let mut left = Vec::new();
                for connection in &mut connections {
                    let setting: Option<String> = sqlx::query_scalar(
                        "SELECT NULLIF(current_setting('app.current_tenant_id', true), '')",
                    )
                    .fetch_one(&mut **connection)
                    .await
                    .expect("the connection answers");
                    left.extend(setting);
                }
                left
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => Vec::new(),
        }
    }

    /// Runs statements as the owner of the tables, to plant what a test looks for.
    pub async fn as_owner(&self, statements: &str) {
        match (&self.owner_url, self.database.pools()) {
            #[cfg(feature = "postgres")]
            (Some(url), _) => {
                use sqlx::Connection as _;
                let mut connection = sqlx::PgConnection::connect(url).await.expect("the owner logs in");
                let statements = sqlx::AssertSqlSafe(statements.to_owned());
                sqlx::raw_sql(statements).execute(&mut connection).await.expect("the owner may do this");
            }
            #[cfg(feature = "sqlite")]
            (_, Pools::Sqlite { write, .. }) => {
                let statements = sqlx::AssertSqlSafe(statements.to_owned());
                sqlx::raw_sql(statements).execute(write).await.expect("the statements run");
            }
            #[cfg(feature = "postgres")]
            (None, Pools::Postgres { .. }) => panic!("a database on PostgreSQL has an owner"),
        }
    }

    /// Runs a statement that `sql!` did not check inside a transaction of a tenant, on the application's login, and tells
    /// how many rows it read or wrote. Nothing is kept.
    pub async fn as_application(&self, tenant: TenantId, statement: &str) -> u64 {
        self.try_as_application(tenant, statement).await.expect("the statement runs")
    }

    /// As [`as_application`](Self::as_application); where the database refuses, the code of its refusal.
    ///
    /// # Errors
    /// The SQLSTATE of PostgreSQL.
    pub async fn try_as_application(&self, tenant: TenantId, statement: &str) -> Result<u64, String> {
        match self.database.pools() {
            #[cfg(feature = "postgres")]
            Pools::Postgres { application, .. } => {
                let statement = sqlx::AssertSqlSafe(statement.to_owned());
                let mut transaction = application.begin().await.expect("a transaction");
                sqlx::query("SELECT set_config('app.current_tenant_id', $1, true)")
                    .bind(tenant.to_string())
                    .execute(&mut *transaction)
                    .await
                    .expect("the tenant is set");
                match sqlx::raw_sql(statement).execute(&mut *transaction).await {
                    Ok(done) => Ok(done.rows_affected()),
                    Err(sqlx::Error::Database(error)) => Err(error.code().unwrap_or_default().into_owned()),
                    Err(error) => panic!("the connection broke: {error}"),
                }
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => {
                panic!("SQLite has no login of the application; asked for {tenant}: {statement}")
            }
        }
    }

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
        let mut options = DatabaseOptions::parse(&url).expect("the URL of a test database is valid");
        // Many wait in line on a machine that does much else: they wait as long as it takes.
        (options.acquire_timeout, options.lock_timeout) = (Duration::from_mins(2), Duration::from_mins(1));
        migrate(&options, owner_url.as_deref()).await.unwrap_or_else(|error| panic!("migrate: {error:?}"));
        let database = Database::connect(&options).await.unwrap_or_else(|error| panic!("connect: {error:?}"));
        Some(Self { database, backend, options, url, owner_url, _folder: folder })
    }
}

/// The database that those of the cases are copies of: to copy it takes a tenth of making its tables.
#[cfg(feature = "postgres")]
static TEMPLATE: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();

#[cfg(feature = "postgres")]
fn random_name() -> String {
    let mut bytes = [0_u8; 8];
    SystemRandom.fill(&mut bytes);
    format!("mono_test_{:016x}", u64::from_be_bytes(bytes))
}

/// Makes the database that others are copied from, unless another program did for the same migrations. It gets its name
/// when it is whole.
#[cfg(feature = "postgres")]
async fn make_template(server: &str, head: &str, query: &str) -> String {
    use sqlx::Connection as _;
    let template = format!("mono_test_template_{:016x}", migration::fingerprint());
    let mut connection = sqlx::PgConnection::connect(server).await.expect("the test server answers");
    // Held until the connection closes.
    let lock = sqlx::query("SELECT pg_advisory_lock(hashtextextended('mono_test_template', 0))");
    lock.execute(&mut connection).await.expect("the test server lets locks be taken");
    let there = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)");
    if !there.bind(&template).fetch_one(&mut connection).await.expect("the test server answers") {
        let name = random_name();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::raw_sql(create).execute(&mut connection).await.expect("the test server lets databases be made");
        migrate_template(&format!("{head}/{name}{query}")).await.expect("the tables are made");
        let rename = sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} RENAME TO {template}"));
        sqlx::raw_sql(rename).execute(&mut connection).await.expect("the template gets its name");
    }
    connection.close().await.expect("the connection closes");
    template
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
    let (head, rest) = server.rsplit_once('/').expect("the URL names a database");
    let query = rest.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    let template = TEMPLATE.get_or_init(|| make_template(&server, head, &query)).await;
    let name = random_name();
    let mut connection = sqlx::PgConnection::connect(&server).await.expect("the test server answers");
    for statement in [
        format!("CREATE DATABASE {name} TEMPLATE {template}"),
        // What a migration says of the database itself is not copied.
        format!("REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC"),
    ] {
        let statement = sqlx::AssertSqlSafe(statement);
        sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .expect("the test server lets databases be made");
    }
    let (scheme, authority) = head.split_once("://").expect("the URL has a scheme");
    let host = authority.rsplit('@').next().unwrap_or(authority);
    // A password that is quoted in SQL and encoded in the URL, so that both are seen to work.
    let url = format!("{scheme}://{name}:p%27w%40{name}@{host}/{name}{query}");
    Some((url, format!("{head}/{name}{query}")))
}

/// Removes a database that [`create_postgres`] made, with its logins.
#[cfg(feature = "postgres")]
pub(super) async fn remove_postgres(owner_url: &str) {
    use sqlx::Connection as _;
    let server = std::env::var("MONO_TEST_POSTGRES_URL").expect("the server is still named");
    let name = owner_url
        .rsplit('/')
        .next()
        .and_then(|rest| rest.split('?').next())
        .expect("the URL names a database");
    let mut connection = sqlx::PgConnection::connect(&server).await.expect("the test server answers");
    // Connections that a case left open are closed by force.
    for statement in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("DROP ROLE IF EXISTS {name}, {name}_platform_login"),
    ] {
        let statement = sqlx::AssertSqlSafe(statement);
        sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .expect("the test server lets databases be removed");
    }
}

#[cfg(not(feature = "postgres"))]
pub(super) async fn remove_postgres(_owner_url: &str) {}

#[cfg(not(feature = "postgres"))]
async fn create_postgres() -> Option<(String, String)> {
    let _ = SystemRandom.fill(&mut []);
    None
}
