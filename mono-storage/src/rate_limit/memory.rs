//! The limiter of one process.

use super::window::Window;
use super::{Client, Verdict};
use mono_core::rate_limit::Limit;
use mono_core::time::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// Counts the calls of this process. Its memory is bounded by a number of clients.
///
/// Where all places are taken by clients whose calls still count, those who come new are counted together, and who gets
/// a place then begins with what they had used together: too little may be let through then, never too much.
#[derive(Debug)]
pub struct MemoryLimiter {
    shards: Vec<Mutex<Shard>>,
    /// The most clients of one shard.
    places: usize,
    // Keyed by chance, so that nobody can choose clients that fall together.
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    clients: HashMap<Hashed, Windows, BuildHasherDefault<Same>>,
    /// The calls of those for whom there was no place.
    others: Windows,
    /// No client leaves before: so long it is not worth looking.
    none_leaves_before: u64,
}

/// The windows of one client, by the name of the limit and how it counts. Few: a call counts under two or three.
type Windows = Vec<(Arc<str>, Window)>;

/// A client with its hash, which chooses the shard and the place in it.
#[derive(Debug, PartialEq, Eq)]
struct Hashed(u64, Client);

impl Hash for Hashed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Takes a hash as it is.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    // Only hashes are written.
    fn write(&mut self, _: &[u8]) {}
}

impl MemoryLimiter {
    /// A limiter that remembers as many clients. A hundred thousand take up to 46 MB under two limits above 64 each, and
    /// up to 97 MB under one of 64.
    pub fn new(clients: usize) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            places: clients.div_ceil(SHARDS).max(1),
            hasher: RandomState::new(),
        }
    }

    /// Counts a call under all limits, or under none where one of them is used up. `None` where there is no limit.
    pub fn take(&self, client: &Client, limits: &[Limit], now: Timestamp) -> Option<Verdict> {
        self.take_share(client, limits, 1, now)
    }

    /// The same, where this process is one of several that cannot speak with each other: each lets its share through.
    pub(crate) fn take_share(
        &self,
        client: &Client,
        limits: &[Limit],
        nodes: u32,
        now: Timestamp,
    ) -> Option<Verdict> {
        self.with(client, limits, micros(now), |windows, now| {
            let verdict = look(windows, limits, nodes, now)?;
            if verdict.admitted {
                add(windows, limits, now);
            }
            Some(verdict)
        })
    }

    /// What [`take`](Self::take) would answer; nothing is counted.
    pub fn look(&self, client: &Client, limits: &[Limit], now: Timestamp) -> Option<Verdict> {
        self.with(client, limits, micros(now), |windows, now| look(windows, limits, 1, now))
    }

    /// Counts a call that somebody else let through.
    pub fn note(&self, client: &Client, limits: &[Limit], now: Timestamp) {
        self.with(client, limits, micros(now), |windows, now| add(windows, limits, now));
    }

    /// How many clients are remembered.
    pub fn clients(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).clients.len()).sum()
    }

    /// Does something with the windows of a client, one for each limit, while nobody else can.
    fn with<T>(
        &self,
        client: &Client,
        limits: &[Limit],
        now: u64,
        act: impl FnOnce(&mut Windows, u64) -> T,
    ) -> T {
        let hash = self.hasher.hash_one(client);
        // The bits that the map does not look at first.
        let place = usize::try_from(hash >> 32).unwrap_or_default() % SHARDS;
        let Some(shard) = self.shards.get(place) else { return act(&mut Vec::new(), now) };
        let windows = &mut *lock(shard);
        let windows = windows.of(Hashed(hash, *client), self.places, now);
        for limit in limits {
            if window(windows, limit).is_none() {
                windows.push((Arc::clone(&limit.name), Window::new(limit.rate)));
            }
        }
        act(windows, now)
    }
}

impl Shard {
    /// The windows of a client, or of those who have no place.
    fn of(&mut self, client: Hashed, places: usize, now: u64) -> &mut Windows {
        let full = self.clients.len() >= places && !self.clients.contains_key(&client);
        if full && (now < self.none_leaves_before || !self.make_room(places, now)) {
            return &mut self.others;
        }
        let others = &self.others;
        self.clients
            .entry(client)
            .or_insert_with(|| others.iter().filter(|(_, window)| window.empty_at() > now).cloned().collect())
    }

    /// Lets those go whose calls do not count any more.
    fn make_room(&mut self, places: usize, now: u64) -> bool {
        let mut next = u64::MAX;
        self.clients.retain(|_, windows| {
            let leaves = windows.iter().map(|(_, window)| window.empty_at()).max().unwrap_or_default();
            next = if leaves > now { next.min(leaves) } else { next };
            leaves > now
        });
        self.none_leaves_before = next;
        self.clients.len() < places
    }
}

/// The window that counts under a limit. One that counts in another way stays beside it: among those who have no place it is
/// that of somebody else.
fn window<'w>(windows: &'w mut Windows, limit: &Limit) -> Option<&'w mut Window> {
    let counts = |(name, window): &&mut (Arc<str>, Window)| *name == limit.name && window.fits(limit.rate);
    windows.iter_mut().find(counts).map(|(_, window)| window)
}

/// What the tightest of the limits says, or of a node's share of them.
fn look(windows: &mut Windows, limits: &[Limit], nodes: u32, now: u64) -> Option<Verdict> {
    Verdict::tightest(limits.iter().filter_map(|limit| {
        let window = window(windows, limit)?;
        let settled = window.settle(now);
        let used = window.used(settled);
        // Who has any call at all has one at each node.
        let calls = (limit.rate.calls / nodes.max(1)).max(limit.rate.calls.min(1));
        let (free, empty) = if used < calls {
            (now, window.empty_after(settled))
        } else {
            (window.free_at(calls, settled), window.empty_at())
        };
        Some(Verdict::of(limit, calls, used, free.saturating_sub(now), empty.saturating_sub(now)))
    }))
}

fn add(windows: &mut Windows, limits: &[Limit], now: u64) {
    for limit in limits {
        if let Some(window) = window(windows, limit) {
            let settled = window.settle(now);
            window.add(settled);
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A moment as windows keep it.
fn micros(moment: Timestamp) -> u64 {
    u64::try_from(moment.timestamp_micros()).unwrap_or_default()
}
