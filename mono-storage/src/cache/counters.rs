//! What a layer of the cache counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one layer since the start.
#[derive(Debug, Default)]
pub struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    loads: AtomicU64,
    evictions: AtomicU64,
    bypasses: AtomicU64,
}

/// The counts of one layer at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerCounts {
    /// Answers from the layer.
    pub hits: u64,
    /// Questions that the layer could not answer.
    pub misses: u64,
    /// How often the layer had something loaded: any number of misses at once cause one.
    pub loads: u64,
    /// Entries that were dropped to make room.
    pub evictions: u64,
    /// Questions for which the layer was left out: nobody would have told it of changes, or Redis was away.
    pub bypasses: u64,
}

impl Counters {
    /// An answer from the layer.
    pub fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// A question that the layer could not answer.
    pub fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Something is loaded.
    pub fn load(&self) {
        self.loads.fetch_add(1, Ordering::Relaxed);
    }

    /// An entry was dropped to make room.
    pub fn eviction(&self) {
        self.evictions.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn bypass(&self) {
        self.bypasses.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts at this moment.
    pub fn read(&self) -> LayerCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LayerCounts {
            hits: read(&self.hits),
            misses: read(&self.misses),
            loads: read(&self.loads),
            evictions: read(&self.evictions),
            bypasses: read(&self.bypasses),
        }
    }
}
