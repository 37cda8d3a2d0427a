//! The other nodes, through Redis.

use super::Inner;
use super::message::Message;
use super::tag::{Owner, Tag, Touched};
use super::untold::Untold;
use crate::redis::{Away, Call, Heard, Redis, Script, tag_key};
use mono_core::id::TenantId;
use std::collections::BTreeMap;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

/// The channel of all nodes. It has the tag of the platform, as keys have.
const CHANNEL: &str = "{p}:bus";

/// How often a node says that it is there. Whoever hears nothing for three seconds hears nothing at all.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// When every node gave its last sign of life, and the epoch of what Redis keeps.
const NODES: [&str; 2] = ["{p}:nodes", "{p}:epoch"];

/// How long a node may give no sign of life before it counts as lost, in microseconds.
const LOST_AFTER: &str = "3000000";

/// How long the version of a tag is kept, in milliseconds: longer than any entry.
pub(crate) const TAG_LIFETIME: &str = "86400000";

/// Raises the versions of tags and tells so, as one step: whoever hears of it finds the new versions. A version is the
/// time of the server in microseconds, so that one that was lost is not given again.
static TOUCH: Script = Script::new(
    "local time = redis.call('TIME')
     local now = time[1] * 1000000 + time[2]
     for _, key in ipairs(KEYS) do
         local old = tonumber(redis.call('GET', key) or '0')
         redis.call('SET', key, string.format('%.0f', math.max(now, old + 1)), 'PX', ARGV[1])
     end
     return redis.call('PUBLISH', ARGV[2], ARGV[3])",
);

/// How many tags are told in one call. A call that names ten thousand takes longer than a call may.
const CHUNK: usize = 500;

/// Says that the node is there, and gives the epoch. A new one begins, in which nothing from before holds, where another
/// node gave no sign of life for too long and did not leave, since it may have died between a commit and its message; and
/// where Redis may be older than it was: the node that asks has seen that, or there was none to see it. An epoch is the time
/// of the server, so that one that was lost is not given again.
static LIVE: Script = Script::new(
    "local time = redis.call('TIME')
     local now = time[1] * 1000000 + time[2]
     local lost = redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[3]))
     local old = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[4]))
     local epoch = old
     if lost > 0 or old == 0 or ARGV[5] == '1' or redis.call('ZCARD', KEYS[1]) == 0 then
         epoch = math.max(now, old + 1)
     end
     epoch = string.format('%.0f', epoch)
     redis.call('SET', KEYS[2], epoch)
     redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[2])
     redis.call('PUBLISH', ARGV[1], '{\"node\":\"' .. ARGV[2] .. '\",\"epoch\":' .. epoch .. '}')
     return epoch",
);

/// Begins a new epoch, in which nothing holds that Redis keeps from before.
static NEXT_EPOCH: Script = Script::new(
    "local time = redis.call('TIME')
     local now = time[1] * 1000000 + time[2]
     local epoch = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0') + 1)
     return redis.call('SET', KEYS[1], string.format('%.0f', epoch))",
);

impl Redis {
    /// Lets nothing hold any more that Redis keeps of the database, as after a restore. No server runs meanwhile.
    ///
    /// # Errors
    /// [`Away`] where Redis does not answer.
    pub async fn begin_epoch(&self) -> Result<(), Away> {
        let call = Call { keys: &[NODES[1]], arguments: &[] };
        self.run::<String>(&NEXT_EPOCH, call).await.map(drop)
    }
}

/// What this node tells others, and hears of them.
pub(super) struct Remote {
    redis: Redis,
    node: Uuid,
    untold: Untold,
    /// The epoch of what Redis keeps; 0 until it is known.
    epoch: AtomicU64,
    /// The number of the servers of Redis that the epoch was asked of; 0 until there were any.
    believed: AtomicU64,
    /// Whether the node has said that it goes. Held while it gives a sign of life, so that none comes later.
    has_left: Mutex<bool>,
}

impl Remote {
    pub(super) fn new(redis: Redis) -> Self {
        let mut bytes = [0_u8; 16];
        mono_core::id::Random::fill(&crate::system::SystemRandom, &mut bytes);
        let node = uuid::Builder::from_random_bytes(bytes).into_uuid();
        Self {
            redis,
            node,
            untold: Untold::default(),
            epoch: AtomicU64::new(0),
            believed: AtomicU64::new(0),
            has_left: Mutex::new(false),
        }
    }

    /// Begins to listen and to give signs of life, until nobody uses the link any more.
    pub(super) fn start(redis: &Redis, inner: Weak<Inner>) {
        tokio::spawn(listen(redis.clone(), inner.clone()));
        tokio::spawn(live(inner));
    }

    pub(super) const fn node(&self) -> Uuid {
        self.node
    }

    /// Whether Redis answers, and is the one that the epoch is of.
    pub(super) fn is_up(&self) -> bool {
        self.redis.incarnation() == Some(self.believed.load(Ordering::Acquire))
    }

    /// Redis and its epoch, where what it keeps of an owner can be trusted.
    pub(super) fn trusted(&self, owner: Owner) -> Option<(&Redis, u64)> {
        let is_trusted = self.is_up() && !self.untold.has(owner);
        is_trusted.then(|| (&self.redis, self.epoch.load(Ordering::Acquire)))
    }

    /// Notes what was changed and is to be told, and gives the number of the change: from here on what Redis keeps is not
    /// trusted.
    pub(super) fn note(&self, touched: &Touched) -> u64 {
        self.untold.note(touched.clone())
    }

    /// Tells a change that was noted. What cannot be told is told again with the next sign of life. To be waited for to its
    /// end.
    pub(super) async fn tell(&self, change: u64, touched: Touched) {
        let failed = self.raise(touched).await;
        self.untold.end(change, failed);
    }

