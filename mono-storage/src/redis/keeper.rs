//! Keeps the connection: asks the server every second, and brings the link up again after a fault.

use super::connection::{Connection, limit};
use super::{Shared, is_fault};
use redis::{ErrorKind, RedisError, Value};
use std::borrow::Cow;
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
    let mut pause = Duration::ZERO;
    while let Some(redis) = shared.upgrade() {
        let since = Instant::now();
        while redis.watch().await {
            if std::sync::Arc::strong_count(&redis) == 1 {
                return;
            }
        }
        pause = next_pause(pause, since.elapsed());
        tokio::time::sleep(pause).await;
        match redis.open().await {
            Ok(()) => tracing::info!("Redis is back"),
            Err(error) => tracing::debug!("Redis is still away: {error}"),
        }
    }
}

/// The pause before the link is brought up again, after the last one and the time that the link was up since: what comes
/// up and does not stay is left alone for longer each time.
fn next_pause(last: Duration, up_for: Duration) -> Duration {
    if up_for >= STEADY { Duration::ZERO } else { (last * 2).clamp(PAUSE.0, PAUSE.1) }
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
        let asked = async {
            limit(self.timeout, connection.send(&probe(PROBE))).await?;
            self.who_answers(&mut connection).await
        };
        match asked.await {
            Ok(servers) => {
                self.link.write().unwrap_or_else(PoisonError::into_inner).notice(generation, servers);
                true
            }
            Err(error) => {
                self.take_down(generation, PROBE, &error);
                false
            }
        }
    }

    /// Brings the link up. A server that takes longer for the probe than a call may would fail the first one.
    pub(super) async fn open(&self) -> Result<(), RedisError> {
        let failed_key = {
            let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
            link.failed_key.clone()
        };
        let mut connection = self.target.connect().await?;
        for key in [PROBE, &beside(&failed_key)] {
            match limit(self.timeout, connection.send(&probe(key))).await {
                Err(error) if is_fault(&error) => return Err(error),
                _ => {}
            }
        }
        // After the probe: then a server of a cluster that took over is known.
        let servers = self.who_answers(&mut connection).await?;
        self.link.write().unwrap_or_else(PoisonError::into_inner).bring_up(connection, servers);
        Ok(())
    }

    /// The processes that hold the data, as they name themselves; nothing where they do not say. All of them have to answer:
    /// of a cluster the driver passes over a server that it cannot reach.
    async fn who_answers(&self, connection: &mut Connection) -> Result<String, RedisError> {
        let info =
            limit(self.timeout, connection.send(redis::cmd("INFO").arg("server").arg("replication"))).await;
        let info = match info {
            // The user may not ask, or the server is too old to answer.
            Err(error) if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) => {
                tracing::debug!("Redis does not say who it is: {error}");
                return Ok(String::new());
            }
            info => info?,
        };
        if let (Connection::Cluster(_), Value::Map(answers)) = (&*connection, &info) {
            let slots = limit(self.timeout, connection.send(redis::cmd("CLUSTER").arg("SLOTS"))).await?;
            if answers.len() < masters(&slots) {
                return Err((ErrorKind::ClusterConnectionNotFound, "a server of the cluster is away").into());
            }
        }
        Ok(names(&info))
    }
}

/// How many servers share the slots.
fn masters(slots: &Value) -> usize {
    let mut masters = Vec::new();
    if let Value::Array(ranges) = slots {
        for range in ranges {
            // The first slot, the last one, the master, its replicas.
            if let Value::Array(parts) = range
                && let Some(master) = parts.get(2)
                && !masters.contains(&master)
            {
                masters.push(master);
            }
        }
    }
    masters.len()
}

/// What changes where a server starts anew or another one takes over, in the answers of all servers.
fn names(info: &Value) -> String {
    const NAMES: [&str; 2] = ["run_id:", "master_replid:"];
    let mut texts = Vec::new();
    collect(info, &mut texts);
    let mut names = texts.iter().flat_map(|text| text.lines()).collect::<Vec<_>>();
    names.retain(|line| NAMES.iter().any(|name| line.starts_with(name)));
    names.sort_unstable();
    names.join(" ")
}

/// The texts in an answer: that of one server, or those of the servers of a cluster with their addresses.
fn collect<'v>(value: &'v Value, texts: &mut Vec<Cow<'v, str>>) {
    match value {
        Value::BulkString(text) => texts.push(String::from_utf8_lossy(text)),
        Value::VerbatimString { text, .. } => texts.push(text.as_str().into()),
        Value::Map(answers) => answers.iter().for_each(|(_, answer)| collect(answer, texts)),
        Value::Array(answers) => answers.iter().for_each(|answer| collect(answer, texts)),
        _ => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_does_not_stay_up_is_left_alone_for_longer_each_time() {
        let mut pause = Duration::ZERO;
        let mut after = |up_for| {
            pause = next_pause(pause, up_for);
            pause.as_millis()
        };
        assert_eq!(after(STEADY), 0, "what was steady is asked at once");
        assert_eq!([(); 6].map(|()| after(Duration::from_millis(60))), [50, 100, 200, 400, 800, 1000]);
        assert_eq!(after(Duration::ZERO), 1000);
        assert_eq!(after(STEADY), 0);
    }
}
