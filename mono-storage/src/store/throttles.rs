//! Throttles: how often something was tried within a while. An exact log of times, for small numbers.

use crate::db::{PlatformTx, Row};
use crate::platform_sql;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use serde_json::{Value, json};
use std::time::Duration;

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

/// Tries that were written down before they are made; each counts until it is given back or its window has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    keys: Vec<String>,
    at: Timestamp,
    /// How many tries each throttle counts, this one included, in the order they were given.
    pub counts: Vec<usize>,
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
    /// Writes a try down under each of the throttles, or under none where one is used up. Of any number who try at
    /// once, no more than the maximum get through.
    ///
    /// # Errors
    /// `RateLimited` with code `too_many_attempts`, and in the details after how many seconds to try again; `Forbidden`
    /// unless the program itself asks. The transaction is to be dropped then.
    pub async fn reserve(self, throttles: &[Throttle]) -> Result<Attempt, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let mut counts = vec![0; throttles.len()];
        // In one order, so that two who hold each other's row never wait for each other.
        let mut order: Vec<_> = throttles.iter().zip(&mut counts).collect();
        order.sort_by(|one, other| one.0.key.cmp(&other.0.key));
        for (throttle, count) in order {
            let mut times = lock(tx, &throttle.key).await?;
            times.retain(|time| *time + throttle.window > now);
            let first = times.len().checked_sub(throttle.maximum);
            if let Some(first) = first {
                let oldest = times.get(first).copied();
                if throttle.refuses {
                    return Err(refusal(
                        oldest.map_or(throttle.window, |time| remaining(time, throttle, now)),
                    ));
                }
                times.drain(..times.len().min(first.saturating_add(1)));
            }
            times.push(now);
            *count = times.len();
            store(tx, &throttle.key, &times).await?;
        }
        Ok(Attempt { keys: throttles.iter().map(|throttle| throttle.key.clone()).collect(), at: now, counts })
    }

    /// Gives back a try that turned out to be a good one.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn release(self, attempt: &Attempt) -> Result<(), Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let mut keys = attempt.keys.clone();
        keys.sort();
        for key in keys {
            let mut times = lock(tx, &key).await?;
            if let Some(place) = times.iter().position(|time| *time == attempt.at) {
                times.remove(place);
                store(tx, &key, &times).await?;
            }
        }
        Ok(())
    }

    /// Forgets every try under a key.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn clear(self, key: &str) -> Result<(), Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "DELETE FROM throttles WHERE key = $1", key).execute().await.map(drop)
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
async fn lock(tx: &mut PlatformTx, key: &str) -> Result<Vec<Timestamp>, Error> {
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

async fn store(tx: &mut PlatformTx, key: &str, times: &[Timestamp]) -> Result<(), Error> {
    platform_sql!(tx, "UPDATE throttles SET times = $2 WHERE key = $1", key, json!(times))
        .execute()
        .await
        .map(drop)
}

fn remaining(oldest: Timestamp, throttle: &Throttle, now: Timestamp) -> Duration {
    (oldest + throttle.window - now).to_std().unwrap_or_default()
}

fn refusal(after: Duration) -> Error {
    // Rounded up: who comes back on time is let in.
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    Error::new(ErrorKind::RateLimited, "too_many_attempts", "too many attempts; try again later")
        .with_details(json!({ "retryAfterSeconds": seconds }))
}
