//! Sessions: the truth about who is signed in.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::id::{SessionId, UserId};
use mono_core::model::session::Session;
use mono_core::time::Timestamp;

impl FromRow for Session {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            user_id: row.get("user_id")?,
            expires_at: row.get("expires_at")?,
            revoked_at: row.get_optional("revoked_at")?,
        })
    }
}

/// The sessions of the platform. Only authentication itself reaches them.
pub struct Sessions<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The sessions of the platform.
    pub const fn sessions(&mut self) -> Sessions<'_> {
        Sessions { tx: self }
    }
}

impl Sessions<'_> {
    /// Opens a session for a person who has proven who they are.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn open(self, user: UserId, expires_at: Timestamp) -> Result<Session, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let (id, now) = (tx.new_id::<SessionId>(), tx.now());
        platform_sql!(
            tx,
            "INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)
             RETURNING id, user_id, expires_at, revoked_at",
            id,
            user,
            now,
            expires_at
        )
        .one()
        .await
    }

    /// The session with this id.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn find(self, id: SessionId) -> Result<Option<Session>, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "SELECT id, user_id, expires_at, revoked_at FROM sessions WHERE id = $1", id)
            .optional()
            .await
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn revoke_all(self, user: UserId) -> Result<u64, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        platform_sql!(
            tx,
            "UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL",
            user,
            now
        )
        .execute()
        .await
    }
}
