//! The other nodes, through Redis.

use super::Inner;
use super::message::Message;
use super::tag::{Owner, Tag, Touched};
use crate::redis::{Call, Heard, Redis, Script, tag_key};
use mono_core::id::TenantId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use uuid::Uuid;

/// The channel of all nodes. It has the tag of the platform, as keys have.
const CHANNEL: &str = "{p}:bus";

/// How often a node says that it is there. Whoever hears nothing for three seconds hears nothing at all.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

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

/// What this node tells others, and hears of them.
pub(super) struct Remote {
    redis: Redis,
    node: Uuid,
    /// What was changed and not yet told. Until it is, this node does not trust what Redis keeps.
    untold: Mutex<Touched>,
}

impl Remote {
    pub(super) fn new(redis: Redis) -> Self {
        let mut bytes = [0_u8; 16];
        mono_core::id::Random::fill(&crate::system::SystemRandom, &mut bytes);
        Self { redis, node: uuid::Builder::from_random_bytes(bytes).into_uuid(), untold: Mutex::default() }
    }

    /// Begins to listen and to give signs of life, until nobody uses the link any more.
    pub(super) fn start(redis: &Redis, inner: Weak<Inner>) {
        tokio::spawn(listen(redis.clone(), inner.clone()));
        tokio::spawn(live(inner));
    }

    fn untold(&self) -> MutexGuard<'_, Touched> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_up(&self) -> bool {
        self.redis.is_up()
    }

    pub(super) fn trusted(&self) -> Option<&Redis> {
        (self.redis.is_up() && self.untold().is_empty()).then_some(&self.redis)
    }

    pub(super) async fn touch(&self, touched: Touched) {
        // Kept until it is told: where this is not waited for to its end, the sign of life tells it.
        self.untold().extend(touched.iter().cloned());
        self.tell(touched).await;
    }

    async fn tell(&self, touched: Touched) {
        let mut owners = BTreeMap::<Owner, Vec<Tag>>::new();
        for (owner, tag) in touched {
            owners.entry(owner).or_default().push(tag);
        }
        // One call for each owner: its keys lie on one server of a cluster.
        for (owner, tags) in owners {
            let keys = tags.iter().map(|tag| tag_key(owner, tag)).collect::<Vec<_>>();
            let touched = tags.iter().map(|tag| (owner, tag.clone())).collect();
            let Some(message) = self.message(touched, Vec::new()) else { continue };
            let keys = keys.iter().map(String::as_str).collect::<Vec<_>>();
            let arguments = [TAG_LIFETIME.as_bytes(), CHANNEL.as_bytes(), &message];
            if self.redis.run::<i64>(&TOUCH, Call { keys: &keys, arguments: &arguments }).await.is_ok() {
                let mut untold = self.untold();
                for tag in tags {
                    untold.remove(&(owner, tag));
                }
            }
        }
    }

    pub(super) async fn tell_moved(&self, tenant: TenantId) {
        self.publish(self.message(Vec::new(), vec![tenant])).await;
    }

    async fn publish(&self, message: Option<Vec<u8>>) {
        let Some(message) = message else { return };
        let mut command = redis::cmd("PUBLISH");
        command.arg(CHANNEL).arg(message);
        // Whoever missed it looks again when it hears anything.
        let _ = self.redis.send::<i64>(&command).await;
    }

    fn message(&self, touched: Vec<(Owner, Tag)>, moved: Vec<TenantId>) -> Option<Vec<u8>> {
        let message = Message { node: self.node, touched, moved };
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
            let untold = remote.untold().clone();
            if !untold.is_empty() {
                remote.tell(untold).await;
            }
            remote.publish(remote.message(Vec::new(), Vec::new())).await;
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
