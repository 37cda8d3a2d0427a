//! Nodes with a cache, and what the database would hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alone;
mod nodes;

use super::{Cache, Space};
use crate::bus::{Bus, Owner, Tag, Touched};
use crate::redis::{Redis, RedisOptions};
use crate::testkit::{RedisCluster, RedisServer};
use mono_core::id::TenantId;
use mono_core::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use uuid::Uuid;

static PAGES: Space = Space {
    name: "pages",
    schema: 1,
    fresh: Duration::from_mins(5),
    stale: Duration::ZERO,
    negative: Duration::from_mins(5),
};

const TAGS: &[Tag] = &[Tag::ACCOUNTS, Tag::entity("team")];
const BYTES: u64 = 1 << 20;

fn tenant(number: u128) -> TenantId {
    TenantId::from(Uuid::from_u128(number))
}

fn touched(owner: Owner, tag: Tag) -> Touched {
    [(owner, tag)].into()
}

type Load = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, Error>> + Send>>;

/// What the database would hold, and how often it was asked.
#[derive(Default)]
struct Truth {
    value: AtomicU64,
    loads: AtomicU64,
}

impl Truth {
    fn load(self: &Arc<Self>) -> impl FnOnce() -> Load + use<> {
        let truth = Arc::clone(self);
        move || {
            Box::pin(async move {
                truth.loads.fetch_add(1, Ordering::SeqCst);
                let value = truth.value.load(Ordering::SeqCst).to_string();
                Ok(Some(value.into_bytes()))
            })
        }
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

struct Node {
    bus: Bus,
    cache: Cache,
}

impl Node {
    fn alone() -> Self {
        Self::over(Bus::in_memory())
    }

    fn over(bus: Bus) -> Self {
        Self { cache: Cache::new(&bus, BYTES), bus }
    }

    /// A patient one: a loaded machine answers late.
    async fn of(url: &str) -> Self {
        Self::with(url, Duration::from_secs(5)).await
    }

    async fn with(url: &str, timeout: Duration) -> Self {
        let mut options = RedisOptions::parse(url).unwrap();
        options.timeout = timeout;
        let node = Self::over(Bus::over(&Redis::connect(&options).await.unwrap()));
        node.until(true).await;
        node
    }

    /// Waits until others are heard, or no more.
    async fn until(&self, live: bool) {
        within(async {
            while self.bus.redis_state() != Some(live) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    async fn read(&self, owner: u128, truth: &Arc<Truth>) -> String {
        let value = self.cache.tenant(tenant(owner)).get(&PAGES, "1", TAGS, truth.load()).await;
        String::from_utf8(value.unwrap().unwrap().to_vec()).unwrap()
    }

    /// Changes the truth and tells it, as a commit does.
    async fn write(&self, owner: u128, truth: &Truth, value: u64) {
        truth.value.store(value, Ordering::SeqCst);
        self.bus.touch(touched(Some(tenant(owner)), Tag::ACCOUNTS)).await;
    }
}

/// The time of something that hangs, not of something slow.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), work).await.expect("it happens at all")
}

/// What an attempt gives, for a tenant of its own, in which no node has had to forget everything: a machine that stops a
/// node for seconds makes the others take it for lost, and then counts say nothing.
async fn undisturbed<T>(nodes: &[&Node], attempt: impl AsyncFn(u128) -> T) -> T {
    for owner in 1_001..1_020 {
        let stamps = nodes.iter().map(|node| node.bus.stamp([])).collect::<Vec<_>>();
        let result = attempt(owner).await;
        if nodes.iter().zip(&stamps).all(|(node, stamp)| node.bus.holds(stamp)) {
            return result;
        }
    }
    panic!("the nodes have no quiet moment");
}
