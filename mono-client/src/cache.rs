//! Answers that were read before, of the identity that read them alone.

use crate::answer::Answer;
use crate::system::Instant;
use mono_core::id::TenantId;
use quick_cache::unsync::{Cache as Map, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Weighter};
use reqwest::header::HeaderValue;
use reqwest::{StatusCode, Url};
use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most answers that are kept.
const MAX_ENTRIES: u64 = 1_000;
/// What an answer takes up beside its bytes, about.
const OVERHEAD: usize = 256;

/// How a client keeps answers; see [`ClientBuilder::cache`](crate::ClientBuilder::cache).
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// As long an answer is given out without asking the server: at most as old is what one sees of the changes of others.
    /// Zero, the default, asks each time whether it still holds.
    pub fresh_for: Duration,
    /// The most memory that answers take up, in bytes; 16 MiB by default. Of 1,000 answers each has its share at least, so
    /// there are no more than that.
    pub max_bytes: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { fresh_for: Duration::ZERO, max_bytes: 16 * 1024 * 1024 }
    }
}

/// Who asked for what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    identity: u64,
    tenant: Option<TenantId>,
    url: String,
}

impl Key {
    pub(crate) fn new(identity: u64, tenant: Option<TenantId>, url: &Url) -> Self {
        Self { identity, tenant, url: url.as_str().to_owned() }
    }
}

struct Kept {
    tag: HeaderValue,
    body: Arc<Vec<u8>>,
    since: Instant,
    /// A write of ours may have changed it.
    is_stale: Cell<bool>,
}

#[derive(Clone)]
struct Weight {
    least: u64,
}

impl Weighter<Key, Kept> for Weight {
    fn weight(&self, key: &Key, kept: &Kept) -> u64 {
        let bytes = key.url.len() + kept.body.len() + OVERHEAD;
        u64::try_from(bytes).unwrap_or(u64::MAX).max(self.least)
    }
}

struct Inner {
    entries: Map<Key, Kept, Weight, DefaultHashBuilder, DefaultLifecycle<Key, Kept>>,
    /// How many writes have ended.
    writes: u64,
}

/// Answers with a tag, bounded in number and bytes.
pub(crate) struct Cache {
    fresh_for: Duration,
    inner: Mutex<Inner>,
}

/// What is known of an answer before the server is asked.
pub(crate) struct Found {
    pub(crate) kept: Option<(HeaderValue, Arc<Vec<u8>>)>,
    pub(crate) is_fresh: bool,
    /// How many writes had ended.
    pub(crate) since: u64,
}

