//! How to reach Redis.

use super::connection::Target;
use mono_core::Error;
use redis::{ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};
use std::time::Duration;

/// How to reach Redis, with limits that have a reason.
///
/// ```
/// use mono_storage::redis::RedisOptions;
/// assert!(RedisOptions::parse("redis://127.0.0.1:6379").is_ok());
/// assert!(RedisOptions::parse("rediss://mono:secret@redis.example.com:6380/2").is_ok());
/// assert!(RedisOptions::parse("redis-cluster://10.0.0.1:6379,10.0.0.2:6379").is_ok());
/// assert!(RedisOptions::parse("http://127.0.0.1").is_err());
/// ```
#[derive(Clone)]
pub struct RedisOptions {
    pub(super) nodes: Vec<ConnectionInfo>,
    pub(super) is_cluster: bool,
    /// How long one call may take, from sending it to its answer. A request waits as long once; then Redis counts as away
    /// until it answers in the background.
    pub timeout: Duration,
    /// How long a new connection may take, TLS and login included.
    pub connect_timeout: Duration,
}

impl RedisOptions {
    /// Reads `redis://USER:PASSWORD@HOST:PORT/NUMBER`, with `rediss` for TLS. Several hosts with commas between them, or
    /// the schemes `redis-cluster` and `rediss-cluster`, name a cluster.
    ///
    /// # Errors
    /// `Validation` on the field `redis_url`; the message never repeats the URL, which holds a password.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| invalid("it must start with redis:// or rediss://"))?;
        let (scheme, named_cluster) = match scheme {
            "redis" | "rediss" => (scheme, false),
            "redis-cluster" => ("redis", true),
            "rediss-cluster" => ("rediss", true),
            _ => {
                return Err(invalid(
                    "it must start with redis://, rediss://, redis-cluster:// or rediss-cluster://",
                ));
            }
        };
        let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |end| rest.split_at(end));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let nodes = hosts.split(',').map(|host| node(&format!("{scheme}://{user}{host}{path}")));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        let is_cluster = named_cluster || nodes.len() > 1;
        if is_cluster && nodes.iter().any(|node| node.redis_settings().db() != 0) {
            return Err(invalid("a cluster has database 0 alone"));
        }
        if scheme == "rediss" {
            // The process may have chosen another already; that one serves as well.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let options = Self {
            nodes,
            is_cluster,
            timeout: Duration::from_millis(50),
            connect_timeout: Duration::from_secs(1),
        };
        Target::new(&options).map_err(|_| invalid("its hosts do not go together"))?;
        Ok(options)
    }
}

fn node(url: &str) -> Result<ConnectionInfo, Error> {
    let info = url.into_connection_info().map_err(|_| invalid("it is not a URL of Redis"))?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Ok(info.set_redis_settings(settings))
}

fn invalid(what: &str) -> Error {
    Error::invalid("redis_url", "malformed", format!("the Redis URL cannot be used: {what}"))
}

impl std::fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisOptions")
            .field("is_cluster", &self.is_cluster)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
