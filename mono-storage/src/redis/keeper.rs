//! Keeps the connection: asks the server every second, and brings the link up again after a fault.

use super::connection::limit;
use super::{Shared, is_fault};
use redis::RedisError;
use std::sync::{PoisonError, Weak};
use std::time::{Duration, Instant};

/// What the probe writes: a server that only reads, or has no memory left, is of no use.
pub(super) const PROBE: &str = "{p}:probe";

/// How often a link that is up is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// The shortest and the longest pause between two attempts to bring the link up.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A link that was up for a shorter time comes up again after a longer pause.
const STEADY: Duration = Duration::from_secs(5);

/// Runs until nobody uses Redis any more.
pub(super) async fn keep(shared: Weak<Shared>) {
    let mut pause = PAUSE.0;
    while let Some(redis) = shared.upgrade() {
        let since = Instant::now();
        while redis.watch().await {
            if std::sync::Arc::strong_count(&redis) == 1 {
                return;
            }
        }
        if since.elapsed() >= STEADY {
            pause = PAUSE.0;
        }
        loop {
            match redis.open().await {
                Ok(()) => break,
                Err(error) => tracing::debug!("Redis is still away: {error}"),
            }
            if std::sync::Arc::strong_count(&redis) == 1 {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
        tracing::info!("Redis is back");
    }
}

impl Shared {
    /// Waits until the link goes down, at most for the interval; asks the server then. Whether the link is still up.
    async fn watch(&self) -> bool {
        if self.connection().is_none() {
            return false;
        }
        if tokio::time::timeout(INTERVAL, self.down.notified()).await.is_ok() {
            return self.connection().is_some();
        }
        let Some((mut connection, generation)) = self.connection() else { return false };
        if let Err(error) = limit(self.timeout, connection.send(&probe(PROBE))).await {
            self.take_down(generation, PROBE, &error);
            return false;
        }
        true
    }

    /// Brings the link up.
    pub(super) async fn open(&self) -> Result<(), RedisError> {
        let failed_key = {
            let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
            link.failed_key.clone()
        };
        let mut connection = self.target.connect().await?;
        let wait = self.timeout.max(Duration::from_millis(250));
        for key in [PROBE, &beside(&failed_key)] {
            match limit(wait, connection.send(&probe(key))).await {
                Err(error) if is_fault(&error) => return Err(error),
                _ => {}
            }
        }
        let mut link = self.link.write().unwrap_or_else(PoisonError::into_inner);
        link.connection = Some(connection);
        link.generation = link.generation.wrapping_add(1);
        Ok(())
    }
}

fn probe(key: &str) -> redis::Cmd {
    let mut command = redis::cmd("SET");
    command.arg(key).arg(1).arg("PX").arg(10_000);
    command
}

/// A key of the probe in the slot of another key.
fn beside(key: &str) -> String {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tag.map_or_else(|| PROBE.to_owned(), |(tag, _)| format!("{{{tag}}}:probe"))
}
