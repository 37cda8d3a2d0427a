//! Versioned tables, embedded in the program and locked against two nodes that migrate at once.

use super::options::{DatabaseOptions, Target};
use super::pools::Pools;
use mono_core::{Error, ErrorKind};
#[cfg(feature = "postgres")]
use sqlx::ConnectOptions;
use sqlx::migrate::{MigrationType, Migrator};
use sqlx::{Connection, SqlSafeStr};

#[cfg(feature = "postgres")]
const POSTGRES: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../migrations/postgres/0001_foundation.sql")),
    (2, "subscriptions", include_str!("../../migrations/postgres/0002_subscriptions.sql")),
    (3, "audit", include_str!("../../migrations/postgres/0003_audit.sql")),
    (4, "own tables", include_str!("../../migrations/postgres/0004_own_tables.sql")),
    (5, "tenancy", include_str!("../../migrations/postgres/0005_tenancy.sql")),
    (8, "authentication", include_str!("../../migrations/postgres/0008_authentication.sql")),
    (9, "templates", include_str!("../../migrations/postgres/0009_templates.sql")),
    (10, "purge", include_str!("../../migrations/postgres/0010_purge.sql")),
    (11, "mail", include_str!("../../migrations/postgres/0011_mail.sql")),
    (12, "invitations", include_str!("../../migrations/postgres/0012_invitations.sql")),
    (13, "second factors", include_str!("../../migrations/postgres/0013_second_factors.sql")),
    (14, "keys", include_str!("../../migrations/postgres/0014_keys.sql")),
    (15, "events", include_str!("../../migrations/postgres/0015_events.sql")),
    (16, "idempotency", include_str!("../../migrations/postgres/0016_idempotency.sql")),
    (17, "lists", include_str!("../../migrations/postgres/0017_lists.sql")),
    (18, "event heads", include_str!("../../migrations/postgres/0018_event_heads.sql")),
];
#[cfg(feature = "sqlite")]
const SQLITE: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../migrations/sqlite/0001_foundation.sql")),
    (2, "subscriptions", include_str!("../../migrations/sqlite/0002_subscriptions.sql")),
    (3, "audit", include_str!("../../migrations/sqlite/0003_audit.sql")),
    (5, "tenancy", include_str!("../../migrations/sqlite/0005_tenancy.sql")),
    (8, "authentication", include_str!("../../migrations/sqlite/0008_authentication.sql")),
    (9, "templates", include_str!("../../migrations/sqlite/0009_templates.sql")),
    (10, "purge", include_str!("../../migrations/sqlite/0010_purge.sql")),
    (11, "mail", include_str!("../../migrations/sqlite/0011_mail.sql")),
    (12, "invitations", include_str!("../../migrations/sqlite/0012_invitations.sql")),
    (13, "second factors", include_str!("../../migrations/sqlite/0013_second_factors.sql")),
    (14, "keys", include_str!("../../migrations/sqlite/0014_keys.sql")),
    (15, "events", include_str!("../../migrations/sqlite/0015_events.sql")),
    (16, "idempotency", include_str!("../../migrations/sqlite/0016_idempotency.sql")),
    (17, "lists", include_str!("../../migrations/sqlite/0017_lists.sql")),
    (18, "event heads", include_str!("../../migrations/sqlite/0018_event_heads.sql")),
];

/// The table that keeps which of our own migrations were run. An application keeps one for itself.
const OWN_TABLE: &str = "_mono_migrations";

/// A step in the tables of an application. Once a version was run anywhere its text stays as it is: what changes is a
/// further version.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// 1, 2, 3 …
    pub version: i64,
    /// A few words.
    pub description: &'static str,
    /// What PostgreSQL runs, as one transaction. `CALL mono_protect_table('…')` protects a table of tenants.
    pub postgres: &'static str,
    /// What SQLite runs, as one transaction.
    pub sqlite: &'static str,
}

