//! Sealed columns: those that hold what the key ring of `mono-auth` encrypted. What is sealed is sealed for one of them, so
//! that none is forgotten where the master key is changed.

use crate::db::{Bind, FromRow, PlatformTx, Row};
use mono_core::Error;
use uuid::Uuid;

macro_rules! sealed_columns {
    ($($(#[$doc:meta])* $name:ident = ($table:literal, $key:literal, $column:literal);)*) => {
        /// A column that holds sealed secrets. Each begins with the version of the master key that sealed it, and a dot.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum SealedColumn {
            $($(#[$doc])* $name,)*
        }

        impl SealedColumn {
            /// Every sealed column.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name of the table.
            pub const fn table(self) -> &'static str {
                match self {
                    $(Self::$name => $table,)*
                }
            }

            /// The names of the column that is the table's primary key, and of the sealed one.
            const fn columns(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => ($key, $column),)*
                }
            }
        }
    };
}

sealed_columns! {
    /// The secrets of authenticators.
    Totp = ("user_totp", "user_id", "secret");
}

/// What is sealed in a row. Has no `Debug`: it is a secret, sealed as it is.
pub struct SealedValue {
    /// The key of the row.
    pub row: Uuid,
    /// The sealed text.
    pub sealed: String,
}

impl FromRow for SealedValue {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { row: row.get("row_key")?, sealed: row.get("sealed")? })
    }
}

/// What a sealed column holds. Only the program itself reaches it.
pub struct SealedValues<'t> {
    tx: &'t mut PlatformTx,
    column: SealedColumn,
}

impl PlatformTx {
    /// What a sealed column holds.
    pub const fn sealed(&mut self, column: SealedColumn) -> SealedValues<'_> {
        SealedValues { tx: self, column }
    }
}

impl SealedValues<'_> {
    /// How many rows are sealed with a version of the master key.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn count(self, version: u32) -> Result<i64, Error> {
        self.tx.caller().require_system()?;
        let (table, (_, column)) = (self.column.table(), self.column.columns());
        let (beginning, length) = beginning(version);
        let text = format!(
            "SELECT count(*) AS present FROM {table} WHERE substr({column}, 1, CAST($1 AS INTEGER)) = $2"
        );
        let count = self.tx.composed(text, vec![length.into_value(), beginning.into_value()]);
        count.row().await?.get("present")
    }

    /// The next rows after one, by key, that are not sealed with this version.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn not_of(self, version: u32, after: Uuid, limit: i64) -> Result<Vec<SealedValue>, Error> {
        self.tx.caller().require_system()?;
        let (table, (key, column)) = (self.column.table(), self.column.columns());
        let (beginning, length) = beginning(version);
        let text = format!(
            "SELECT {key} AS row_key, {column} AS sealed FROM {table}
             WHERE {key} > $1 AND substr({column}, 1, CAST($2 AS INTEGER)) <> $3 ORDER BY {key} LIMIT $4"
        );
        let values =
            vec![after.into_value(), length.into_value(), beginning.into_value(), limit.into_value()];
        self.tx.composed(text, values).all().await
    }

    /// Puts the same secret in another seal, unless another secret stands there meanwhile, or none; says whether it did.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn replace(self, old: SealedValue, sealed: String) -> Result<bool, Error> {
        self.tx.caller().require_system()?;
        let (table, (key, column)) = (self.column.table(), self.column.columns());
        let text = format!("UPDATE {table} SET {column} = $3 WHERE {key} = $1 AND {column} = $2");
        let values = vec![old.row.into_value(), old.sealed.into_value(), sealed.into_value()];
        Ok(self.tx.composed(text, values).execute().await? > 0)
    }
}

/// What a text begins with that a version sealed, and how long that is.
fn beginning(version: u32) -> (String, i64) {
    let beginning = format!("{version}.");
    let length = i64::try_from(beginning.len()).unwrap_or(i64::MAX);
    (beginning, length)
}
