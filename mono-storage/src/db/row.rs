//! Rows that come back, read by column name.

use mono_core::Error;
use mono_core::id::{
    AccountId, ApiKeyId, AssignmentId, AuditId, EventId, GrantId, InvitationId, MailId, MemberId, OverrideId,
    ProfileId, SessionId, SingleUseTokenId, TeamId, TenantId, UserId,
};
use mono_core::text::{Domain, Email, Locale, Name, Slug, TimeZone};
use mono_core::time::Timestamp;
use sqlx::Row as _;
#[cfg(feature = "postgres")]
use sqlx::ValueRef as _;
use uuid::Uuid;

/// One row of an answer.
pub struct Row(pub(super) Inner);

pub(super) enum Inner {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
}

impl Row {
    /// The value of a column that is never NULL.
    ///
    /// # Errors
    /// `Internal` where the column is absent, NULL or of another type: the statement and the code disagree.
    pub fn get<T: Column>(&self, column: &str) -> Result<T, Error> {
        T::read(self, column)?.ok_or_else(|| Error::internal(format!("column {column} is NULL")))
    }

    /// The value of a column that may be NULL.
    ///
    /// # Errors
    /// `Internal` where the column is absent or of another type.
    pub fn get_optional<T: Column>(&self, column: &str) -> Result<Option<T>, Error> {
        T::read(self, column)
    }

    /// The value of a text column in a type that is parsed from text, such as a status.
    ///
    /// # Errors
    /// `Internal` where the stored text does not parse.
    pub fn parse<T: std::str::FromStr<Err = Error>>(&self, column: &str) -> Result<T, Error> {
        self.get::<String>(column)?.parse().map_err(|error: Error| stored(column, &error))
    }
}

/// A thing that is read from one row.
pub trait FromRow: Sized {
    /// Reads the columns.
    ///
    /// # Errors
    /// `Internal` where the row does not hold the thing.
    fn from_row(row: &Row) -> Result<Self, Error>;
}

/// A type that a column can be read as.
pub trait Column: Sized {
    /// Reads a column; `None` is NULL.
    ///
    /// # Errors
    /// `Internal` where the column is absent or of another type.
    fn read(row: &Row, column: &str) -> Result<Option<Self>, Error>;
}

/// What is stored breaks a rule that it obeyed when it was written.
fn stored(column: &str, error: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("column {column}: {error}"))
}

macro_rules! native {
    ($($ty:ty),*) => {$(
        impl Column for $ty {
            fn read(row: &Row, column: &str) -> Result<Option<Self>, Error> {
                match &row.0 {
                    #[cfg(feature = "postgres")]
                    Inner::Postgres(row) => row.try_get(column),
                    #[cfg(feature = "sqlite")]
                    Inner::Sqlite(row) => row.try_get(column),
                }
                .map_err(|error| stored(column, &error))
            }
        }
    )*};
}
native!(Uuid, String, i64, bool, serde_json::Value);

impl Column for Timestamp {
    fn read(row: &Row, column: &str) -> Result<Option<Self>, Error> {
        match &row.0 {
            #[cfg(feature = "postgres")]
            Inner::Postgres(row) => moment(row, column),
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(row) => row.try_get(column),
        }
        .map_err(|error| stored(column, &error))
    }
}

/// A moment of PostgreSQL. At `infinity`, and at moments that no program can hold, the driver itself panics.
#[cfg(feature = "postgres")]
fn moment(row: &sqlx::postgres::PgRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    /// The year 2000, from which PostgreSQL counts.
    const EPOCH: i64 = 946_684_800_000_000;
    if !<Timestamp as sqlx::Type<sqlx::Postgres>>::compatible(&row.try_get_raw(column)?.type_info()) {
        return row.try_get(column);
    }
    let micros: Option<i64> = row.try_get_unchecked(column)?;
    let read = |micros: i64| micros.checked_add(EPOCH).and_then(Timestamp::from_timestamp_micros);
    let unknown = || sqlx::Error::Decode("a moment that no program can hold".into());
    micros.map(|micros| read(micros).ok_or_else(unknown)).transpose()
}

/// A field that may be NULL.
impl<T: Column> Column for Option<T> {
    fn read(row: &Row, column: &str) -> Result<Option<Self>, Error> {
        T::read(row, column).map(Some)
    }
}

macro_rules! ids {
    ($($ty:ty),*) => {$(
        impl Column for $ty {
            fn read(row: &Row, column: &str) -> Result<Option<Self>, Error> {
                Ok(Uuid::read(row, column)?.map(Self::from))
            }
        }
    )*};
}
ids!(
    TenantId,
    AccountId,
    UserId,
    MemberId,
    ProfileId,
    AssignmentId,
    GrantId,
    SessionId,
    ApiKeyId,
    SingleUseTokenId,
    AuditId,
    EventId,
    OverrideId,
    TeamId,
    InvitationId,
    MailId
);

macro_rules! texts {
    ($($ty:ty),*) => {$(
        impl Column for $ty {
            fn read(row: &Row, column: &str) -> Result<Option<Self>, Error> {
                let text = String::read(row, column)?;
                text.map(|text| Self::parse(&text)).transpose().map_err(|error| stored(column, &error))
            }
        }
    )*};
}
texts!(Domain, Email, Slug, Name, Locale, TimeZone);
