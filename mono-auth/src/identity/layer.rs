//! What is kept for a moment, and not after a change.

use super::STALE_FOR;
use moka::Expiry;
use moka::future::Cache;
use moka::notification::RemovalCause;
use mono_core::Error;
use mono_storage::bus::{Bus, Stamp};
use mono_storage::cache::{Counters, LayerCounts};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What was loaded.
#[derive(Clone)]
pub(super) struct Kept<V> {
    /// The state of its tags from before the load. Some are found only in it, so that storage's own cache, which wants to
    /// know them before, does not serve here.
    pub(super) stamp: Stamp,
    pub(super) value: V,
    /// About how many bytes it takes up.
    pub(super) weight: u32,
}

/// Counts the time of what is kept from the begin of its load: as old it is when it is put in.
struct SinceItsLoad;

impl SinceItsLoad {
    fn left(began: Instant, now: Instant) -> Duration {
        STALE_FOR.saturating_sub(now.saturating_duration_since(began))
    }
}

impl<K, V> Expiry<K, (Instant, V)> for SinceItsLoad {
    fn expire_after_create(&self, _: &K, kept: &(Instant, V), now: Instant) -> Option<Duration> {
        Some(Self::left(kept.0, now))
    }

    fn expire_after_update(
        &self,
        _: &K,
        kept: &(Instant, V),
        now: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(Self::left(kept.0, now))
    }
}

/// Values that are kept, and how often they were there.
#[derive(Clone)]
pub(super) struct Layer<K, V> {
    /// With the moment when the load began.
    kept: Cache<K, (Instant, Kept<V>)>,
    bus: Bus,
    counters: Arc<Counters>,
}

impl<K, V> Layer<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A layer of a size in bytes.
    pub(super) fn new(bus: &Bus, capacity: u64) -> Self {
        let counters = Arc::<Counters>::default();
        let evictions = Arc::clone(&counters);
        let kept = Cache::builder()
            .max_capacity(capacity)
            .weigher(|_, (_, kept): &(Instant, Kept<V>)| kept.weight)
            .expire_after(SinceItsLoad)
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    evictions.eviction();
                }
            })
            .build();
        Self { kept, bus: bus.clone(), counters }
    }

    /// Gives what is kept or loads it; what was changed since it was loaded is loaded again.
    pub(super) async fn get<F>(&self, key: K, load: impl Fn() -> F) -> Result<V, Error>
    where
        F: Future<Output = Result<Kept<V>, Error>>,
    {
        let found = self.kept.get(&key).await;
        let was_kept = found.is_some();
        if let Some((_, kept)) = found.filter(|(_, kept)| self.bus.holds(&kept.stamp)) {
            self.counters.hit();
            return Ok(kept.value);
        }
        self.counters.miss();
        let load = move || {
            let (began, load) = (Instant::now(), load());
            // On the heap: nearly always it is there, and nothing is made ready for a load.
            Box::pin(async move {
                self.counters.load();
                load.await.map(|kept| (began, kept))
            })
        };
        if !was_kept {
            let (_, kept) = self.kept.try_get_with(key.clone(), load()).await.map_err(shared)?;
            if self.bus.holds(&kept.stamp) {
                return Ok(kept.value);
            }
        }
        // Also where the load of somebody else was joined, which had begun before the change.
        self.kept.invalidate(&key).await;
        let (_, kept) = self.kept.try_get_with(key, load()).await.map_err(shared)?;
        Ok(kept.value)
    }

    pub(super) fn forget(&self) {
        self.kept.invalidate_all();
    }

    pub(super) fn counts(&self) -> LayerCounts {
        self.counters.read()
    }
}

/// An error that several waiters of one load are given; it is told again for each.
fn shared(error: Arc<Error>) -> Error {
    let again = Error::new(error.kind(), error.code().to_owned(), error.message());
    let again = match error.details() {
        Some(details) => again.with_details(details.clone()),
        None => again,
    };
    again.with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mono_storage::bus::Tag;
    use tokio::sync::Barrier;

    fn layer(capacity: u64) -> Layer<u32, u32> {
        Layer::new(&Bus::in_memory(), capacity)
    }

    async fn get(layer: &Layer<u32, u32>, key: u32) -> u32 {
        let load = || async {
            let stamp = layer.bus.stamp([(None, &Tag::RIGHTS)]);
            tokio::task::yield_now().await;
            Ok(Kept { stamp, value: key, weight: 10 })
        };
        layer.get(key, load).await.unwrap()
    }

    #[tokio::test]
    async fn hits_misses_and_loads_are_counted() {
        let layer = layer(1000);
        assert_eq!((get(&layer, 1).await, get(&layer, 1).await), (1, 1));
        layer.bus.changed(None, Tag::RIGHTS).await;
        get(&layer, 1).await;
        let counts = layer.counts();
        assert_eq!((counts.hits, counts.misses, counts.loads, counts.evictions), (1, 2, 2, 0));
    }

    #[tokio::test]
    async fn any_number_of_misses_at_once_cause_one_load() {
        let layer = layer(1000);
        let start = Arc::new(Barrier::new(50));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (layer, start) = (layer.clone(), Arc::clone(&start));
            tasks.spawn(async move {
                start.wait().await;
                get(&layer, 1).await
            });
        }
        assert_eq!(tasks.join_all().await, [1; 50]);
        let counts = layer.counts();
        assert_eq!((counts.loads, counts.hits + counts.misses), (1, 50));
    }

    #[test]
    fn the_time_of_a_load_counts() {
        let began = Instant::now();
        let left = |seconds| {
            let now = began + Duration::from_secs(seconds);
            let left = SinceItsLoad.expire_after_create(&(), &(began, ()), now);
            assert_eq!(left, SinceItsLoad.expire_after_update(&(), &(began, ()), now, Some(STALE_FOR)));
            left.unwrap().as_millis()
        };
        assert_eq!([0, 1, 9].map(left), [2500, 1500, 0]);
    }

    #[tokio::test]
    async fn no_more_is_kept_than_there_is_room_for() {
        let layer = layer(1000);
        for key in 0..500 {
            get(&layer, key).await;
        }
        layer.kept.run_pending_tasks().await;
        assert!(layer.kept.weighted_size() <= 1000, "{}", layer.kept.weighted_size());
        assert!(layer.counts().evictions >= 400, "{:?}", layer.counts());
    }
}