fn migrator(table: String, migrations: impl Iterator<Item = (i64, &'static str, &'static str)>) -> Migrator {
    let migrations = migrations.map(|(version, description, text)| {
        sqlx::migrate::Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            text.into_sql_str(),
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(table);
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
            let mut connection = connect_owner(owner_url).await?;
            make_tables(&mut connection).await?;
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
            let own = migrator(OWN_TABLE.to_owned(), SQLITE.iter().copied());
            run_on_sqlite(&own, &mut connection).await?;
            connection.close().await.map_err(Error::unavailable)
        }
    }
}

#[cfg(feature = "postgres")]
async fn make_tables(connection: &mut sqlx::PgConnection) -> Result<(), Error> {
    let own = migrator(OWN_TABLE.to_owned(), POSTGRES.iter().copied());
    own.run(connection).await.map_err(failed)
}

/// Makes the tables in a database that others are copied from: no login is made. Closes its connection, since a database
/// that somebody is connected to cannot be copied.
#[cfg(all(feature = "postgres", feature = "testkit"))]
pub(crate) async fn migrate_template(owner_url: &str) -> Result<(), Error> {
    let mut connection = connect_owner(Some(owner_url)).await?;
    make_tables(&mut connection).await?;
    connection.close().await.map_err(Error::unavailable)
}

/// What the migrations say, in a few digits.
#[cfg(all(feature = "postgres", feature = "testkit"))]
pub(crate) fn fingerprint() -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    POSTGRES.hash(&mut hasher);
    hasher.finish()
}

/// Brings an application's own tables up to date, after [`migrate`] and under the same lock. Which versions were run
/// stands in a table named after the application: `_marina_migrations` for `marina`.
///
/// # Errors
/// As [`migrate`], and `Validation` for a name of anything but small letters, digits and `_`.
pub async fn migrate_application(
    options: &DatabaseOptions,
    owner_url: Option<&str>,
    application: &str,
    migrations: &[Migration],
) -> Result<(), Error> {
    let table = application_table(application)?;
    match &options.target {
        #[cfg(feature = "postgres")]
        Target::Postgres(_) => {
            let mut connection = connect_owner(owner_url).await?;
            // The platform's login asks later whether the tables are up to date.
            let grant = format!("GRANT SELECT ON {table} TO mono_platform");
            let texts = migrations.iter().map(|step| (step.version, step.description, step.postgres));
            migrator(table, texts).run(&mut connection).await.map_err(failed)?;
            let grant = sqlx::raw_sql(sqlx::AssertSqlSafe(grant)).execute(&mut connection).await;
            grant.map_err(Error::internal)?;
            connection.close().await.map_err(Error::unavailable)
        }
        #[cfg(feature = "sqlite")]
        Target::Sqlite(target) => {
            let _ = owner_url;
            let mut connection =
                sqlx::SqliteConnection::connect_with(target).await.map_err(Error::unavailable)?;
            let texts = migrations.iter().map(|step| (step.version, step.description, step.sqlite));
            run_on_sqlite(&migrator(table, texts), &mut connection).await?;
            connection.close().await.map_err(Error::unavailable)
        }
    }
}

/// On SQLite nothing locks all migrations at once. Of two programs the slower one finds that the faster has just done its
/// step, and looks again what is left, at most once for each step.
#[cfg(feature = "sqlite")]
async fn run_on_sqlite(
    migrator: &sqlx::migrate::Migrator,
    connection: &mut sqlx::SqliteConnection,
) -> Result<(), Error> {
    for _ in migrator.iter() {
        if migrator.run(&mut *connection).await.is_ok() {
            return Ok(());
        }
    }
    migrator.run(connection).await.map_err(failed)
}

/// The name goes into SQL as it is, so that it is a plain word.
fn application_table(application: &str) -> Result<String, Error> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=40).contains(&application.len()) && application.bytes().all(plain) && application != "mono" {
        return Ok(format!("_{application}_migrations"));
    }
    let message = "the name of an application has 1 to 40 small letters, digits and `_`, and is not `mono`";
    Err(Error::invalid("application", "invalid_name", message))
}

