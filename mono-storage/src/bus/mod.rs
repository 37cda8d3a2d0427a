//! What nodes tell each other: what was changed, so that nobody keeps what holds no more, and that events wait.
//!
//! One node needs no Redis. Several nodes hear each other through Redis, on one channel; while they do not, they keep
//! nothing in memory whose truth depends on hearing.

mod event_bus;
mod exchange;
mod freshness;
#[cfg(feature = "redis")]
mod message;
#[cfg_attr(not(feature = "redis"), path = "remote_absent.rs")]
mod remote;
mod tag;
#[cfg(feature = "redis")]
mod untold;

pub use event_bus::{Delivery, EventBus, Events};
pub(crate) use freshness::Freshness;
pub use freshness::Stamp;
#[cfg(feature = "redis")]
pub(crate) use remote::TAG_LIFETIME;
pub use tag::Tag;
pub(crate) use tag::{Owner, Touched, touched_by};

#[cfg(feature = "redis")]
use crate::redis::Redis;
#[cfg(feature = "redis")]
use message::Message;
use mono_core::id::TenantId;
use remote::Remote;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

/// How late the time of the cache may be.
const TICK: Duration = Duration::from_millis(100);

/// How often a node looks into the database by itself: for what no message told.
const LOOK: Duration = Duration::from_secs(1);

/// How many wake-ups wait for a slow reader; it looks at everything where it missed one.
const WAKE_UPS: usize = 1024;

/// The link between the nodes of an installation. Cheap to clone; all clones are one link.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    freshness: Freshness,
    remote: Option<Remote>,
    /// Told when a transaction of this node has committed an event.
    waiting: Notify,
    /// The tenants whose events have moved on; `None` where some may have been missed.
    moved: broadcast::Sender<Option<TenantId>>,
}

impl Bus {
    /// A link of one node with itself. Called inside a runtime of tokio.
    pub fn in_memory() -> Self {
        Self::make(None)
    }

    /// A link through Redis. Called inside a runtime of tokio.
    #[cfg(feature = "redis")]
    pub fn over(redis: &Redis) -> Self {
        let bus = Self::make(Some(Remote::new(redis.clone())));
        Remote::start(redis, Arc::downgrade(&bus.inner));
        bus
    }

