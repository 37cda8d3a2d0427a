//! How to reach a database.

use mono_core::Error;
use std::time::Duration;

/// How to reach a database, with limits that have a reason.
///
/// ```
/// use mono_storage::db::DatabaseOptions;
/// assert!(DatabaseOptions::parse("sqlite:.mono/mono.db").is_ok());
/// assert!(DatabaseOptions::parse("mysql://localhost/mono").is_err());
/// ```
#[derive(Clone)]
pub struct DatabaseOptions {
    pub(crate) target: Target,
    /// Connections at most, for each of the two roles; two cores serve well with ten.
    pub max_connections: u32,
    /// How long a request waits for a connection before it is told to come back.
    pub acquire_timeout: Duration,
    /// How long one statement may run: longer than any request may last helps nobody.
    pub statement_timeout: Duration,
    /// How long a statement waits for a row, or on SQLite for the database, that another transaction holds.
    pub lock_timeout: Duration,
    /// A statement that takes longer stands in the log, with its text, its tenant and its time, and without its values.
    pub slow_statement: Duration,
}

#[derive(Clone)]
pub(crate) enum Target {
    #[cfg(feature = "postgres")]
    Postgres(Box<PostgresTarget>),
    #[cfg(feature = "sqlite")]
    Sqlite(Box<sqlx::sqlite::SqliteConnectOptions>),
}

/// The application's login and the platform's login: two roles, so that a connection that serves tenants can never
/// become one that sees all of them.
#[cfg(feature = "postgres")]
#[derive(Clone)]
pub(crate) struct PostgresTarget {
    pub(crate) application: sqlx::postgres::PgConnectOptions,
    pub(crate) platform: sqlx::postgres::PgConnectOptions,
    pub(super) replica: Option<sqlx::postgres::PgConnectOptions>,
    /// The password of the URL, which the driver keeps to itself; needed to make the login.
    pub(super) password: Option<String>,
}

/// Behind the name of the application's login. Not `_platform`: a login `mono` would then meet the role that it is given.
#[cfg(feature = "postgres")]
const PLATFORM_SUFFIX: &str = "_platform_login";

impl DatabaseOptions {
    /// Reads `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    ///
    /// On PostgreSQL the user of the URL is the application's login. The platform's login is the same with
    /// `_platform_login` behind its name, unless [`platform_url`](Self::platform_url) gives another.
    ///
    /// # Errors
    /// `Validation` on the field `database_url`; the message never repeats the URL, which holds a password.
    pub fn parse(url: &str) -> Result<Self, Error> {
        Ok(Self {
            target: target(url)?,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            slow_statement: Duration::from_secs(1),
        })
    }

    /// Gives the platform's login its own URL (PostgreSQL only).
    ///
    /// # Errors
    /// `Validation` where either URL is not one of PostgreSQL.
    #[cfg(feature = "postgres")]
    pub fn platform_url(mut self, url: &str) -> Result<Self, Error> {
        match (&mut self.target, target(url)?) {
            (Target::Postgres(own), Target::Postgres(other)) => own.platform = other.application,
            #[cfg(feature = "sqlite")]
            _ => return Err(invalid("a platform URL goes with a database URL, both of PostgreSQL")),
        }
        Ok(self)
    }

    /// Lets the requests of tenants read from a replica (PostgreSQL only), until they write: from then on the same request
    /// reads where it wrote. The login is one of the application; the start proves of this pool, too, that it keeps tenants
    /// apart. A later request may meet a replica that is a moment behind.
    ///
    /// # Errors
    /// `Validation` where either URL is not one of PostgreSQL.
    #[cfg(feature = "postgres")]
    pub fn read_url(mut self, url: &str) -> Result<Self, Error> {
        match (&mut self.target, target(url)?) {
            (Target::Postgres(own), Target::Postgres(other)) => {
                own.replica = Some(other.application.application_name("mono replica"));
            }
            #[cfg(feature = "sqlite")]
            _ => return Err(invalid("a read URL goes with a database URL, both of PostgreSQL")),
        }
        Ok(self)
    }

    /// Makes no embedded database where there is none: connecting then fails. For programs that only look.
    pub fn must_exist(mut self) -> Self {
        match &mut self.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => {}
            #[cfg(feature = "sqlite")]
            Target::Sqlite(target) => **target = (**target).clone().create_if_missing(false),
        }
        self
    }

    /// The name of the database system, as banners and health checks show it.
    pub const fn system(&self) -> &'static str {
        match &self.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => "PostgreSQL",
            #[cfg(feature = "sqlite")]
            Target::Sqlite(_) => "SQLite",
        }
    }

    /// Whether it is the embedded database, which has no owner apart from the program.
    pub const fn is_embedded(&self) -> bool {
        match &self.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => false,
            #[cfg(feature = "sqlite")]
            Target::Sqlite(_) => true,
        }
    }
}

impl std::fmt::Debug for DatabaseOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseOptions").field("system", &self.system()).finish_non_exhaustive()
    }
}

fn invalid(message: &str) -> Error {
    Error::invalid("database_url", "invalid_url", message)
}

fn target(url: &str) -> Result<Target, Error> {
    match url.split_once(':') {
        #[cfg(feature = "sqlite")]
        Some(("sqlite", _)) => {
            use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
            let options: SqliteConnectOptions = url
                .parse()
                .map_err(|error: sqlx::Error| invalid("the SQLite URL is not valid").with_source(error))?;
            Ok(Target::Sqlite(Box::new(
                options
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    // In WAL mode NORMAL loses no consistency, only the last commits on power loss.
                    .synchronous(SqliteSynchronous::Normal),
            )))
        }
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => {
            let application: sqlx::postgres::PgConnectOptions =
                url.parse().map_err(|error: sqlx::Error| {
                    invalid("the PostgreSQL URL is not valid").with_source(error)
                })?;
            let application = application.application_name("mono");
            let platform = format!("{}{PLATFORM_SUFFIX}", application.get_username());
            Ok(Target::Postgres(Box::new(PostgresTarget {
                platform: application.clone().username(&platform).application_name("mono platform"),
                replica: None,
                password: password(url),
                application,
            })))
        }
        _ => Err(invalid("the database URL starts with sqlite: or postgres:")),
    }
}

/// The password part of `scheme://user:password@host/…`, with percent-encoding resolved.
#[cfg(feature = "postgres")]
fn password(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1.split(['/', '?']).next()?;
    let (_, password) = authority.rsplit_once('@')?.0.split_once(':')?;
    percent_decoded(password)
}

/// A part of a URL with its percent-encoding resolved.
#[cfg(feature = "postgres")]
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        bytes.push(if byte == b'%' { hex(rest.next()?)? * 16 + hex(rest.next()?)? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_decoded_and_never_shown() {
        let url = "postgres://mono:s%40crt%2F@localhost/mono";
        assert_eq!(password(url).as_deref(), Some("s@crt/"));
        assert_eq!(password("postgres://mono@localhost/mono"), None);
        let options = DatabaseOptions::parse(url).unwrap();
        assert!(!format!("{options:?}").contains("crt"));
    }
}
