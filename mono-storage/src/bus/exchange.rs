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
    /// The rows that were heeded as a whole and are still there.
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
        let failed = bus.heed(new).await;
        let heeded = left.into_iter().filter(|(_, touched)| touched.is_disjoint(&failed));
        self.heeded = heeded.map(|(id, _)| id).collect();
        Ok(())
    }
}

#[cfg(all(test, feature = "redis", feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::bus::Tag;
    use crate::redis::{Redis, RedisOptions, tag_key};
    use crate::testkit::{Backend, RedisServer, TestDatabase};
    use mono_core::id::TenantId;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_redis_does_not_take_is_heeded_again() {
        let Some(server) = RedisServer::start() else { return };
        let test = TestDatabase::create(Backend::Sqlite).await.unwrap();
        let mut options = RedisOptions::parse(&server.url()).unwrap();
        options.timeout = Duration::from_secs(5);
        let database = test.database.clone().with_redis(&Redis::connect(&options).await.unwrap());
        let node = database.bus().node().unwrap();
        let mut exchange = Exchange { database, node, heeded: HashSet::new() };
        let tenants = [1, 2].map(|number| Some(TenantId::from_u128(number)));
        for tenant in tenants {
            let changes = [(tenant, Tag::ACCOUNTS)].into();
            exchange.database.leave_changes(Uuid::from_u128(7), &changes).await.unwrap();
        }
        let versions = || tenants.map(|tenant| server.command(&["GET", &tag_key(tenant, &Tag::ACCOUNTS)]));
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        exchange.look().await.unwrap();
        assert_eq!((versions(), exchange.heeded.len()), ([String::new(), String::new()], 0));
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        let heeded = async {
            while versions().iter().any(String::is_empty) {
                exchange.look().await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), heeded).await.expect("it is not given up");
        exchange.look().await.unwrap();
        assert_eq!(exchange.heeded.len(), 2);
        let heeded = versions();
        exchange.look().await.unwrap();
        assert_eq!(versions(), heeded, "and once is enough");
    }
}
