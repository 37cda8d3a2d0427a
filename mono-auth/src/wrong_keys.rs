//! How often wrong API keys may be shown. Counted in the memory of this node: a flood of them must not reach the
//! database, and nobody guesses 192 bits however slowly they are refused.

use crate::secret;
use crate::throttle::network;
use moka::sync::Cache;
use mono_core::caller::RequestContext;
use mono_core::{Error, ErrorKind};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many wrong keys one network may show within [`WINDOW`].
const PER_NETWORK: usize = 100;
/// How long a wrong key counts, from the first on.
const WINDOW: Duration = Duration::from_mins(15);
/// How long a key that was right is let through without counting, after its last use: others of the same network, behind
/// one proxy say, do not shut it out.
const REMEMBERED: Duration = Duration::from_hours(1);
/// How many networks and keys are remembered at most.
const CAPACITY: u64 = 100_000;

/// The wrong keys of the last minutes, and the right ones of the last hour.
#[derive(Clone)]
pub(crate) struct WrongKeys {
    counts: Cache<String, Arc<Count>>,
    right: Cache<String, ()>,
}

/// What a network has shown.
struct Count {
    since: Instant,
    shown: AtomicUsize,
}

impl WrongKeys {
    pub(crate) fn new() -> Self {
        Self {
            counts: Cache::builder().max_capacity(CAPACITY).time_to_live(WINDOW).build(),
            right: Cache::builder().max_capacity(CAPACITY).time_to_idle(REMEMBERED).build(),
        }
    }

    /// Refuses a network that has shown too many wrong keys, unless this one was right a while ago.
    ///
    /// # Errors
    /// `RateLimited` with code `too_many_attempts`.
    pub(crate) fn admit(&self, text: &str, request: &RequestContext) -> Result<(), Error> {
        let count = self.counts.get(&network(request));
        let count = count.filter(|count| count.shown.load(Ordering::Relaxed) >= PER_NETWORK);
        let Some(count) = count.filter(|_| !self.right.contains_key(&secret::hash(text))) else {
            return Ok(());
        };
        let wait = WINDOW.saturating_sub(count.since.elapsed());
        // Rounded up: who comes back on time is let in.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let message = "too many wrong API keys from this network; try again later";
        Err(Error::new(ErrorKind::RateLimited, "too_many_attempts", message)
            .with_details(json!({ "retryAfterSeconds": seconds })))
    }

    pub(crate) fn note_wrong(&self, request: &RequestContext) {
        let first = || Arc::new(Count { since: Instant::now(), shown: AtomicUsize::new(0) });
        self.counts.get_with(network(request), first).shown.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_right(&self, text: &str) {
        self.right.insert(secret::hash(text), ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shows_too_many_is_told_when_the_first_counts_no_more() {
        let (keys, request) = (WrongKeys::new(), RequestContext::default());
        let since = Instant::now().checked_sub(Duration::from_mins(10)).unwrap();
        keys.counts.insert(network(&request), Arc::new(Count { since, shown: AtomicUsize::new(99) }));
        keys.admit("key", &request).expect("one more");
        keys.note_wrong(&request);
        let refused = keys.admit("key", &request).unwrap_err();
        let seconds = refused.details().unwrap()["retryAfterSeconds"].as_u64().unwrap();
        assert!((1..=300).contains(&seconds), "{seconds}");
    }
}
