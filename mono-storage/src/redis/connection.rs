//! A connection to one server or to a cluster, behind one type.

use super::options::RedisOptions;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, PushInfo, RedisError, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How often a call follows a slot that moved within its time limit.
const REDIRECTS: u32 = 3;

/// Where connections go.
pub(super) struct Target {
    nodes: Vec<Client>,
    cluster: Option<ClusterClient>,
    connect_timeout: Duration,
    /// Which node the next subscription goes to: the one after the last.
    next: AtomicUsize,
}

impl Target {
    pub(super) fn new(options: &RedisOptions) -> Result<Self, RedisError> {
        let nodes = options.nodes.iter().cloned().map(Client::open).collect::<Result<_, _>>()?;
        let cluster = options.is_cluster.then(|| {
            ClusterClient::builder(options.nodes.iter().cloned())
                .retries(REDIRECTS)
                .max_retry_wait(20)
                .connection_timeout(options.connect_timeout)
                .response_timeout(options.timeout)
                .build()
        });
        Ok(Self {
            nodes,
            cluster: cluster.transpose()?,
            connect_timeout: options.connect_timeout,
            next: AtomicUsize::new(0),
        })
    }

    /// A connection for commands. Who calls limits the time of each command.
    pub(super) async fn connect(&self) -> Result<Connection, RedisError> {
        let connect = async {
            match &self.cluster {
                Some(cluster) => cluster.get_async_connection().await.map(Connection::Cluster),
                None => self.open(AsyncConnectionConfig::new()).await.map(Connection::Single),
            }
        };
        limit(self.connect_timeout, connect).await
    }

    /// A connection that hears what is published. Every node of a cluster hears everything.
    pub(super) async fn listen(
        &self,
        channel: &str,
        heard: UnboundedSender<PushInfo>,
    ) -> Result<MultiplexedConnection, RedisError> {
        let listen = async {
            let mut connection = self.open(AsyncConnectionConfig::new().set_push_sender(heard)).await?;
            connection.subscribe(channel).await?;
            Ok(connection)
        };
        limit(self.connect_timeout, listen).await
    }

    async fn open(&self, config: AsyncConnectionConfig) -> Result<MultiplexedConnection, RedisError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(self.nodes.len());
        let Some(node) = index.and_then(|index| self.nodes.get(index)) else {
            return Err((redis::ErrorKind::InvalidClientConfig, "no host is named").into());
        };
        // The limits of the driver are off: each use has one of its own.
        let config = config.set_response_timeout(None).set_connection_timeout(None);
        node.get_multiplexed_async_connection_with_config(&config).await
    }
}

/// Gives up after a time.
pub(super) async fn limit<T>(
    time: Duration,
    work: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, RedisError> {
    tokio::time::timeout(time, work)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// Sends commands. Cheap to clone; all clones share one connection to each server.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(super) async fn send(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let value = match self {
            Self::Single(connection) => connection.req_packed_command(command).await,
            Self::Cluster(connection) => connection.req_packed_command(command).await,
        };
        value.and_then(Value::extract_error)
    }
}
