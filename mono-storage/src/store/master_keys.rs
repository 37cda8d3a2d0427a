//! Master keys: which versions a database knows. The keys themselves are nowhere in it, only a value that each gives.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::time::Timestamp;

/// A version of the master key, as a database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKey {
    /// The version.
    pub version: u32,
    /// A value that only this key gives.
    pub check_value: String,
    /// Since when the database knows it.
    pub created_at: Timestamp,
}

impl FromRow for MasterKey {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let version: i64 = row.get("version")?;
        Ok(Self {
            version: u32::try_from(version).map_err(Error::internal)?,
            check_value: row.get("check_value")?,
            created_at: row.get("created_at")?,
        })
    }
}

/// The master keys that a database knows. Only the program itself reaches them.
pub struct MasterKeys<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The master keys that the database knows.
    pub const fn master_keys(&mut self) -> MasterKeys<'_> {
        MasterKeys { tx: self }
    }
}

impl MasterKeys<'_> {
    /// Every version, the oldest first.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn list(self) -> Result<Vec<MasterKey>, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "SELECT version, check_value, created_at FROM master_keys ORDER BY version")
            .all()
            .await
    }

    /// Makes a version known, unless one of this number is already: of two servers that start at once with two keys, the
    /// database knows one.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn add(self, version: u32, check_value: &str) -> Result<(), Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        platform_sql!(
            tx,
            "INSERT INTO master_keys (version, check_value, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (version) DO NOTHING",
            version,
            check_value,
            now
        )
        .execute()
        .await
        .map(drop)
    }

    /// Forgets a version.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn remove(self, version: u32) -> Result<(), Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "DELETE FROM master_keys WHERE version = $1", version)
            .execute()
            .await
            .map(drop)
    }
}
