//! Redis, which may be away at any moment: a call then answers at once, and the caller does without.
//!
//! After the first fault (no answer in time, a lost connection, a server that cannot write) no call is sent until the
//! server has answered in the background. So one request waits for [`RedisOptions::timeout`], and the others for
//! nothing. Nothing needs a restart.

mod connection;
mod keeper;
mod key;
mod options;
mod script;
mod subscription;

pub(crate) use key::{hash_tag, tag_key};
pub use options::RedisOptions;
pub(crate) use script::{Call, Script};
pub(crate) use subscription::Heard;
use subscription::Subscription;

#[cfg(test)]
mod tests;

use connection::{Connection, Target, limit};
use mono_core::Error;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;

/// Redis: one server or a cluster. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    target: Target,
    timeout: Duration,
    link: RwLock<Link>,
    /// Told when the link has gone down.
    down: Notify,
}

/// The connection, or that there is none.
struct Link {
    connection: Option<Connection>,
    /// Counts the connections, so that a late failure of an old one does not end a new one.
    generation: u64,
    /// The key whose call failed: the probe asks where it lies, since in a cluster the other servers may be well.
    failed_key: String,
    /// Who answered last, as far as they say it.
    servers: String,
    /// Counts how often they were others: such a server may know less than the one before.
    incarnation: u64,
}

impl Link {
    fn bring_up(&mut self, connection: Connection, servers: String) {
        self.connection = Some(connection);
        self.generation = self.generation.wrapping_add(1);
        if servers.is_empty() || servers != self.servers {
            self.servers = servers;
            self.incarnation += 1;
        }
    }

    /// Others may take over while the link is up: a cluster has many servers.
    fn notice(&mut self, generation: u64, servers: String) {
        if self.generation == generation && !servers.is_empty() && servers != self.servers {
            self.servers = servers;
            self.incarnation += 1;
        }
    }
}

/// Redis is away, or could not do what it was asked: the caller does without. The cause stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

impl Redis {
    /// Starts to keep a connection. Redis need not be there: until it is, every call answers [`Away`]. The connection is
    /// kept until the last clone is dropped.
    ///
    /// # Errors
    /// `Validation` where the hosts of the options do not go together.
    pub async fn connect(options: &RedisOptions) -> Result<Self, Error> {
        let target = Target::new(options).map_err(Error::internal)?;
        let link = Link {
            connection: None,
            generation: 0,
            failed_key: keeper::PROBE.to_owned(),
            servers: String::new(),
            incarnation: 0,
        };
        let shared =
            Shared { target, timeout: options.timeout, link: RwLock::new(link), down: Notify::new() };
        let redis = Self { shared: Arc::new(shared) };
        let first = redis.shared.open().await;
        if let Err(error) = &first {
            tracing::warn!("Redis is away, the server starts without: {error}");
        }
        tokio::spawn(keeper::keep(Arc::downgrade(&redis.shared)));
        Ok(redis)
    }

    /// Asks Redis now whether it answers, and gives how long that took.
    ///
    /// # Errors
    /// [`Away`] where it does not.
    pub async fn ping(&self) -> Result<Duration, Away> {
        let begun = std::time::Instant::now();
        let mut get = redis::cmd("GET");
        get.arg(keeper::PROBE);
        self.send::<Option<String>>(&get).await.map(|_| begun.elapsed())
    }

    /// Whether Redis answers, as far as is known. It is asked every second.
    pub fn is_up(&self) -> bool {
        self.incarnation().is_some()
    }

    /// The number of the servers that answer, where they do: another number says that another process holds the data, which
    /// may have been restored from an older copy, or have missed the last that the one before was told. From 1 on.
    pub(crate) fn incarnation(&self) -> Option<u64> {
        let link = self.shared.link.read().unwrap_or_else(PoisonError::into_inner);
        link.connection.as_ref().map(|_| link.incarnation)
    }

    /// Sends a command; its first argument is the key.
    pub(crate) async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Away> {
        let Some((mut connection, generation)) = self.shared.connection() else { return Err(Away) };
        let result = limit(self.shared.timeout, connection.send(command)).await;
        self.shared.judge(generation, first_key(command), result)
    }

    /// Runs a script.
    pub(crate) async fn run<T: FromRedisValue>(&self, script: &Script, call: Call<'_>) -> Result<T, Away> {
        let Some((mut connection, generation)) = self.shared.connection() else { return Err(Away) };
        let run = async {
            match connection.send(&script.by_hash(&call)).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    connection.send(&script.by_text(&call)).await
                }
                result => result,
            }
        };
        let result = limit(self.shared.timeout, run).await;
        self.shared.judge(generation, call.keys.first().copied().unwrap_or_default(), result)
    }

    /// Hears what is published on a channel, through a connection of its own that is made again whenever it is lost.
    pub(crate) fn subscribe(&self, channel: String) -> Subscription {
        Subscription::new(Arc::clone(&self.shared), channel)
    }
}

impl Shared {
    fn connection(&self) -> Option<(Connection, u64)> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.connection.clone().map(|connection| (connection, link.generation))
    }

    /// Reads an answer. A fault takes the link down.
    fn judge<T: FromRedisValue>(
        &self,
        generation: u64,
        key: &str,
        result: Result<Value, RedisError>,
    ) -> Result<T, Away> {
        match result.and_then(|value| T::from_redis_value(value).map_err(RedisError::from)) {
            Ok(value) => Ok(value),
            Err(error) => {
                if is_fault(&error) {
                    self.take_down(generation, key, &error);
                } else {
                    tracing::error!("Redis refused a call: {error}");
                }
                Err(Away)
            }
        }
    }

    fn take_down(&self, generation: u64, key: &str, error: &RedisError) {
        let mut link = self.link.write().unwrap_or_else(PoisonError::into_inner);
        if link.generation == generation && link.connection.take().is_some() {
            key.clone_into(&mut link.failed_key);
            drop(link);
            tracing::warn!("Redis is away, the server goes on without: {error}");
            self.down.notify_one();
        }
    }
}

/// Whether the error says that the server cannot work, and not that the call was wrong.
fn is_fault(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => !matches!(
            kind,
            ServerErrorKind::ResponseError
                | ServerErrorKind::ExecAbort
                | ServerErrorKind::NoScript
                | ServerErrorKind::CrossSlot
                | ServerErrorKind::NotBusy
                | ServerErrorKind::NoSub
        ),
        ErrorKind::UnexpectedReturnType | ErrorKind::Client => false,
        // Out of memory, no replica, cannot write to disk, busy with a script: all of them extensions for the driver.
        ErrorKind::Extension => error.code() != Some("WRONGTYPE"),
        _ => true,
    }
}

fn first_key(command: &Cmd) -> &str {
    let key = command.args_iter().nth(1);
    match key {
        Some(redis::Arg::Simple(key)) => std::str::from_utf8(key).unwrap_or_default(),
        _ => "",
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("is_up", &self.is_up()).finish_non_exhaustive()
    }
}