    /// Raises versions and tells so; gives what Redis did not take.
    pub(super) async fn raise(&self, touched: Touched) -> Touched {
        let mut owners = BTreeMap::<Owner, Vec<Tag>>::new();
        for (owner, tag) in touched {
            owners.entry(owner).or_default().push(tag);
        }
        let mut failed = Touched::new();
        // A call has tags of one owner: their keys lie on one server of a cluster.
        for (owner, tags) in &owners {
            for tags in tags.chunks(CHUNK) {
                let keys = tags.iter().map(|tag| tag_key(*owner, tag)).collect::<Vec<_>>();
                let keys = keys.iter().map(String::as_str).collect::<Vec<_>>();
                let touched = tags.iter().map(|tag| (*owner, tag.clone())).collect::<Vec<_>>();
                let told = match self.message(&touched, &[]) {
                    Some(message) => {
                        let arguments = [TAG_LIFETIME.as_bytes(), CHANNEL.as_bytes(), &message];
                        let call = Call { keys: &keys, arguments: &arguments };
                        self.redis.run::<i64>(&TOUCH, call).await.is_ok()
                    }
                    None => false,
                };
                if !told {
                    failed.extend(touched);
                }
            }
        }
        failed
    }

    /// Tells what could not be told before.
    async fn tell_again(&self) {
        if self.redis.is_up()
            && let Some((change, touched)) = self.untold.again()
        {
            self.tell(change, touched).await;
        }
    }

    /// What Redis could not be told and was not left in the database, while it is away.
    pub(super) fn take_unleft(&self) -> Touched {
        if self.redis.is_up() { Touched::new() } else { self.untold.take_unleft() }
    }

    pub(super) fn put_back(&self, unleft: Touched) {
        self.untold.put_back(unleft);
    }

    /// Says that the node is there; gives whether a new epoch has begun.
    async fn live(&self) -> bool {
        let Some(incarnation) = self.redis.incarnation() else { return false };
        let believed = self.believed.load(Ordering::Acquire);
        let is_other = if believed == 0 || believed == incarnation { b"0" } else { b"1" };
        let (node, known) = (self.node.to_string(), self.epoch.load(Ordering::Acquire).to_string());
        let arguments =
            [CHANNEL.as_bytes(), node.as_bytes(), LOST_AFTER.as_bytes(), known.as_bytes(), is_other];
        match self.redis.run::<u64>(&LIVE, Call { keys: &NODES, arguments: &arguments }).await {
            Ok(epoch) => {
                let is_new = self.adopt(epoch);
                // After the epoch: whoever finds that Redis is believed goes by the new one.
                self.believed.store(incarnation, Ordering::Release);
                is_new
            }
            Err(_) => false,
        }
    }

    /// Goes on in an epoch; whether it is a new one.
    pub(super) fn adopt(&self, epoch: u64) -> bool {
        self.epoch.fetch_max(epoch, Ordering::AcqRel) < epoch
    }

    /// Says that this node goes and has nothing left to tell, so that nobody takes it for lost.
    pub(super) async fn leave(&self) {
        *self.has_left.lock().await = true;
        self.tell_again().await;
        if self.untold.is_empty() {
            let mut command = redis::cmd("ZREM");
            command.arg(NODES[0]).arg(self.node.to_string());
            let _ = self.redis.send::<i64>(&command).await;
        }
    }

    pub(super) async fn tell_moved(&self, tenant: TenantId) {
        self.publish(self.message(&[], &[tenant])).await;
    }

    async fn publish(&self, message: Option<Vec<u8>>) {
        let Some(message) = message else { return };
        let mut command = redis::cmd("PUBLISH");
        command.arg(CHANNEL).arg(message);
        // Whoever missed it looks again when it hears anything.
        let _ = self.redis.send::<i64>(&command).await;
    }

    fn message(&self, touched: &[(Owner, Tag)], moved: &[TenantId]) -> Option<Vec<u8>> {
        let message = Message { node: self.node, epoch: 0, touched: touched.to_vec(), moved: moved.to_vec() };
        serde_json::to_vec(&message)
            .inspect_err(|error| tracing::error!("a message cannot be written: {error}"))
            .ok()
    }
}

/// Tells that the node is there, and what could not be told before.
async fn live(inner: Weak<Inner>) {
    loop {
        {
            let Some(inner) = inner.upgrade() else { return };
            let Some(remote) = &inner.remote else { return };
            let has_left = remote.has_left.lock().await;
            if *has_left {
                return;
            }
            remote.tell_again().await;
            if remote.live().await {
                inner.freshness.next_epoch();
            }
        }
        tokio::time::sleep(SIGN_OF_LIFE).await;
    }
}

async fn listen(redis: Redis, inner: Weak<Inner>) {
    let mut subscription = redis.subscribe(CHANNEL.to_owned());
    drop(redis);
    loop {
        let heard = subscription.next().await;
        let Some(inner) = inner.upgrade() else { return };
        match heard {
            Heard::Listening => {
                inner.freshness.set_live(true);
                inner.hear_moved(None);
            }
            Heard::Lost => inner.freshness.set_live(false),
            Heard::Message(message) => match serde_json::from_slice::<Message>(&message) {
                Ok(message) if inner.remote.as_ref().is_some_and(|remote| remote.node == message.node) => {}
                Ok(message) => inner.hear(&message),
                Err(error) => {
                    tracing::error!("a message of another node cannot be read: {error}");
                    inner.freshness.next_epoch();
                    inner.hear_moved(None);
                }
            },
        }
    }
}
