//! What a node changed and could not tell through Redis: left in the database for the others.

use crate::bus::Touched;
use crate::db::Database;
use crate::platform_sql;
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use std::time::Duration;
use uuid::Uuid;

/// How long a row is kept: every node looks once a second.
const KEPT: Duration = Duration::from_mins(1);

impl Database {
    /// Leaves what a node changed, and removes what everybody has read.
    pub(crate) async fn leave_changes(&self, node: Uuid, changes: &Touched) -> Result<(), Error> {
        let system = Caller::system(SystemReason::Events);
        let mut tx = self.platform(&system).write().await?;
        let (id, now) = (Uuid::from(tx.new_id::<mono_core::id::EventId>()), tx.now());
        platform_sql!(tx, "DELETE FROM untold_changes WHERE created_at < $1", now - KEPT).execute().await?;
        platform_sql!(
            tx,
            "INSERT INTO untold_changes (id, node, changes, created_at) VALUES ($1, $2, $3, $4)",
            id,
            node,
            serde_json::to_value(changes).map_err(Error::internal)?,
            now
        )
        .execute()
        .await?;
        tx.commit().await
    }

    /// What other nodes have left, with the ids of the rows.
    pub(crate) async fn left_changes(&self, node: Uuid) -> Result<Vec<(Uuid, Touched)>, Error> {
        let system = Caller::system(SystemReason::Events);
        let mut tx = self.platform(&system).read().await?;
        let rows = platform_sql!(tx, "SELECT id, changes FROM untold_changes WHERE node <> $1", node);
        let rows = rows.rows().await?;
        let read = |value| serde_json::from_value(value).map_err(Error::internal);
        rows.iter().map(|row| Ok((row.get("id")?, read(row.get("changes")?)?))).collect()
    }
}
