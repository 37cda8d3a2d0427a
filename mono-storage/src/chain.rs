//! The chain of the audit log: each entry holds its number and a hash over itself and the entry before it.

use crate::db::{FromRow, PlatformTx, Row, TenantTx};
use crate::{platform_sql, sql};
use hmac::{Hmac, KeyInit, Mac};
use mono_core::Error;
use mono_core::audit::Action;
use mono_core::caller::Caller;
use mono_core::id::{AuditId, TenantId};
use mono_core::time::Timestamp;
use serde_json::{Number, Value, json};
use sha2::Sha256;
use std::fmt::Write as _;
use uuid::Uuid;

/// Whose log it is; `None` is the platform's own.
pub(crate) type Log = Option<TenantId>;

/// The id under which the chain of a log stands; zeros for the platform's own.
pub(crate) fn chain_id(log: Log) -> Uuid {
    log.map_or(Uuid::nil(), TenantId::uuid)
}

/// The key of the hashes. Without a key of its own a database has an empty one: a plain hash, which everybody can make.
#[derive(Clone)]
pub(crate) struct ChainKey(Hmac<Sha256>);

impl ChainKey {
    pub(crate) fn new(key: &[u8]) -> Result<Self, Error> {
        Hmac::new_from_slice(key).map(Self).map_err(|error| Error::internal(error.to_string()))
    }

    /// The hash of a list of values, in hexadecimal.
    pub(crate) fn hash(&self, mut values: Value) -> String {
        values.sort_all_objects();
        let mut mac = self.0.clone();
        mac.update(values.to_string().as_bytes());
        mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The keys of a database: the newest chains, and all verify what they have chained.
#[derive(Clone)]
pub(crate) struct ChainKeys {
    newest: ChainKey,
    older: Vec<ChainKey>,
}

impl ChainKeys {
    pub(crate) fn new(newest: &[u8], older: &[&[u8]]) -> Result<Self, Error> {
        let older = older.iter().map(|key| ChainKey::new(key)).collect::<Result<_, _>>()?;
        Ok(Self { newest: ChainKey::new(newest)?, older })
    }

    pub(crate) const fn count(&self) -> usize {
        self.older.len() + 1
    }

    pub(crate) const fn newest(&self) -> &ChainKey {
        &self.newest
    }

    /// The place of the key, the newest first, that made this hash.
    pub(crate) fn maker(&self, hash: &str, of: impl Fn(&ChainKey) -> String) -> Option<usize> {
        std::iter::once(&self.newest).chain(&self.older).position(|key| of(key) == hash)
    }
}

/// An entry, before it has its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) id: AuditId,
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) entity: String,
    pub(crate) entity_id: Option<Uuid>,
    pub(crate) changes: Value,
    pub(crate) ip_address: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) correlation_id: Option<String>,
}

/// The columns that [`Entry`] reads.
macro_rules! entry_columns {
    () => {
        "id, at, actor, action, entity, entity_id, changes, ip_address, user_agent, correlation_id"
    };
}
pub(crate) use entry_columns;

impl FromRow for Entry {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            action: row.get("action")?,
            entity: row.get("entity")?,
            entity_id: row.get_optional("entity_id")?,
            changes: row.get("changes")?,
            ip_address: row.get_optional("ip_address")?,
            user_agent: row.get_optional("user_agent")?,
            correlation_id: row.get_optional("correlation_id")?,
        })
    }
}

impl Entry {
    /// What a caller does at a moment.
    pub(crate) fn new(
        (id, at): (AuditId, Timestamp),
        caller: &Caller,
        action: Action,
        entity: &str,
        entity_id: Option<Uuid>,
        changes: Value,
    ) -> Self {
        let request = caller.request();
        Self {
            id,
            at: mono_core::time::truncate(at),
            actor: caller.actor().to_string(),
            action: action.as_str().to_owned(),
            entity: entity.to_owned(),
            entity_id,
            changes: stable(changes),
            ip_address: request.ip_address.map(|ip| ip.to_string()),
            user_agent: request.user_agent.clone(),
            correlation_id: request.correlation_id.clone(),
        }
    }

    /// The hash of the entry at its place in a chain.
    pub(crate) fn hash(&self, key: &ChainKey, log: Log, sequence: i64, previous: &str) -> String {
        key.hash(json!([
            previous,
            chain_id(log),
            sequence,
            self.id,
            self.at.timestamp_micros(),
            self.actor,
            self.action,
            self.entity,
            self.entity_id,
            self.changes,
            self.ip_address,
            self.user_agent,
            self.correlation_id
        ]))
    }
}

