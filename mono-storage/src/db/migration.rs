//! Versioned tables, embedded in the program and locked against two nodes that migrate at once.

use super::database::Pools;
use super::options::{DatabaseOptions, Target};
use mono_core::{Error, ErrorKind};
#[cfg(feature = "postgres")]
use sqlx::ConnectOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection, SqlSafeStr};

#[cfg(feature = "postgres")]
const POSTGRES: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../migrations/postgres/0001_foundation.sql")),
    (2, "subscriptions", include_str!("../../migrations/postgres/0002_subscriptions.sql")),
    (5, "tenancy", include_str!("../../migrations/postgres/0005_tenancy.sql")),
];
#[cfg(feature = "sqlite")]
const SQLITE: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../migrations/sqlite/0001_foundation.sql")),
    (2, "subscriptions", include_str!("../../migrations/sqlite/0002_subscriptions.sql")),
    (5, "tenancy", include_str!("../../migrations/sqlite/0005_tenancy.sql")),
];

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = migrations.iter().map(|&(version, description, text)| {
        Migration::new(version, description.into(), MigrationType::Simple, text.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // A table of our own: an application keeps the usual one for its own migrations.
    migrator.dangerous_set_table_name("_mono_migrations");
    migrator
}

/// Brings the tables up to date.
///
/// On PostgreSQL this needs the owner of the tables, `owner_url`: a login that may create tables and roles, and
/// that the running server never uses. It also makes the two run-time logins of `options` where they do not exist.
/// On SQLite `owner_url` is not looked at.
///
/// # Errors
/// `Validation` where PostgreSQL is asked without an owner; `Unavailable` where the database cannot be reached;
/// `Internal` where a migration fails (each migration is one transaction).
pub async fn migrate(options: &DatabaseOptions, owner_url: Option<&str>) -> Result<(), Error> {
    match &options.target {
        #[cfg(feature = "postgres")]
        Target::Postgres(target) => {
            let Some(owner_url) = owner_url else {
                return Err(Error::invalid(
                    "owner_url",
                    "owner_required",
                    "migrating PostgreSQL needs the owner's login: give --database-owner-url or MONO_DATABASE_OWNER_URL",
                ));
            };
            let owner: sqlx::postgres::PgConnectOptions =
                owner_url.parse().map_err(|error: sqlx::Error| {
                    Error::invalid("owner_url", "invalid_url", "the owner's URL is not valid")
                        .with_source(error)
                })?;
            // The statement that makes a login holds its password.
            let owner = owner.disable_statement_logging();
            let mut connection =
                sqlx::PgConnection::connect_with(&owner).await.map_err(Error::unavailable)?;
            migrator(POSTGRES).run(&mut connection).await.map_err(failed)?;
            for (login, role) in
                [(&target.application, "mono_application"), (&target.platform, "mono_platform")]
            {
                create_login(&mut connection, login.get_username(), target.password.as_deref(), role).await?;
            }
            connection.close().await.map_err(Error::unavailable)
        }
        #[cfg(feature = "sqlite")]
        Target::Sqlite(target) => {
            let _ = owner_url;
            let mut connection =
                sqlx::SqliteConnection::connect_with(target).await.map_err(Error::unavailable)?;
            migrator(SQLITE).run(&mut connection).await.map_err(failed)?;
            connection.close().await.map_err(Error::unavailable)
        }
    }
}

fn failed(error: sqlx::migrate::MigrateError) -> Error {
    Error::new(ErrorKind::Internal, "migration_failed", format!("the migration failed: {error}"))
        .with_source(error)
}

/// Makes a run-time login that is neither owner nor superuser, or gives an existing one its role.
#[cfg(feature = "postgres")]
async fn create_login(
    connection: &mut sqlx::PgConnection,
    login: &str,
    password: Option<&str>,
    role: &str,
) -> Result<(), Error> {
    // PostgreSQL quotes name and password itself: DDL takes no parameters.
    let statements: (Option<String>, String) = sqlx::query_as(
        "SELECT CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = $1) THEN NULL
                WHEN $2::text IS NULL THEN format('CREATE ROLE %I LOGIN', $1)
                ELSE format('CREATE ROLE %I LOGIN PASSWORD %L', $1, $2) END,
                format('GRANT %I TO %I', $3, $1)",
    )
    .bind(login)
    .bind(password)
    .bind(role)
    .fetch_one(&mut *connection)
    .await
    .map_err(Error::unavailable)?;
    let powerful = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND (rolsuper OR rolbypassrls))",
    );
    if powerful.bind(login).fetch_one(&mut *connection).await.map_err(Error::unavailable)? {
        let message =
            format!("the login {login} is a superuser or has BYPASSRLS: the server runs as a login without");
        return Err(Error::new(ErrorKind::Internal, "isolation_not_whole", message));
    }
    let explain = |error: sqlx::Error| {
        let message =
            format!("the owner could not make the login {login}: it needs the right to create roles");
        Error::new(ErrorKind::Internal, "migration_failed", message).with_source(error)
    };
    if let Some(create) = statements.0 {
        sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut *connection).await.map_err(explain)?;
    }
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.1)).execute(connection).await.map_err(explain)?;
    Ok(())
}

/// Refuses a database whose tables are older or newer than this program.
pub(super) async fn require_current(pools: &Pools) -> Result<(), Error> {
    const APPLIED: &str = "SELECT version FROM _mono_migrations WHERE success ORDER BY version";
    let (applied, known): (Result<Vec<i64>, sqlx::Error>, _) = match pools {
        #[cfg(feature = "postgres")]
        Pools::Postgres { application, .. } => {
            (sqlx::query_scalar(APPLIED).fetch_all(application).await, POSTGRES)
        }
        #[cfg(feature = "sqlite")]
        Pools::Sqlite { read, .. } => (sqlx::query_scalar(APPLIED).fetch_all(read).await, SQLITE),
    };
    let applied = match applied {
        Ok(applied) => applied,
        // There is no such table, or this role may not read it: nothing was ever migrated.
        Err(sqlx::Error::Database(_)) => Vec::new(),
        Err(error) => return Err(Error::unavailable(error)),
    };
    let out_of_date = |message: &str| Err(Error::new(ErrorKind::Internal, "schema_out_of_date", message));
    if known.iter().any(|(version, ..)| !applied.contains(version)) {
        return out_of_date("the tables are older than this program: run `mono migrate`");
    }
    if applied.iter().any(|version| !known.iter().any(|(known, ..)| known == version)) {
        return out_of_date("the tables are newer than this program: run a newer mono");
    }
    Ok(())
}