impl Cache {
    pub(crate) fn new(settings: CacheSettings) -> Self {
        let least = settings.max_bytes / MAX_ENTRIES;
        let items = usize::try_from(MAX_ENTRIES).unwrap_or(usize::MAX);
        let (hash, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        let entries = Map::with(items, settings.max_bytes, Weight { least }, hash, lifecycle);
        Self { fresh_for: settings.fresh_for, inner: Mutex::new(Inner { entries, writes: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing can panic while the lock is held, so a poisoned one is as good as any.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, key: &Key) -> Found {
        let inner = self.lock();
        let kept = inner.entries.get(key);
        Found {
            is_fresh: kept.is_some_and(|kept| !kept.is_stale.get() && kept.since.elapsed() < self.fresh_for),
            kept: kept.map(|kept| (kept.tag.clone(), Arc::clone(&kept.body))),
            since: inner.writes,
        }
    }

    /// Keeps an answer, and gives what was [found](Self::find) where the server says that it still holds. Nothing is kept
    /// of who is not signed in any more.
    pub(crate) fn settle(&self, key: Key, found: Found, answer: Answer, identity: Option<u64>) -> Answer {
        let answer = match found.kept {
            Some((tag, body)) if answer.status == StatusCode::NOT_MODIFIED => answer.still(tag, body),
            _ => answer,
        };
        let mut inner = self.lock();
        let is_stale = Cell::new(inner.writes != found.since);
        match answer.tag.clone().filter(|_| answer.status == StatusCode::OK) {
            Some(tag) if identity == Some(key.identity) => {
                let body = Arc::clone(&answer.body);
                inner.entries.insert(key, Kept { tag, body, since: Instant::now(), is_stale });
            }
            // It says nothing about what is kept.
            None if answer.status.is_server_error() => {}
            _ => drop(inner.entries.remove(&key)),
        }
        answer
    }

    /// Begins a write. When it ends, however it does, what it may have changed is stale.
    pub(crate) fn writing(&self, path: &str) -> Writing<'_> {
        Writing { cache: self, path: path.to_owned() }
    }

    /// Forgets every answer of an identity.
    pub(crate) fn forget(&self, identity: u64) {
        self.lock().entries.retain(|key, _| key.identity != identity);
    }
}

/// A write on its way. It may be done even where the answer is lost, or nobody waits for it any more.
pub(crate) struct Writing<'a> {
    cache: &'a Cache,
    path: String,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut inner = self.cache.lock();
        // What is on its way now may have been read before the write.
        inner.writes += 1;
        for (key, kept) in inner.entries.iter() {
            if words(&self.path).any(|word| words(&key.url).any(|other| word == other)) {
                kept.is_stale.set(true);
            }
        }
    }
}

/// What an address speaks of, such as `accounts` and `teams`: its tags. The tier is none, unless it is all there is, or it is
/// the thing whose versions are meant.
fn words(address: &str) -> impl Iterator<Item = &str> {
    let path = address.split('?').next().unwrap_or_default();
    let path = path.split_once("/api/v1/").map_or(path, |(_, path)| path);
    let rest = path.split_once('/').map(|(_, rest)| rest).filter(|rest| !rest.starts_with("versions"));
    rest.unwrap_or(path).split('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(identity: u64, path: &str) -> Key {
        Key::new(identity, None, &Url::parse(&format!("http://host/mono{path}")).unwrap())
    }

    fn answer(body: &str) -> Answer {
        Answer::kept(HeaderValue::from_static("\"1\""), Arc::new(body.as_bytes().to_vec()))
    }

    fn keep(cache: &Cache, key: &Key, body: &str) {
        let found = cache.find(key);
        cache.settle(key.clone(), found, answer(body), Some(key.identity));
    }

    fn cache(max_bytes: u64) -> Cache {
        Cache::new(CacheSettings { fresh_for: Duration::MAX, max_bytes })
    }

    #[test]
    fn a_write_makes_stale_what_shares_a_word_with_it() {
        let list = "/api/v1/tenant/accounts?limit=5";
        let team = "/api/v1/tenant/teams/018f4e3a-0000-7000-8000-000000000001";
        let (tenant, versions) = ("/api/v1/tenant", "/api/v1/tenant/versions?page=1");
        for (path, are_fresh) in [
            ("/api/v1/tenant/accounts", [false, true, true, true]),
            ("/api/v1/tenant/accounts/bulk", [false, true, true, true]),
            (
                "/api/v1/tenant/accounts/018f4e3a-0000-7000-8000-000000000002/teams",
                [false, false, true, true],
            ),
            ("/api/v1/tenant/schemas/crew", [true, true, true, true]),
            ("/api/v1/tenant", [true, true, false, false]),
            ("/api/v1/tenant/versions/3/revert", [true, true, false, false]),
        ] {
            let cache = cache(1 << 20);
            let keys = [list, team, tenant, versions].map(|path| key(1, path));
            for key in &keys {
                keep(&cache, key, "x");
            }
            drop(cache.writing(&format!("/mono{path}")));
            let is_fresh = keys.each_ref().map(|key| cache.find(key).is_fresh);
            assert_eq!(is_fresh, are_fresh, "{path}");
            assert!(
                keys.iter().all(|key| cache.find(key).kept.is_some()),
                "the tag is still good to ask with"
            );
        }
    }

    #[test]
    fn what_was_asked_before_a_write_ended_is_stale() {
        let (cache, key) = (cache(1 << 20), key(1, "/api/v1/tenant/accounts"));
        let found = cache.find(&key);
        drop(cache.writing("/api/v1/tenant/accounts"));
        cache.settle(key.clone(), found, answer("old"), Some(1));
        assert!(!cache.find(&key).is_fresh);
        keep(&cache, &key, "new");
        assert!(cache.find(&key).is_fresh);
    }

    #[test]
    fn nothing_of_one_identity_is_found_by_another_or_after_it_has_gone() {
        let (cache, path) = (cache(1 << 20), "/api/v1/tenant/accounts");
        keep(&cache, &key(1, path), "x");
        keep(&cache, &key(2, path), "y");
        let elsewhere = Key { tenant: Some(TenantId::from_u128(7)), ..key(1, path) };
        assert!(cache.find(&elsewhere).kept.is_none());
        cache.forget(1);
        assert!(cache.find(&key(1, path)).kept.is_none());
        assert!(cache.find(&key(2, path)).kept.is_some());
        let found = cache.find(&key(1, path));
        cache.settle(key(1, path), found, answer("late"), Some(3));
        assert!(cache.find(&key(1, path)).kept.is_none());
    }

    #[test]
    fn it_is_bounded_in_number_and_in_bytes() {
        let (small, large) = (cache(1 << 20), cache(1 << 20));
        for number in 0..5_000 {
            keep(&small, &key(1, &format!("/api/v1/tenant/accounts/{number}")), "x");
        }
        let inner = small.lock();
        assert!((500..=1_000).contains(&inner.entries.len()), "{}", inner.entries.len());
        drop(inner);
        let body = "x".repeat(100_000);
        for number in 0..50 {
            keep(&large, &key(1, &format!("/api/v1/tenant/accounts/{number}")), &body);
        }
        let inner = large.lock();
        assert!(inner.entries.weight() <= 1 << 20 && inner.entries.len() >= 5, "{}", inner.entries.len());
        drop(inner);
        keep(&large, &key(1, "/huge"), &"x".repeat(2 << 20));
        assert!(large.find(&key(1, "/huge")).kept.is_none());
    }
}
