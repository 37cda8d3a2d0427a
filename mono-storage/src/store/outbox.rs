//! What happened, written in the transaction that made it happen: an event exists if and only if its cause does.

use crate::db::{Database, FromRow, Row, TenantTx};
use crate::{platform_sql, sql};
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::event::EventPayload;
use mono_core::id::{EventId, TenantId};
use mono_core::time::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// How many events are numbered or read at once.
const BATCH: i64 = 500;

/// How far back a look reaches: clocks of nodes differ, and a number is given a moment before its commit. So a tenant is
/// read three hundred times after its last event, some microseconds each; numbering the event has cost more.
const OVERLAP: Duration = Duration::from_mins(5);

/// Something that happened in a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Where it happened.
    pub tenant_id: TenantId,
    /// Its number among the events of the tenant: 1, 2, 3 …, given a moment after the commit.
    pub sequence: i64,
    /// What kind of event it is: `limit.threshold_reached`.
    pub kind: String,
    /// What is to be known about it; [`read`](Self::read) gives it as its type.
    pub payload: serde_json::Value,
    /// Ties it to the request that caused it.
    pub correlation_id: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
}

/// The columns that [`Event`] reads.
macro_rules! columns {
    () => {
        "tenant_id, id, sequence, kind, payload, correlation_id, created_at"
    };
}

impl FromRow for Event {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            tenant_id: row.get("tenant_id")?,
            sequence: row.get("sequence")?,
            kind: row.get("kind")?,
            payload: row.get("payload")?,
            correlation_id: row.get_optional("correlation_id")?,
            created_at: row.get("created_at")?,
        })
    }
}

impl Event {
    /// What is to be known about it, where it is of this kind; `None` where it is of another.
    ///
    /// # Errors
    /// `Internal` where it is of this kind and cannot be read: a version of the program wrote it that this one does not
    /// understand.
    pub fn read<E: EventPayload>(&self) -> Result<Option<E>, Error> {
        if self.kind != E::KIND {
            return Ok(None);
        }
        E::deserialize(&self.payload).map(Some).map_err(Error::internal)
    }
}

impl TenantTx {
    /// Tells that something happened, if the transaction commits.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn emit<E: EventPayload>(&mut self, event: &E) -> Result<(), Error> {
        let payload = serde_json::to_value(event).map_err(Error::internal)?;
        let (id, now) = (self.new_id::<EventId>(), self.now());
        let correlation_id = self.caller().request().correlation_id.clone();
        sql!(
            self,
            "INSERT INTO outbox (tenant_id, id, kind, payload, correlation_id, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            id,
            E::KIND,
            payload,
            correlation_id,
            now
        )
        .execute()
        .await?;
        self.events_wait();
        Ok(())
    }

    /// The events of the tenant behind one, in their order, at most 500; from the oldest that is kept where no event is
    /// named. An event is kept for seven days.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks; `NotFound` where the named event is not kept, so that what came after it
    /// may not be either.
    pub async fn events_after(&mut self, id: Option<EventId>) -> Result<Vec<Event>, Error> {
        self.caller().require_system()?;
        let Some(id) = id else { return self.events_behind(0).await };
        let found = sql!(
            self,
            "SELECT sequence FROM outbox WHERE tenant_id = $1 AND id = $2 AND sequence IS NOT NULL",
            id
        );
        let rows = found.rows().await?;
        let sequence = rows.first().ok_or_else(|| Error::not_found("an event"))?.get("sequence")?;
        self.events_behind(sequence).await
    }

    /// The events of the tenant behind a number, in their order, at most 500 of those that are kept. Where the first has not
    /// the next number, what lies between is kept no longer. A transaction of
    /// [`read_current`](crate::db::Tenant::read_current) misses none that has a number.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn events_behind(&mut self, sequence: i64) -> Result<Vec<Event>, Error> {
        self.caller().require_system()?;
        sql!(
            self,
            concat!(
                "SELECT ",
                columns!(),
                " FROM outbox WHERE tenant_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
            ),
            sequence,
            BATCH
        )
        .all()
        .await
    }
}

