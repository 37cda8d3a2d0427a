//! The way round Redis: a node that cannot reach it goes on writing, and others that can must not keep what it changed.

use super::{LOOK, Touched};
use crate::db::Database;
use mono_core::Error;
use std::collections::HashSet;
use uuid::Uuid;

/// Leaves in the database what Redis cannot be told, and heeds what others have left there, once a second.
pub(super) async fn exchange(database: Database) {
    let Some(node) = database.bus().node() else { return };
    let mut exchange = Exchange { database, node, heeded: HashSet::new() };
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = exchange.look().await {
            tracing::warn!("changes that Redis was not told wait, the database does not take them: {error}");
        }
    }
}

struct Exchange {
    database: Database,
    node: Uuid,
    /// The rows that were heeded and are still there.
    heeded: HashSet<Uuid>,
}

impl Exchange {
    async fn look(&mut self) -> Result<(), Error> {
        let bus = self.database.bus().clone();
        let unleft = bus.take_unleft();
        if !unleft.is_empty()
            && let Err(error) = self.database.leave_changes(self.node, &unleft).await
        {
            bus.put_back(unleft);
            return Err(error);
        }
        let left = self.database.left_changes(self.node).await?;
        let new = left.iter().filter(|(id, _)| !self.heeded.contains(id));
        let new = new.flat_map(|(_, touched)| touched.iter().cloned()).collect::<Touched>();
        bus.heed(new).await;
        self.heeded = left.into_iter().map(|(id, _)| id).collect();
        Ok(())
    }
}
