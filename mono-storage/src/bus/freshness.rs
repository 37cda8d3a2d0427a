//! Whether what is kept in memory still holds.

use super::tag::{Owner, Tag};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// How many counters there are; 512 KiB. Two tags that share one are told of each other's changes, which costs a load.
const SLOTS: usize = 1 + u16::MAX as usize;

/// Counts, for each tag, how often it was touched. No tag is ever forgotten: a counter stands for many.
pub(crate) struct Freshness {
    counters: Box<[AtomicU64]>,
    hasher: RandomState,
    /// Raised where changes may have been missed: nothing from before holds.
    epoch: AtomicU64,
    /// Whether changes of other nodes are heard.
    live: AtomicBool,
    start: Instant,
    /// Milliseconds since the start, as of the last tick: reading a clock costs as much as the rest of a hit.
    now: AtomicU64,
}

/// The state of some tags at a moment. Taken before something is loaded, it tells later whether that still holds.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// The epoch and the counters, added up. Each of them only grows, so the sum is the same only where all of them are.
    sum: u64,
    slots: Slots,
}

/// The counters of some tags. Few lie in the stamp itself, so that what is kept with it lies in one place and is small.
#[derive(Debug, Clone, Default)]
struct Slots {
    /// A place that is not taken names the counter that never counts: nothing asks which are taken.
    few: [u16; 4],
    more: Option<Box<Slots>>,
}

/// The counter that never counts.
const NEVER: u16 = 0;

impl Slots {
    fn push(&mut self, slot: u16) {
        match self.few.iter_mut().find(|place| **place == NEVER) {
            Some(place) => *place = slot,
            None => self.more.get_or_insert_default().push(slot),
        }
    }
}

impl Freshness {
    pub(crate) fn new(live: bool) -> Self {
        Self {
            counters: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            epoch: AtomicU64::new(0),
            live: AtomicBool::new(live),
            start: Instant::now(),
            now: AtomicU64::new(0),
        }
    }

    fn slot(&self, owner: Owner, tag: &Tag) -> u16 {
        let [first, second, ..] = self.hasher.hash_one((owner, tag.as_str())).to_ne_bytes();
        u16::from_ne_bytes([first, second]).max(NEVER + 1)
    }

    fn counter(&self, slot: u16) -> Option<&AtomicU64> {
        self.counters.get(usize::from(slot))
    }

    fn count(&self, slot: u16) -> u64 {
        self.counter(slot).map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    /// What some counters say, added up.
    fn sum(&self, slots: &Slots) -> u64 {
        let few = slots.few.iter().fold(0_u64, |sum, slot| sum.wrapping_add(self.count(*slot)));
        slots.more.as_ref().map_or(few, |more| few.wrapping_add(self.sum(more)))
    }

    pub(crate) fn stamp<'t>(&self, tags: impl IntoIterator<Item = (Owner, &'t Tag)>) -> Stamp {
        let epoch = self.epoch.load(Ordering::Acquire);
        self.widen(Stamp { sum: epoch, slots: Slots::default() }, tags)
    }

    pub(crate) fn widen<'t>(
        &self,
        mut stamp: Stamp,
        tags: impl IntoIterator<Item = (Owner, &'t Tag)>,
    ) -> Stamp {
        for (owner, tag) in tags {
            let slot = self.slot(owner, tag);
            stamp.sum = stamp.sum.wrapping_add(self.count(slot));
            stamp.slots.push(slot);
        }
        stamp
    }

    pub(crate) fn holds(&self, stamp: &Stamp) -> bool {
        self.epoch.load(Ordering::Acquire).wrapping_add(self.sum(&stamp.slots)) == stamp.sum
    }

    pub(crate) fn touch<'t>(&self, tags: impl IntoIterator<Item = (Owner, &'t Tag)>) {
        for (owner, tag) in tags {
            if let Some(counter) = self.counter(self.slot(owner, tag)) {
                counter.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    /// Nothing that is kept holds any more.
    pub(crate) fn next_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    /// Says whether changes of other nodes are heard from now on. Nothing from before holds.
    #[cfg(feature = "redis")]
    pub(crate) fn set_live(&self, live: bool) {
        self.next_epoch();
        self.live.store(live, Ordering::Release);
    }

    /// Milliseconds since the start, a tick late at most.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn tick(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now.store(now, Ordering::Relaxed);
    }
}