/// What the bus does, for all tenants.
impl Database {
    pub(crate) async fn tenants_with_events_waiting(&self) -> Result<Vec<TenantId>, Error> {
        let system = Caller::system(SystemReason::Events);
        let mut tx = self.platform(&system).read().await?;
        let rows =
            platform_sql!(tx, "SELECT DISTINCT tenant_id FROM outbox WHERE sequence IS NULL").rows().await?;
        rows.iter().map(|row| row.get("tenant_id")).collect()
    }

    /// Gives numbers to the events of a tenant that wait, in the order in which they were written. Whether there were any
    /// that no other node numbers at this moment.
    pub(crate) async fn number_events(&self, tenant: TenantId) -> Result<bool, Error> {
        let system = Caller::system(SystemReason::Events);
        let mut tx = self.platform(&system).write().await?;
        let now = tx.now();
        platform_sql!(
            tx,
            "INSERT INTO event_heads (for_tenant_id, sequence, moved_at) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
            tenant,
            now
        )
        .execute()
        .await?;
        let head = platform_sql!(
            tx,
            pg: "SELECT sequence FROM event_heads WHERE for_tenant_id = $1 FOR UPDATE SKIP LOCKED",
            lite: "SELECT sequence FROM event_heads WHERE for_tenant_id = $1",
            tenant
        )
        .rows()
        .await?;
        let Some(head) = head.first() else { return Ok(false) };
        let head: i64 = head.get("sequence")?;
        let numbered = platform_sql!(
            tx,
            "UPDATE outbox SET sequence = waiting.place + $2
             FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS place FROM outbox
                   WHERE tenant_id = $1 AND sequence IS NULL ORDER BY created_at, id LIMIT $3) AS waiting
             WHERE outbox.tenant_id = $1 AND outbox.id = waiting.id",
            tenant,
            head,
            BATCH
        )
        .execute()
        .await?;
        let numbered = i64::try_from(numbered).unwrap_or(i64::MAX);
        platform_sql!(
            tx,
            "UPDATE event_heads SET sequence = sequence + $2, moved_at = $3 WHERE for_tenant_id = $1",
            tenant,
            numbered,
            now
        )
        .execute()
        .await?;
        tx.commit().await?;
        if numbered == BATCH {
            self.bus().events_wait();
        }
        Ok(numbered > 0)
    }

    /// The number of the last event of each tenant that has had any since a moment, by clocks that may be five minutes late:
    /// for a subscriber that missed some, and asks for them with [`TenantTx::events_behind`].
    ///
    /// It is read along an index, so that a tenant that is quiet costs nothing. With 10,000 quiet ones it takes PostgreSQL
    /// 6 µs, where reading them all took 600.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn event_heads(&self, since: Timestamp) -> Result<HashMap<TenantId, i64>, Error> {
        let system = Caller::system(SystemReason::Events);
        let mut tx = self.platform(&system).read().await?;
        let rows = platform_sql!(
            tx,
            "SELECT for_tenant_id, sequence FROM event_heads WHERE moved_at > $1",
            since - OVERLAP
        )
        .rows()
        .await?;
        rows.iter().map(|row| Ok((row.get("for_tenant_id")?, row.get("sequence")?))).collect()
    }

    /// The events of a tenant behind a number, in their order.
    pub(crate) async fn numbered_events(&self, tenant: TenantId, after: i64) -> Result<Vec<Event>, Error> {
        let system = Caller::system(SystemReason::Events);
        let mut tx = self.platform(&system).read().await?;
        platform_sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                " FROM outbox WHERE tenant_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
            ),
            tenant,
            after,
            BATCH
        )
        .all()
        .await
    }

    /// Removes the events from before a moment that were told.
    pub(crate) async fn remove_events(&self, before: Timestamp) -> Result<u64, Error> {
        let system = Caller::system(SystemReason::Events);
        let mut tx = self.platform(&system).write().await?;
        let removed =
            platform_sql!(tx, "DELETE FROM outbox WHERE sequence IS NOT NULL AND created_at < $1", before)
                .execute()
                .await?;
        tx.commit().await?;
        Ok(removed)
    }
}
