//! The limiter that several nodes share.

use super::window::{LOG_LIMIT, length, width};
use super::{Client, Verdict};
use crate::redis::{Away, Call, Redis, Script};
use mono_core::id::{Random, UserId, Uuid};
use mono_core::rate_limit::Limit;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

pub(super) const TEXT: &str = include_str!("redis.lua");

static TAKE: Script = Script::new(TEXT);

/// Remembers a node for fifteen seconds, and says how many there are.
static ANNOUNCE: Script = Script::new(
    "local now = tonumber(redis.call('TIME')[1])
     redis.call('ZADD', KEYS[1], now, ARGV[1])
     redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 15)
     redis.call('EXPIRE', KEYS[1], 60)
     return redis.call('ZCARD', KEYS[1])",
);

/// Where the nodes are.
const NODES: &str = "{p}:rate_limit:nodes";

/// Counts in Redis, by its clock: one script for all limits of a call.
pub(crate) struct RedisLimiter {
    redis: Redis,
    node: String,
    nodes: AtomicU32,
}

impl RedisLimiter {
    pub(crate) fn new(redis: Redis, random: &dyn Random) -> Self {
        let mut node = [0; 16];
        random.fill(&mut node);
        Self { redis, node: Uuid::from_bytes(node).to_string(), nodes: AtomicU32::new(1) }
    }

    /// Counts a call under all limits, or under none where one of them is used up. Without `count` it only looks; the
    /// answer is the same.
    pub(crate) async fn take(
        &self,
        client: &Client,
        limits: &[Limit],
        count: bool,
    ) -> Result<Option<Verdict>, Away> {
        if limits.is_empty() {
            return Ok(None);
        }
        let (keys, arguments) = question(client, limits, count);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        let answer: Vec<u64> = self.redis.run(&TAKE, Call { keys: &keys, arguments: &arguments }).await?;
        verdict(limits, &answer).map(Some).ok_or(Away)
    }

    /// Says that this node is there, and learns how many are.
    pub(crate) async fn announce(&self) {
        let call = Call { keys: &[NODES], arguments: &[self.node.as_bytes()] };
        if let Ok(nodes) = self.redis.run::<u32>(&ANNOUNCE, call).await {
            self.nodes.store(nodes.max(1), Ordering::Relaxed);
        }
    }

    /// How many nodes there were when Redis last answered.
    pub(crate) fn nodes(&self) -> u32 {
        self.nodes.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLimiter").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

/// The keys and the arguments of the script.
pub(super) fn question(client: &Client, limits: &[Limit], count: bool) -> (Vec<String>, Vec<String>) {
    let owner = owner(client);
    let keys = limits.iter().map(|limit| key(&owner, limit)).collect();
    let mut arguments = vec![u8::from(count).to_string()];
    for limit in limits {
        let (kind, span) = kind(limit);
        arguments.extend([limit.rate.calls.to_string(), kind.to_owned(), span.to_string()]);
    }
    (keys, arguments)
}

/// What the answer of the script says.
pub(super) fn verdict(limits: &[Limit], answer: &[u64]) -> Option<Verdict> {
    Verdict::tightest(limits.iter().zip(answer.chunks_exact(3)).filter_map(|(limit, answer)| {
        let [used, wait, reset] = answer else { return None };
        let used = u32::try_from(*used).unwrap_or(u32::MAX);
        Some(Verdict::of(limit, limit.rate.calls, used, *wait, *reset))
    }))
}

/// The begin of all keys of a client, with one hash tag: a cluster keeps them together.
fn owner(client: &Client) -> String {
    let mut owner = match (client.tenant, client.user, client.network) {
        (Some(tenant), ..) => format!("{{t:{tenant}}}:rate_limit"),
        (None, Some(user), _) => format!("{{u:{user}}}:rate_limit"),
        (None, None, Some(network)) => format!("{{n:{network}}}:rate_limit"),
        (None, None, None) => "{p}:rate_limit".to_owned(),
    };
    for (letter, part) in [('u', client.user.map(UserId::uuid)), ('k', client.key)] {
        if let Some(part) = part {
            let _ = write!(owner, ":{letter}:{part}");
        }
    }
    owner
}

/// Another window is another key: what was counted in one cannot be read in the other.
fn key(owner: &str, limit: &Limit) -> String {
    let (kind, span) = kind(limit);
    format!("{owner}:{}:{kind}:{span}", limit.name)
}

/// How the limit is counted, and the length of what the script takes as a unit, in microseconds.
fn kind(limit: &Limit) -> (&'static str, u64) {
    if limit.rate.calls <= LOG_LIMIT { ("log", length(limit.rate)) } else { ("buckets", width(limit.rate)) }
}