#[cfg(feature = "postgres")]
pub(crate) async fn connect_owner(owner_url: Option<&str>) -> Result<sqlx::PgConnection, Error> {
    let Some(owner_url) = owner_url else {
        return Err(Error::invalid(
            "owner_url",
            "owner_required",
            "on PostgreSQL this needs the owner's login: give --database-owner-url or MONO_DATABASE_OWNER_URL",
        ));
    };
    let owner: sqlx::postgres::PgConnectOptions = owner_url.parse().map_err(|error: sqlx::Error| {
        Error::invalid("owner_url", "invalid_url", "the owner's URL is not valid").with_source(error)
    })?;
    // The statement that makes a login holds its password.
    let owner = owner.disable_statement_logging();
    sqlx::PgConnection::connect_with(&owner).await.map_err(Error::unavailable)
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
    // One after the other, where several servers start for the first time: roles belong to the whole cluster, and so does
    // this lock's number, which says nothing.
    let lock = "SELECT pg_advisory_lock(7402116935)";
    sqlx::query(lock).execute(&mut *connection).await.map_err(Error::unavailable)?;
    let made = create_login_alone(connection, login, password, role).await;
    let unlock = sqlx::query("SELECT pg_advisory_unlock(7402116935)").execute(connection).await;
    unlock.map_err(Error::unavailable)?;
    made
}

#[cfg(feature = "postgres")]
async fn create_login_alone(
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

/// The versions of the tables that this program knows.
pub(crate) fn known_versions(options: &DatabaseOptions) -> Vec<i64> {
    let known = match &options.target {
        #[cfg(feature = "postgres")]
        Target::Postgres(_) => POSTGRES,
        #[cfg(feature = "sqlite")]
        Target::Sqlite(_) => SQLITE,
    };
    known.iter().map(|(version, ..)| *version).collect()
}

/// Refuses a database whose tables are older or newer than this program.
pub(super) async fn require_current(pools: &Pools, options: &DatabaseOptions) -> Result<(), Error> {
    let known = known_versions(options);
    compare(pools, OWN_TABLE, &known, "run `mono migrate`").await
}

/// Refuses a database in which an application's own tables are older or newer than the program.
pub(super) async fn require_application(
    pools: &Pools,
    application: &str,
    migrations: &[Migration],
) -> Result<(), Error> {
    let table = application_table(application)?;
    let known: Vec<i64> = migrations.iter().map(|step| step.version).collect();
    compare(pools, &table, &known, "run the migrations of the application").await
}

async fn compare(pools: &Pools, table: &str, known: &[i64], remedy: &str) -> Result<(), Error> {
    let applied = format!("SELECT version FROM {table} WHERE success ORDER BY version");
    let applied = sqlx::AssertSqlSafe(applied);
    let applied: Result<Vec<i64>, sqlx::Error> = match pools {
        #[cfg(feature = "postgres")]
        Pools::Postgres { platform, .. } => sqlx::query_scalar(applied).fetch_all(platform).await,
        #[cfg(feature = "sqlite")]
        Pools::Sqlite { read, .. } => sqlx::query_scalar(applied).fetch_all(read).await,
    };
    let applied = match applied {
        Ok(applied) => applied,
        // There is no such table, or this role may not read it: nothing was ever migrated.
        Err(sqlx::Error::Database(_)) => Vec::new(),
        Err(error) => return Err(Error::unavailable(error)),
    };
    let out_of_date = |message| Err(Error::new(ErrorKind::Internal, "schema_out_of_date", message));
    if known.iter().any(|version| !applied.contains(version)) {
        return out_of_date(format!("the tables are older than this program: {remedy}"));
    }
    if applied.iter().any(|version| !known.contains(version)) {
        return out_of_date("the tables are newer than this program: run a newer one".to_owned());
    }
    Ok(())
}
