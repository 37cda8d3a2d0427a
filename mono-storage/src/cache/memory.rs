//! The layer in the process: a bounded map in which any number of misses cause one load.

use super::counters::Counters;
use crate::bus::{Bus, Owner, Stamp, Tag};
use mono_core::Error;
use quick_cache::sync::Cache as Map;
use quick_cache::{DefaultHashBuilder, Equivalent, Lifecycle, OptionsBuilder, Weighter};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long something is kept.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// As long it is given out as it is.
    pub fresh: Duration,
    /// As long again it is given out while it is loaded anew in the background.
    pub stale: Duration,
}

/// What a load gives.
pub struct Loaded<V> {
    /// The value.
    pub value: V,
    /// How long it is kept.
    pub lifetime: Lifetime,
    /// What it takes up, in bytes.
    pub weight: usize,
}

/// Values in the memory of the process, each of which holds until one of its tags is touched or its time is over. Cheap
/// to clone; all clones share the values.
pub struct Memory<K, V> {
    inner: Arc<Inner<K, V>>,
}

struct Inner<K, V> {
    map: Map<K, Cached<V>, Weight, DefaultHashBuilder, Evictions>,
    flights: Mutex<HashMap<K, Flight<V>>>,
    bus: Bus,
    counters: Arc<Counters>,
}

/// A value that a [`Memory`] has given out, shared by everybody who has it. It stays what it is, also where the memory
/// keeps it no longer. Cheap to clone.
pub struct Cached<V>(Arc<Kept<V>>);

/// What a hit looks at lies beside the value, with its count of references. A hit takes as long as the processor needs to
/// fetch this, so it is small.
struct Kept<V> {
    value: V,
    stamp: Stamp,
    fresh_until: u64,
    /// In milliseconds: 49 days at most.
    stale_for: u32,
    /// In bytes: what weighs 4 GiB or more is taken for 4 GiB.
    weight: u32,
}

impl<V> Clone for Cached<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> Deref for Cached<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.0.value
    }
}

impl<V: fmt::Debug> fmt::Debug for Cached<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(formatter)
    }
}

impl<V> Kept<V> {
    fn stale_until(&self) -> u64 {
        self.fresh_until.saturating_add(self.stale_for.into())
    }
}

/// A load that runs.
struct Flight<V> {
    stamp: Stamp,
    landed: watch::Receiver<Option<Result<Cached<V>, Arc<Error>>>>,
}

impl<V> Flight<V> {
    /// A load that has ended.
    fn of(value: Cached<V>) -> Self {
        let stamp = value.0.stamp.clone();
        Self { stamp, landed: watch::channel(Some(Ok(value))).1 }
    }
}

impl<V> Clone for Flight<V> {
    fn clone(&self) -> Self {
        Self { stamp: self.stamp.clone(), landed: self.landed.clone() }
    }
}

impl<K, V> Clone for Memory<K, V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K, V> Memory<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// A layer of a size in bytes. It is left out while changes of other nodes are not heard.
    pub fn new(bus: &Bus, capacity: u64) -> Self {
        let counters = Arc::<Counters>::default();
        // A guess; the tables grow. Larger ones than need be lie further from the processor. The builder refuses only where a
        // setting is missing.
        let items = usize::try_from(capacity / 4096).unwrap_or(usize::MAX).clamp(64, 1 << 20);
        let options = OptionsBuilder::new().estimated_items_capacity(items).weight_capacity(capacity).build();
        let evictions = Evictions(Arc::clone(&counters));
        let map = match options {
            Ok(options) => Map::with_options(options, Weight, DefaultHashBuilder::default(), evictions),
            Err(_) => Map::with(items, capacity, Weight, DefaultHashBuilder::default(), evictions),
        };
        let inner = Inner { map, flights: Mutex::default(), bus: bus.clone(), counters };
        Self { inner: Arc::new(inner) }
    }

    /// Gives the value of a key, or loads it; only then a key of its own is made. The load runs to its end even where nobody
    /// waits for it any more; its error is told to everybody who waits and is not kept.
    ///
    /// # Errors
    /// That of the load.
    pub async fn get_or_load<'t, Q, F>(
        &self,
        key: &Q,
        own: impl FnOnce(&Q) -> K + Send,
        tags: impl IntoIterator<Item = (Owner, &'t Tag)> + Send,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Cached<V>, Error>
    where
        Q: Hash + Equivalent<K> + Sync + ?Sized,
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        if let Some((value, is_fresh)) = self.inner.ask(key) {
            if !is_fresh {
                self.inner.fly(&own(key), tags, load);
            }
            return Ok(value);
        }
        let mut flight = self.inner.fly(&own(key), tags, load);
        let landed = flight.landed.wait_for(Option::is_some).await;
        match landed.as_deref().ok().and_then(Option::as_ref) {
            Some(Ok(value)) => Ok(value.clone()),
            Some(Err(error)) => Err(again(error)),
            None => Err(Error::internal("a load ended without an answer")),
        }
    }

    /// Gives the value of a key, where it is kept and holds.
    #[inline]
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<Cached<V>> {
        self.inner.ask(key).map(|(value, _)| value)
    }

    /// As [`get`](Self::get), for a fresh value. Who finds none asks on, and is counted then.
    #[inline]
    pub(super) fn get_fresh<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<Cached<V>> {
        let (value, _) = self.inner.find(key).filter(|(_, is_fresh)| *is_fresh)?;
        self.inner.counters.hit();
        Some(value)
    }

    /// What the layer has counted.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }
}

