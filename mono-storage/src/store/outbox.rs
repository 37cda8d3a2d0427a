//! What happened, written in the transaction that made it happen: an event exists if and only if its cause does.

use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::Error;
use mono_core::id::EventId;
use mono_core::time::Timestamp;
use serde::Serialize;

/// Something that happened in a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What kind of event it is: `limit.threshold_reached`.
    pub kind: String,
    /// What is to be known about it.
    pub payload: serde_json::Value,
    /// Ties it to the request that caused it.
    pub correlation_id: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
}

impl FromRow for Event {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.get("kind")?,
            payload: row.get("payload")?,
            correlation_id: row.get_optional("correlation_id")?,
            created_at: row.get("created_at")?,
        })
    }
}

impl TenantTx {
    /// Tells that something happened, if the transaction commits.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn emit(&mut self, kind: &'static str, payload: &impl Serialize) -> Result<(), Error> {
        let payload = serde_json::to_value(payload).map_err(Error::internal)?;
        let (id, now) = (self.new_id::<EventId>(), self.now());
        let correlation_id = self.caller().request().correlation_id.clone();
        sql!(
            self,
            "INSERT INTO outbox (tenant_id, id, kind, payload, correlation_id, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            id,
            kind,
            payload,
            correlation_id,
            now
        )
        .execute()
        .await?;
        Ok(())
    }

    /// The events of the tenant that are not taken away yet, oldest first; at most a thousand.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn events(&mut self) -> Result<Vec<Event>, Error> {
        self.caller().require_system()?;
        sql!(
            self,
            "SELECT id, kind, payload, correlation_id, created_at FROM outbox WHERE tenant_id = $1
             ORDER BY created_at, id LIMIT 1000"
        )
        .all()
        .await
    }
}
