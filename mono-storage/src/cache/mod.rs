//! Values that are loaded once and given out many times: from the memory of the process, then from Redis, then from
//! their load.
//!
//! ```
//! use mono_storage::bus::{Bus, Tag};
//! use mono_storage::cache::{Cache, Space};
//! use std::time::Duration;
//!
//! static GREETINGS: Space = Space {
//!     name: "greetings",
//!     schema: 1,
//!     fresh: Duration::from_secs(300),
//!     stale: Duration::from_secs(60),
//!     negative: Duration::from_secs(10),
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mono_core::Error> {
//! # let tenant = mono_core::id::TenantId::from(mono_core::id::Uuid::nil());
//! let cache = Cache::new(&Bus::in_memory(), 64 << 20);
//! let load = || async { Ok(Some(b"hello".to_vec())) };
//! let greeting = cache.tenant(tenant).get(&GREETINGS, "en", &[Tag::entity("greeting")], load).await?;
//! assert_eq!(greeting.as_deref(), Some(b"hello".as_slice()));
//! # Ok(())
//! # }
//! ```

mod counters;
mod key;
mod memory;
mod serialised;
#[cfg(feature = "redis")]
mod shared;
#[cfg(all(test, feature = "redis"))]
mod tests;

pub use counters::{Counters, LayerCounts};
pub use key::Space;
pub use memory::{Cached, Lifetime, Loaded, Memory};
pub use serialised::{Digest, Serialised, digest};

use crate::bus::{Bus, Owner, Tag};
use key::{Key, Sought};
use mono_core::Error;
use mono_core::id::TenantId;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// How long the memory of a process keeps a value at most, and gives it out as long again while it is loaded anew: so long
/// it may be wrong where a node could not tell of a change.
const LONGEST_IN_PROCESS: Duration = Duration::from_secs(30);

/// A value: bytes, shared by everybody who has it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bytes(Cached<Value>);

/// Bytes, or that there is nothing.
type Value = Option<Box<[u8]>>;

impl Bytes {
    fn of(cached: Cached<Value>) -> Option<Self> {
        cached.is_some().then_some(Self(cached))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

/// A cache of bytes in two layers. Cheap to clone; all clones share the values.
#[derive(Clone)]
pub struct Cache {
    memory: Memory<Key, Value>,
    #[cfg(feature = "redis")]
    bus: Bus,
    redis: Arc<Counters>,
}

/// The values of one tenant, or of the platform.
pub struct OwnedCache<'c> {
    cache: &'c Cache,
    owner: Owner,
}

impl Cache {
    /// A cache that keeps so many bytes in the memory of the process, and shares them through Redis where the link between
    /// the nodes has one.
    pub fn new(bus: &Bus, bytes: u64) -> Self {
        Self {
            memory: Memory::new(bus, bytes),
            #[cfg(feature = "redis")]
            bus: bus.clone(),
            redis: Arc::default(),
        }
    }

    /// The values of a tenant.
    pub const fn tenant(&self, tenant: TenantId) -> OwnedCache<'_> {
        OwnedCache { cache: self, owner: Some(tenant) }
    }

    /// The values that belong to no tenant.
    pub const fn platform(&self) -> OwnedCache<'_> {
        OwnedCache { cache: self, owner: None }
    }

    /// What the layers have counted: in process, and in Redis.
    pub fn counts(&self) -> (LayerCounts, LayerCounts) {
        (self.memory.counters().read(), self.redis.read())
    }
}

impl OwnedCache<'_> {
    /// Gives a value, or loads it. The value holds until one of the tags of its owner is touched. The load reads where
    /// everything that was committed is seen, so never from a replica, and not before it is polled; `None` says that there is
    /// nothing.
    ///
    /// # Errors
    /// That of the load.
    pub async fn get<F>(
        &self,
        space: &'static Space,
        id: &str,
        tags: &[Tag],
        load: impl FnOnce() -> F + Send,
    ) -> Result<Option<Bytes>, Error>
    where
        F: Future<Output = Result<Option<Vec<u8>>, Error>> + Send + 'static,
    {
        let sought = Sought::new(self.owner, space, id);
        // Nearly always it is there: nothing is made ready for a load.
        if let Some(value) = self.cache.memory.get_fresh(&sought) {
            return Ok(Bytes::of(value));
        }
        let owned = tags.iter().map(|tag| (self.owner, tag));
        let load = || {
            let load = load();
            let (cache, key, tags) = (self.cache.clone(), sought.to_key(), tags.to_vec());
            async move { cache.load(key, tags, load).await }
        };
        self.cache.memory.get_or_load(&sought, |sought| sought.to_key(), owned, load).await.map(Bytes::of)
    }
}

impl Cache {
    /// Asks Redis, and then the load.
    async fn load(
        self,
        key: Key,
        tags: Vec<Tag>,
        load: impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send,
    ) -> Result<Loaded<Value>, Error> {
        #[cfg(feature = "redis")]
        if self.bus.is_shared() {
            let (value, left) = self.load_shared(&key, &tags, load).await?;
            let lifetime = lifetime(key.space, value.is_none());
            return Ok(loaded(&key, value, Lifetime { fresh: lifetime.fresh.min(left), ..lifetime }));
        }
        let _ = tags;
        let value = load.await?;
        let lifetime = lifetime(key.space, value.is_none());
        Ok(loaded(&key, value, lifetime))
    }
}

fn loaded(key: &Key, value: Option<Vec<u8>>, lifetime: Lifetime) -> Loaded<Value> {
    let weight = key.weight() + value.as_ref().map_or(0, Vec::len);
    Loaded { value: value.map(Vec::into_boxed_slice), lifetime, weight }
}

/// How long the process keeps a value. What was loaded at one time does not end at one time.
fn lifetime(space: &Space, is_nothing: bool) -> Lifetime {
    let fresh = jitter(if is_nothing { space.negative } else { space.fresh }).min(jitter(LONGEST_IN_PROCESS));
    let stale = if is_nothing { Duration::ZERO } else { space.stale.min(LONGEST_IN_PROCESS) };
    Lifetime { fresh, stale }
}

/// A tenth shorter at most.
fn jitter(duration: Duration) -> Duration {
    duration.mul_f64(rand::random_range(0.9..=1.0))
}
