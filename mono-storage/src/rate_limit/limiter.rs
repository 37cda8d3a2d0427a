//! The limiter of a server.

use super::{Client, MemoryLimiter, Verdict};
use mono_core::rate_limit::Limit;
use mono_core::time::Timestamp;
use std::sync::Arc;

/// Counts calls. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct RateLimiter(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// Apart from the others: anybody can call from many networks, and must not take the places of those who are known.
    strangers: MemoryLimiter,
    known: MemoryLimiter,
}

impl RateLimiter {
    /// How many clients a server remembers of each kind: up to 20 MB where all of them call at once.
    pub const CLIENTS: usize = 100_000;

    /// A limiter of one process alone.
    pub fn local(clients: usize) -> Self {
        Self(Arc::new(Parts { strangers: MemoryLimiter::new(clients), known: MemoryLimiter::new(clients) }))
    }

    /// Counts a call under all limits, or under none where one of them is used up. `None` where there is no limit.
    #[allow(clippy::unused_async, reason = "it asks Redis where there is one")]
    pub async fn take(&self, client: &Client, limits: &[Limit], now: Timestamp) -> Option<Verdict> {
        self.memory(client).take(client, limits, now)
    }

    fn memory(&self, client: &Client) -> &MemoryLimiter {
        if client.user.is_none() && client.key.is_none() { &self.0.strangers } else { &self.0.known }
    }
}