/// The same value with each whole number as an integer: a database may give `1e16` back as `10000000000000000`.
fn stable(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(&number).unwrap_or(number)),
        Value::Array(items) => items.into_iter().map(stable).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, stable(value))).collect(),
        other => other,
    }
}

fn whole(number: &Number) -> Option<Number> {
    let value = number.as_f64().filter(|value| number.is_f64() && value.fract() == 0.0)?;
    let digits = format!("{value:.0}");
    digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from)).ok()
}

/// Writes entries at the end of a chain. The lock is a statement of its own: what a statement sees is settled when it
/// begins, so one that waited for a lock would still see the end as it was before.
///
/// Called when a transaction commits and not before: the lock of the chain is then the last that a transaction takes,
/// whatever else it holds, and two transactions never wait for each other.
macro_rules! append {
    ($sql:ident, $tx:expr, $key:expr, $log:expr, $entries:expr, $insert:expr $(, $chain:expr)?) => {{
        $tx.lock(chain_id($log)).await?;
        let head = $sql!($tx, "SELECT sequence, hash FROM audit_chains WHERE tenant_id = $1" $(, $chain)?).rows().await?;
        let (mut sequence, mut hash) = match head.first() {
            Some(head) => (head.get::<i64>("sequence")?, head.get::<String>("hash")?),
            None => (0, String::new()),
        };
        for entry in $entries {
            sequence += 1;
            metrics::counter!("audit_entries_total", "entity" => entry.entity.clone(), "action" => entry.action.clone())
                .increment(1);
            hash = entry.hash($key, $log, sequence, &hash);
            $sql!(
                $tx,
                $insert $(, $chain)?,
                entry.id,
                entry.at,
                entry.actor,
                entry.action,
                entry.entity,
                entry.entity_id,
                entry.changes,
                entry.ip_address,
                entry.user_agent,
                entry.correlation_id,
                sequence,
                hash.as_str()
            )
            .execute()
            .await?;
        }
        $sql!(
            $tx,
            "INSERT INTO audit_chains (tenant_id, sequence, hash) VALUES ($1, $2, $3)
             ON CONFLICT (tenant_id) DO UPDATE SET sequence = $2, hash = $3"
            $(, $chain)?,
            sequence,
            hash
        )
        .execute()
        .await?;
        Ok(())
    }};
}

macro_rules! insert_of_tenant {
    () => {
        "INSERT INTO audit_log (tenant_id, id, at, actor, action, entity, entity_id, changes, ip_address, user_agent,
             correlation_id, sequence, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    };
}

impl TenantTx {
    pub(crate) async fn append(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        let (key, log) = (self.database().audit_keys().newest().clone(), Some(self.tenant()));
        append!(sql, self, &key, log, entries, insert_of_tenant!())
    }
}

impl PlatformTx {
    pub(crate) async fn append(&mut self, log: Log, entries: Vec<Entry>) -> Result<(), Error> {
        let (key, chain) = (self.database().audit_keys().newest().clone(), chain_id(log));
        if log.is_some() {
            append!(platform_sql, self, &key, log, entries, insert_of_tenant!(), chain)
        } else {
            append!(
                platform_sql,
                self,
                &key,
                log,
                entries,
                "INSERT INTO platform_audit_log (id, at, actor, action, entity, entity_id, changes, ip_address, user_agent,
                     correlation_id, sequence, hash)
                 VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                chain
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are() {
        let given: Value =
            serde_json::from_str("[1.0, 1e16, -0.0, 0.1, 1e300, 18446744073709551615, {\"a\": 2.0}]")
                .unwrap();
        assert_eq!(
            stable(given).to_string(),
            r#"[1,10000000000000000,0,0.1,1e+300,18446744073709551615,{"a":2}]"#
        );
    }

    #[test]
    fn a_hash_depends_on_the_key() {
        let hash = |key: &[u8]| ChainKey::new(key).unwrap().hash(json!(["x"]));
        assert_eq!(hash(b"key").len(), 64);
        assert_ne!(hash(b"key"), hash(b""));
        assert_eq!(hash(b"key"), hash(b"key"));
    }
}
