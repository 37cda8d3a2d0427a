//! Throttles: how often something was tried within a while. An exact log of times, for small numbers.

use crate::db::{PlatformTx, Row};
use crate::platform_sql;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// The code of a refusal that passes within moments: so many tries are being judged that, if all of them are wrong, there
/// may be no other.
pub const ATTEMPTS_IN_FLIGHT: &str = "attempts_in_flight";

/// How long a try may wait to be judged: longer than a request takes. Of one that is older nobody will tell; it counts.
const JUDGED_WITHIN: Duration = Duration::from_secs(30);

/// How often something may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    /// What is tried; a hash where it holds an address.
    pub key: String,
    /// How often, at most, within any window.
    pub maximum: usize,
    /// How long a try counts.
    pub window: Duration,
    /// Whether tries above the maximum are refused, or only counted, up to the maximum.
    pub refuses: bool,
}

/// A try that was written down before it is made; it counts until it is given back or its window has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    keys: Vec<String>,
    at: Timestamp,
    /// How many tries each throttle counts, this one included, in the order they were given.
    pub counts: Vec<usize>,
}

/// A try in the log of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Try {
    /// It was a wrong one, or needs no judgement.
    Counted(Timestamp),
    /// Nobody knows yet.
    Open {
        /// When it was written down.
        open: Timestamp,
    },
}

impl Try {
    const fn at(self) -> Timestamp {
        match self {
            Self::Counted(at) | Self::Open { open: at } => at,
        }
    }

    /// Whether it may be given back soon.
    fn is_in_flight(self, now: Timestamp) -> bool {
        matches!(self, Self::Open { open } if open + JUDGED_WITHIN > now)
    }
}

/// The throttles of the platform. Only authentication itself reaches them.
pub struct Throttles<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The throttles of the platform.
    pub const fn throttles(&mut self) -> Throttles<'_> {
        Throttles { tx: self }
    }
}

impl Throttles<'_> {
    /// Writes a try down under each of the throttles, or under none where one is used up, before it is judged: then it is
    /// [given back](Self::release) or [counts](Self::keep). Of any number who try at once, no more than the maximum get
    /// through.
    ///
    /// # Errors
    /// As [`count`](Self::count); `RateLimited` with code [`ATTEMPTS_IN_FLIGHT`] where tries that are being judged may be
    /// given back.
    pub async fn reserve(self, throttles: &[Throttle]) -> Result<Attempt, Error> {
        self.enter(throttles, |open| Try::Open { open }).await
    }

    /// As [`reserve`](Self::reserve), for a try that counts whatever comes of it.
    ///
    /// # Errors
    /// `RateLimited` with code `too_many_attempts`, and in the details after how many seconds to try again; `Forbidden`
    /// unless the program itself asks. The transaction is to be dropped then.
    pub async fn count(self, throttles: &[Throttle]) -> Result<Attempt, Error> {
        self.enter(throttles, Try::Counted).await
    }

    async fn enter(self, throttles: &[Throttle], entry: fn(Timestamp) -> Try) -> Result<Attempt, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let (mut counts, mut in_flight) = (vec![0; throttles.len()], false);
        // In one order, so that two who hold each other's row never wait for each other.
        let mut order: Vec<_> = throttles.iter().zip(&mut counts).collect();
        order.sort_by(|one, other| one.0.key.cmp(&other.0.key));
        for (throttle, count) in order {
            let mut tries = lock(tx, &throttle.key).await?;
            tries.retain(|one| one.at() + throttle.window > now);
            if let Some(first) = tries.len().checked_sub(throttle.maximum) {
                if throttle.refuses && tries.iter().any(|one| one.is_in_flight(now)) {
                    // Another throttle may have a reason that lasts.
                    in_flight = true;
                    continue;
                }
                if throttle.refuses {
                    let oldest = tries.get(first).map(|one| one.at());
                    return Err(too_many(
                        oldest.map_or(throttle.window, |time| remaining(time, throttle, now)),
                    ));
                }
                tries.drain(..tries.len().min(first.saturating_add(1)));
            }
            tries.push(entry(now));
            *count = tries.len();
            store(tx, &throttle.key, &tries).await?;
        }
        if in_flight {
            let message = "too many attempts at the same moment; try again in a moment";
            return Err(refusal(ATTEMPTS_IN_FLIGHT, message, 1));
        }
        Ok(Attempt { keys: throttles.iter().map(|throttle| throttle.key.clone()).collect(), at: now, counts })
    }

    /// Gives back a try that turned out to be a good one.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn release(self, attempt: &Attempt) -> Result<(), Error> {
        self.settle(attempt, None).await
    }

    /// Lets a try count that turned out to be a wrong one.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn keep(self, attempt: &Attempt) -> Result<(), Error> {
        self.settle(attempt, Some(Try::Counted(attempt.at))).await
    }

    async fn settle(self, attempt: &Attempt, outcome: Option<Try>) -> Result<(), Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let mut keys = attempt.keys.clone();
        keys.sort();
        let reserved = Try::Open { open: attempt.at };
        for key in keys {
            let mut tries = lock(tx, &key).await?;
            if let Some(place) = tries.iter().position(|one| *one == reserved) {
                tries.splice(place..=place, outcome);
                store(tx, &key, &tries).await?;
            }
        }
        Ok(())
    }

    /// Removes what nobody has tried since this moment.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn remove_unused(self, before: Timestamp) -> Result<u64, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "DELETE FROM throttles WHERE updated_at < $1", before).execute().await
    }
}

/// The tries under a key, whose row nobody else has until the transaction ends.
async fn lock(tx: &mut PlatformTx, key: &str) -> Result<Vec<Try>, Error> {
    let now = tx.now();
    let row: Row = platform_sql!(
        tx,
        "INSERT INTO throttles (key, times, updated_at) VALUES ($1, $2, $3)
         ON CONFLICT (key) DO UPDATE SET updated_at = excluded.updated_at RETURNING times",
        key,
        json!([]),
        now
    )
    .row()
    .await?;
    serde_json::from_value(row.get::<Value>("times")?).map_err(Error::internal)
}

async fn store(tx: &mut PlatformTx, key: &str, tries: &[Try]) -> Result<(), Error> {
    platform_sql!(tx, "UPDATE throttles SET times = $2 WHERE key = $1", key, json!(tries))
        .execute()
        .await
        .map(drop)
}

fn remaining(oldest: Timestamp, throttle: &Throttle, now: Timestamp) -> Duration {
    (oldest + throttle.window - now).to_std().unwrap_or_default()
}

fn too_many(after: Duration) -> Error {
    // Rounded up: who comes back on time is let in.
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    refusal("too_many_attempts", "too many attempts; try again later", seconds)
}

fn refusal(code: &'static str, message: &str, seconds: u64) -> Error {
    Error::new(ErrorKind::RateLimited, code, message).with_details(json!({ "retryAfterSeconds": seconds }))
}