impl<K, V> Inner<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// The value, and whether it is fresh.
    #[inline]
    fn find<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<(Cached<V>, bool)> {
        if !self.bus.is_live() {
            return None;
        }
        let freshness = self.bus.freshness();
        let (now, cached) = (freshness.now(), self.map.get(key)?);
        let kept = &*cached.0;
        let holds = now < kept.stale_until() && freshness.holds(&kept.stamp);
        let is_fresh = now < kept.fresh_until;
        holds.then_some((cached, is_fresh))
    }

    /// As [`find`](Self::find), counted.
    #[inline]
    fn ask<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<(Cached<V>, bool)> {
        let found = self.find(key);
        if found.is_some() {
            self.counters.hit();
        } else if self.bus.is_live() {
            self.counters.miss();
        } else {
            self.counters.bypass();
        }
        found
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<K, Flight<V>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the load that runs, unless a tag was touched since it began: whoever asks now may have written since then.
    /// Otherwise begins one, in a task of its own; but not where one has ended since the caller looked.
    fn fly<'t, F>(
        self: &Arc<Self>,
        key: &K,
        tags: impl IntoIterator<Item = (Owner, &'t Tag)>,
        load: impl FnOnce() -> F,
    ) -> Flight<V>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let mut flights = self.flights();
        if let Some(flight) = flights.get(key)
            && self.bus.freshness().holds(&flight.stamp)
        {
            return flight.clone();
        }
        // What a load gives is kept before its flight is taken away.
        if let Some((value, true)) = self.find(key) {
            return Flight::of(value);
        }
        // Before the load: what is written while it runs, it may have missed.
        let stamp = self.bus.freshness().stamp(tags);
        let (sender, landed) = watch::channel(None);
        let flight = Flight { stamp, landed };
        flights.insert(key.clone(), flight.clone());
        drop(flights);
        self.counters.load();
        let landed = flight.landed.clone();
        let (landing, load) = (Landing { inner: Arc::clone(self), key: key.clone(), sender, landed }, load());
        let stamp = flight.stamp.clone();
        tokio::spawn(async move {
            let result = load.await;
            landing.land(stamp, result);
        });
        flight
    }

    /// Keeps what was loaded, unless it was changed meanwhile: then it is only for those who wait.
    fn keep(&self, key: K, stamp: Stamp, loaded: Loaded<V>) -> Cached<V> {
        let freshness = self.bus.freshness();
        let holds = self.bus.is_live() && freshness.holds(&stamp);
        let fresh = u64::try_from(loaded.lifetime.fresh.as_millis()).unwrap_or(u64::MAX);
        let stale_for = u32::try_from(loaded.lifetime.stale.as_millis()).unwrap_or(u32::MAX);
        // A weight of nothing would never be dropped.
        let weight = u32::try_from(loaded.weight).unwrap_or(u32::MAX).saturating_add(128);
        let fresh_until = freshness.now().saturating_add(fresh);
        let cached = Cached(Arc::new(Kept { value: loaded.value, stamp, fresh_until, stale_for, weight }));
        if holds {
            self.map.insert(key, cached.clone());
        }
        cached
    }
}

/// Ends a load for those who wait, however it ends.
struct Landing<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    inner: Arc<Inner<K, V>>,
    key: K,
    sender: watch::Sender<Option<Result<Cached<V>, Arc<Error>>>>,
    landed: watch::Receiver<Option<Result<Cached<V>, Arc<Error>>>>,
}

impl<K, V> Landing<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn land(self, stamp: Stamp, result: Result<Loaded<V>, Error>) {
        let answer = result.map_err(Arc::new);
        let answer = answer.map(|loaded| self.inner.keep(self.key.clone(), stamp, loaded));
        if let Err(error) = &answer
            && !self.is_awaited()
        {
            tracing::warn!("a load failed in the background: {error}");
        }
        self.sender.send_replace(Some(answer));
    }

    /// Whether somebody waits: beside this and the list of loads.
    fn is_awaited(&self) -> bool {
        self.sender.receiver_count() > 2
    }
}

impl<K, V> Drop for Landing<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn drop(&mut self) {
        let mut flights = self.inner.flights();
        // A younger load may have taken the place.
        if flights.get(&self.key).is_some_and(|flight| flight.landed.same_channel(&self.landed)) {
            flights.remove(&self.key);
        }
    }
}

/// An error that several waiters of one load are given; it is told again for each.
fn again(error: &Arc<Error>) -> Error {
    let again = Error::new(error.kind(), error.code().to_owned(), error.message());
    let again = match error.details() {
        Some(details) => again.with_details(details.clone()),
        None => again,
    };
    again.with_source(Arc::clone(error))
}

#[derive(Clone)]
struct Weight;

impl<K, V> Weighter<K, Cached<V>> for Weight {
    fn weight(&self, _: &K, cached: &Cached<V>) -> u64 {
        cached.0.weight.into()
    }
}

#[derive(Clone)]
struct Evictions(Arc<Counters>);

impl<K, V> Lifecycle<K, V> for Evictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: K, _: V) {
        self.0.eviction();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::Handle;
    use tokio::task::block_in_place;

    async fn load() -> Result<Loaded<u8>, Error> {
        let lifetime = Lifetime { fresh: Duration::from_mins(5), stale: Duration::ZERO };
        Ok(Loaded { value: 7, lifetime, weight: 1 })
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_found_nothing_and_is_late_for_the_load_loads_nothing() {
        let memory = Memory::<u8, u8>::new(&Bus::in_memory(), 1 << 20);
        // Between the look and the load, somebody else's load begins and ends.
        let own = |key: &u8| {
            let other = memory.get_or_load(key, |key| *key, [], load);
            block_in_place(|| Handle::current().block_on(other)).map(|_| *key).unwrap_or_default()
        };
        let value = memory.get_or_load(&1, own, [], load).await;
        assert_eq!(value.ok().as_deref(), Some(&7));
        assert_eq!(memory.counters().read().loads, 1);
    }
}
