//! The events of the outbox, told to everybody on this node in the order of their tenant.
//!
//! The table is the truth, and messages only wake: an event is told if and only if its transaction committed, whatever
//! happens to a node or to Redis.

use super::LOOK;
use super::exchange::exchange;
use crate::db::Database;
use crate::store::Event;
use mono_core::Error;
use mono_core::id::TenantId;
use mono_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// How many events wait for one subscriber.
const BACKLOG: u16 = 4096;

/// How long an event is kept.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// How often events that are kept no longer are removed.
const CLEAN: Duration = Duration::from_mins(10);

/// Tells the events of all tenants to subscribers on this node. It runs until it is dropped.
pub struct EventBus {
    events: broadcast::Sender<Arc<Event>>,
    tasks: [JoinHandle<()>; 3],
}

/// What a subscriber gets.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// An event. Those of one tenant come in the order of their numbers, without a gap.
    Event(Arc<Event>),
    /// The subscriber was too slow and missed some, of any tenants. [`Database::event_heads`] says how far each has got, and
    /// [`TenantTx::events_behind`](crate::db::TenantTx::events_behind) gives its events again.
    Missed,
}

/// The events from a moment on.
pub struct Events(broadcast::Receiver<Arc<Event>>);

impl Events {
    /// Waits for the next event; `None` where the bus has ended.
    pub async fn next(&mut self) -> Option<Delivery> {
        match self.0.recv().await {
            Ok(event) => Some(Delivery::Event(event)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Delivery::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl EventBus {
    /// Begins to give numbers to events that wait, on this node, and to tell those of all nodes from now on. Where Redis is
    /// out of reach, what this node changes is told through the database meanwhile.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn start(database: &Database) -> Result<Self, Error> {
        Self::start_with_backlog(database, BACKLOG).await
    }

    /// As [`start`](Self::start), and keeps so many events for a subscriber that is slow, at least one. One that falls
    /// further behind is told that it missed some; with [`start`](Self::start) that is by 4096.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with_backlog(database: &Database, backlog: u16) -> Result<Self, Error> {
        let events = broadcast::Sender::new(usize::from(backlog.max(1)));
        let looked = database.now();
        let told = database.event_heads(Timestamp::UNIX_EPOCH).await?;
        let hub = Hub { database: database.clone(), events: events.clone(), told, looked };
        let wake_ups = database.bus().inner.moved.subscribe();
        let tasks = [
            tokio::spawn(dispatch(database.clone())),
            tokio::spawn(hub.run(wake_ups)),
            tokio::spawn(exchange(database.clone())),
        ];
        Ok(Self { events, tasks })
    }

    /// Hears every event from now on. However slow a subscriber is, nobody else waits for it.
    pub fn subscribe(&self) -> Events {
        Events(self.events.subscribe())
    }
}

impl Drop for EventBus {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Gives numbers to what waits.
async fn dispatch(database: Database) {
    // At the start too: a server may never run for long.
    let mut cleaned = None;
    loop {
        // Soon after a commit of this node, and sometimes for what another could not finish.
        let _ = tokio::time::timeout(LOOK, database.bus().inner.waiting.notified()).await;
        let work = async {
            for tenant in database.tenants_with_events_waiting().await? {
                if database.number_events(tenant).await? {
                    database.bus().events_moved(tenant).await;
                }
            }
            if cleaned.is_none_or(|at: Instant| at.elapsed() >= CLEAN) {
                cleaned = Some(Instant::now());
                database.remove_events(database.now() - KEPT).await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = work.await {
            tracing::warn!("events wait, the database does not take them on: {error}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Reads what has moved on, and tells it.
struct Hub {
    database: Database,
    events: broadcast::Sender<Arc<Event>>,
    /// The number of the last event that was told, for each tenant that had any.
    told: HashMap<TenantId, i64>,
    /// When it last looked at all tenants.
    looked: Timestamp,
}

impl Hub {
    async fn run(mut self, mut wake_ups: broadcast::Receiver<Option<TenantId>>) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let wake_up = tokio::select! {
                wake_up = wake_ups.recv() => Some(wake_up),
                _ = looks.tick() => None,
            };
            let result = match wake_up {
                Some(Ok(Some(tenant))) => self.tell(tenant).await,
                Some(Err(broadcast::error::RecvError::Closed)) => return,
                // Some may have been missed.
                Some(Ok(None) | Err(broadcast::error::RecvError::Lagged(_))) | None => self.look().await,
            };
            if let Err(error) = result {
                tracing::warn!("events cannot be read: {error}");
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Looks at all tenants: for those of which no message came.
    async fn look(&mut self) -> Result<(), Error> {
        let now = self.database.now();
        for (tenant, last) in self.database.event_heads(self.looked).await? {
            if self.told.get(&tenant).is_none_or(|told| *told < last) {
                self.tell(tenant).await?;
            }
        }
        self.looked = now;
        Ok(())
    }

    /// Tells what a tenant has that was not told, in order.
    async fn tell(&mut self, tenant: TenantId) -> Result<(), Error> {
        loop {
            let told = self.told.get(&tenant).copied().unwrap_or_default();
            let events = self.database.numbered_events(tenant, told).await?;
            let Some(last) = events.last().map(|event| event.sequence) else { return Ok(()) };
            for event in events {
                // Nobody may be listening.
                let _ = self.events.send(Arc::new(event));
            }
            self.told.insert(tenant, last);
        }
    }
}
