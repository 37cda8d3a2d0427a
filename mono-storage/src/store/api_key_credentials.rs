//! API keys as authentication sees them: found by their id before any tenant is known.

use super::api_keys::columns;
use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::id::ApiKeyId;
use mono_core::model::api_key::ApiKey;
use mono_core::time::Timestamp;

/// A key with the keyed hash of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// What is known of it.
    pub key: ApiKey,
    /// The keyed hash of its secret.
    pub hash: String,
}

impl FromRow for StoredKey {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { key: ApiKey::from_row(row)?, hash: row.get("hash")? })
    }
}

/// The API keys of all tenants. Only authentication itself reaches them.
pub struct KeyCredentials<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The API keys of all tenants.
    pub const fn api_keys(&mut self) -> KeyCredentials<'_> {
        KeyCredentials { tx: self }
    }
}

impl KeyCredentials<'_> {
    /// The key with this id, of whatever tenant.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn find(self, id: ApiKeyId) -> Result<Option<StoredKey>, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, concat!("SELECT hash, ", columns!(), " FROM api_keys WHERE id = $1"), id)
            .optional()
            .await
    }

    /// Notes that a key was used, unless that was noted since a moment, and keeps its hash as it is made now.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn touch(self, id: ApiKeyId, since: Timestamp, hash: &str) -> Result<(), Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        platform_sql!(
            tx,
            "UPDATE api_keys SET last_used_at = $2, hash = $4
             WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)",
            id,
            now,
            since,
            hash
        )
        .execute()
        .await
        .map(drop)
    }

    /// Removes the keys that ended before this moment.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn remove_ended(self, before: Timestamp) -> Result<u64, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "DELETE FROM api_keys WHERE expires_at < $1 OR revoked_at < $1", before)
            .execute()
            .await
    }

    /// How many keys work.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn count(self) -> Result<i64, Error> {
        self.count_hashed("").await
    }

    /// How many keys that work have a hash which begins so.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn count_hashed(self, beginning: &str) -> Result<i64, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let (now, length) = (tx.now(), i64::try_from(beginning.len()).unwrap_or(i64::MAX));
        let count = platform_sql!(
            tx,
            "SELECT count(*) AS present FROM api_keys
             WHERE substr(hash, 1, CAST($1 AS INTEGER)) = $2 AND revoked_at IS NULL AND expires_at > $3",
            length,
            beginning,
            now
        );
        count.row().await?.get("present")
    }
}
