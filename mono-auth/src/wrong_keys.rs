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
use std::time::Duration;

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
    counts: Cache<String, Arc<AtomicUsize>>,
    right: Cache<String, ()>,
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
        let shown = self.counts.get(&network(request)).map_or(0, |count| count.load(Ordering::Relaxed));
        if shown < PER_NETWORK || self.right.contains_key(&secret::hash(text)) {
            return Ok(());
        }
        let message = "too many wrong API keys from this network; try again later";
        Err(Error::new(ErrorKind::RateLimited, "too_many_attempts", message)
            .with_details(json!({ "retryAfterSeconds": WINDOW.as_secs() })))
    }

    pub(crate) fn note_wrong(&self, request: &RequestContext) {
        self.counts.get_with(network(request), Arc::default).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_right(&self, text: &str) {
        self.right.insert(secret::hash(text), ());
    }
}