    fn make(remote: Option<Remote>) -> Self {
        let inner = Arc::new(Inner {
            freshness: Freshness::new(remote.is_none()),
            remote,
            waiting: Notify::new(),
            moved: broadcast::Sender::new(WAKE_UPS),
        });
        tokio::spawn(tick(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// Whether this node hears what others change: Redis may be such that others cannot tell it. Alone, it always does.
    #[inline]
    pub fn is_live(&self) -> bool {
        self.inner.freshness.is_live() && self.inner.remote.as_ref().is_none_or(Remote::is_up)
    }

    /// Whether Redis answers and its messages are heard; `None` where there is none.
    pub fn redis_state(&self) -> Option<bool> {
        self.inner.remote.as_ref().map(|_| self.is_live())
    }

    /// Forgets everything that is kept in the memory of this node.
    pub fn forget(&self) {
        self.inner.freshness.next_epoch();
    }

    /// Tells everybody that something of a tenant, or of the platform, was changed by other ways than a transaction of
    /// mono, which tells by itself.
    pub async fn changed(&self, owner: Option<TenantId>, tag: Tag) {
        let bus = self.clone();
        // Where nobody waits for it any more it goes on to its end.
        let told = tokio::spawn(async move { bus.touch([(owner, tag)].into()).await });
        let _ = told.await;
    }

    /// Tells everybody what was changed: this node at once, Redis before this returns, other nodes a moment later. Called
    /// after the commit, and waited for to its end.
    pub(crate) async fn touch(&self, touched: Touched) {
        // Before this node forgets: whoever finds its memory empty must not take from Redis what is as old.
        let change = self.inner.remote.as_ref().map(|remote| (remote, remote.note(&touched)));
        self.inner.freshness.touch(touched.iter().map(|(owner, tag)| (*owner, tag)));
        if let Some((remote, change)) = change {
            remote.tell(change, touched).await;
        }
    }

    /// Says that this node goes, so that nobody takes it for lost. What it changes from now on is not told.
    pub async fn leave(&self) {
        if let Some(remote) = &self.inner.remote {
            remote.leave().await;
        }
    }

    /// The id of this node among others; `None` where there are none.
    pub(crate) fn node(&self) -> Option<Uuid> {
        self.inner.remote.as_ref().map(Remote::node)
    }

    /// What this node has changed and could not tell, while Redis is away. It is given once.
    pub(crate) fn take_unleft(&self) -> Touched {
        self.inner.remote.as_ref().map(Remote::take_unleft).unwrap_or_default()
    }

    /// It could not be left in the database.
    pub(crate) fn put_back(&self, unleft: Touched) {
        if let Some(remote) = &self.inner.remote {
            remote.put_back(unleft);
        }
    }

    /// Heeds what another node has changed and could not tell; gives what Redis did not take, to be heeded again. First
    /// Redis, and then the memory: whoever finds that empty must not take from Redis what is as old.
    pub(crate) async fn heed(&self, touched: Touched) -> Touched {
        let Some(remote) = self.inner.remote.as_ref().filter(|_| !touched.is_empty()) else {
            return Touched::new();
        };
        let failed = remote.raise(touched.clone()).await;
        self.inner.freshness.touch(touched.iter().map(|(owner, tag)| (*owner, tag)));
        failed
    }

    /// A transaction of this node has committed an event.
    pub(crate) fn events_wait(&self) {
        self.inner.waiting.notify_one();
    }

    /// The events of a tenant have moved on.
    pub(crate) async fn events_moved(&self, tenant: TenantId) {
        self.inner.hear_moved(Some(tenant));
        if let Some(remote) = &self.inner.remote {
            remote.tell_moved(tenant).await;
        }
    }

    /// The state of some tags of tenants and of the platform, from before something is loaded that depends on them.
    pub fn stamp<'t>(&self, tags: impl IntoIterator<Item = (Option<TenantId>, &'t Tag)>) -> Stamp {
        self.inner.freshness.stamp(tags)
    }

    /// The stamp with further tags, as they are now: for what is known only after the first part of a load.
    pub fn widen<'t>(
        &self,
        stamp: Stamp,
        tags: impl IntoIterator<Item = (Option<TenantId>, &'t Tag)>,
    ) -> Stamp {
        self.inner.freshness.widen(stamp, tags)
    }

    /// Whether what was loaded behind a stamp still holds, as far as this node has heard.
    pub fn holds(&self, stamp: &Stamp) -> bool {
        self.inner.freshness.holds(stamp)
    }

    pub(crate) fn freshness(&self) -> &Freshness {
        &self.inner.freshness
    }

    /// Redis and its epoch, where what it keeps of an owner can be trusted: it answers, and knows of everything that this
    /// node has changed.
    #[cfg(feature = "redis")]
    pub(crate) fn trusted(&self, owner: Owner) -> Option<(&Redis, u64)> {
        self.inner.remote.as_ref().and_then(|remote| remote.trusted(owner))
    }

    /// Whether there is a Redis at all.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn is_shared(&self) -> bool {
        self.inner.remote.is_some()
    }
}

impl Inner {
    /// Another node has told something.
    #[cfg(feature = "redis")]
    fn hear(&self, message: &Message) {
        if self.remote.as_ref().is_some_and(|remote| remote.adopt(message.epoch)) {
            self.freshness.next_epoch();
        }
        self.freshness.touch(message.touched.iter().map(|(owner, tag)| (*owner, tag)));
        for tenant in &message.moved {
            self.hear_moved(Some(*tenant));
        }
    }

    fn hear_moved(&self, tenant: Option<TenantId>) {
        // Nobody may be listening.
        let _ = self.moved.send(tenant);
    }
}

/// Moves the time of the cache, until nobody uses it any more.
async fn tick(inner: Weak<Inner>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        inner.freshness.tick();
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("is_live", &self.is_live()).finish_non_exhaustive()
    }
}
