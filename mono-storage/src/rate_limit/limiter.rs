//! The limiter of a server.

#[cfg(feature = "redis")]
use super::redis::RedisLimiter;
use super::{Client, MemoryLimiter, Verdict};
#[cfg(feature = "redis")]
use crate::redis::Redis;
use mono_core::rate_limit::Limit;
use mono_core::time::Timestamp;
use std::sync::Arc;

/// Counts calls: by itself, or together with the other nodes where there is a Redis. Cheap to clone; all clones count
/// together.
#[derive(Debug, Clone)]
pub struct RateLimiter(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// Apart from the others: anybody can call from many networks, and must not take the places of those who are known.
    strangers: MemoryLimiter,
    known: MemoryLimiter,
    #[cfg(feature = "redis")]
    shared: Option<RedisLimiter>,
}

/// How often a node says that it is there.
#[cfg(feature = "redis")]
const ANNOUNCE_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

impl RateLimiter {
    /// How many clients a server remembers of each kind; [`MemoryLimiter::new`] tells what they take.
    pub const CLIENTS: usize = 100_000;

    /// A limiter of one process alone.
    pub fn local(clients: usize) -> Self {
        Self(Arc::new(Parts {
            strangers: MemoryLimiter::new(clients),
            known: MemoryLimiter::new(clients),
            #[cfg(feature = "redis")]
            shared: None,
        }))
    }

    /// A limiter of all nodes that use the Redis. Where it is away, each counts by itself what is then its share: the
    /// limit by the number of nodes that were there last. They are told apart by chance.
    #[cfg(feature = "redis")]
    pub fn shared(clients: usize, redis: Redis, random: &dyn mono_core::id::Random) -> Self {
        let parts = Arc::new(Parts {
            strangers: MemoryLimiter::new(clients),
            known: MemoryLimiter::new(clients),
            shared: Some(RedisLimiter::new(redis, random)),
        });
        let node = Arc::downgrade(&parts);
        tokio::spawn(async move {
            while let Some(parts) = node.upgrade() {
                if let Some(shared) = &parts.shared {
                    shared.announce().await;
                }
                drop(parts);
                tokio::time::sleep(ANNOUNCE_EVERY).await;
            }
        });
        Self(parts)
    }

    /// Counts a call under all limits, or under none where one of them is used up. `None` where there is no limit.
    #[allow(clippy::unused_async, reason = "it asks Redis where there is one")]
    pub async fn take(&self, client: &Client, limits: &[Limit], now: Timestamp) -> Option<Verdict> {
        #[cfg(feature = "redis")]
        if let Some(shared) = &self.0.shared {
            return self.take_shared(shared, client, limits, now).await;
        }
        self.memory(client).take(client, limits, now)
    }

    #[cfg(feature = "redis")]
    async fn take_shared(
        &self,
        shared: &RedisLimiter,
        client: &Client,
        limits: &[Limit],
        now: Timestamp,
    ) -> Option<Verdict> {
        let memory = self.memory(client);
        let local: Vec<Limit> = limits.iter().filter(|limit| limit.local).cloned().collect();
        let here = memory.look(client, &local, now).filter(|verdict| !verdict.admitted);
        match shared.take(client, limits, here.is_none()).await {
            Ok(there) => {
                let verdict = there.into_iter().chain(here).reduce(Verdict::tighter)?;
                if verdict.admitted {
                    // For the moment at which Redis goes away.
                    memory.note(client, limits, now);
                }
                Some(verdict)
            }
            Err(_away) => memory.take_share(client, limits, shared.nodes(), now),
        }
    }

    /// How many nodes count together, as far as is known.
    pub fn nodes(&self) -> u32 {
        #[cfg(feature = "redis")]
        if let Some(shared) = &self.0.shared {
            return shared.nodes();
        }
        1
    }

    fn memory(&self, client: &Client) -> &MemoryLimiter {
        if client.user.is_none() && client.key.is_none() { &self.0.strangers } else { &self.0.known }
    }
}
