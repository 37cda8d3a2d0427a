//! The chain of the audit log, for the operator: whether it is whole, and the removal of what is old.

use super::audit::ENTITY;
use crate::chain::{ChainKey, ChainKeys, Entry, Log, chain_id, entry_columns};
use crate::db::{Database, FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::audit::Action;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{AuditId, TenantId};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use serde_json::json;

/// How many entries are read at once.
const BATCH: i64 = 1000;
/// How many entries one transaction removes: nobody else writes to the log meanwhile.
const PRUNE_BATCH: i64 = 10_000;

/// What is known of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// How many entries are in the chain.
    pub entries: i64,
    /// How many entries are from before there was a chain. Only their number is watched.
    pub unchained: i64,
    /// The number of the newest entry. Kept elsewhere together with its hash, it proves later that none of the entries up
    /// to it was taken away.
    pub sequence: i64,
    /// The hash of the newest entry.
    pub hash: String,
    /// How many entries each of the keys has chained, the newest key first, the mark of what was pruned among them. A key
    /// with none is needed no more.
    pub by_key: Vec<i64>,
    /// The first entry that is not as it was written.
    pub broken: Option<BrokenEntry>,
}

/// The first entry that is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenEntry {
    /// Its number; absent for entries from before there was a chain.
    pub sequence: Option<i64>,
    /// Its id; absent where the entry is gone.
    pub id: Option<AuditId>,
    /// What is wrong with it.
    pub damage: Damage,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It is not as it was written, stands in another place, or was written with another key.
    Changed,
    /// What stands there cannot be read.
    Unreadable,
    /// It is gone.
    Missing,
    /// It stands behind the end of the chain, or outside of it.
    Inserted,
    /// The mark that older entries were removed after their time was not made by mono.
    ForgedCheckpoint,
    /// The end of the chain is not the newest entry.
    ForgedEnd,
}

impl std::fmt::Display for BrokenEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.sequence {
            Some(sequence) => write!(f, "entry {sequence}")?,
            None => f.write_str("an entry from before the chain")?,
        }
        if let Some(id) = self.id {
            write!(f, " ({id})")?;
        }
        f.write_str(match self.damage {
            Damage::Changed => ": changed, or written with another key",
            Damage::Unreadable => ": changed, so that it cannot be read",
            Damage::Missing => ": missing",
            Damage::Inserted => ": inserted",
            Damage::ForgedCheckpoint => ": the mark of what was pruned up to here is forged",
            Damage::ForgedEnd => ": the end of the chain says another hash",
        })
    }
}

/// Where a chain begins and ends.
#[derive(Default)]
struct Chain {
    sequence: i64,
    hash: String,
    pruned_sequence: i64,
    pruned_hash: String,
    pruned_seal: String,
    unchained: i64,
}

impl FromRow for Chain {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            sequence: row.get("sequence")?,
            hash: row.get("hash")?,
            pruned_sequence: row.get("pruned_sequence")?,
            pruned_hash: row.get("pruned_hash")?,
            pruned_seal: row.get("pruned_seal")?,
            unchained: row.get("unchained")?,
        })
    }
}

impl Chain {
    /// Whether anything was removed.
    fn is_pruned(&self) -> bool {
        self.pruned_sequence != 0 || !self.pruned_hash.is_empty()
    }

    /// Which of the keys proves that mono removed what was removed.
    fn sealed_by(&self, keys: &ChainKeys, log: Log) -> Option<usize> {
        keys.maker(&self.pruned_seal, |key| seal(key, log, self.pruned_sequence, &self.pruned_hash))
    }
}

/// Proves that mono removed the entries up to a number.
fn seal(key: &ChainKey, log: Log, sequence: i64, hash: &str) -> String {
    key.hash(json!(["pruned", chain_id(log), sequence, hash]))
}

struct Link {
    sequence: i64,
    hash: String,
    entry: Entry,
}

impl FromRow for Link {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { sequence: row.get("sequence")?, hash: row.get("hash")?, entry: Entry::from_row(row)? })
    }
}

/// A statement on the log of a tenant, where `$1` is the tenant, or on the platform's own, where `$1` is not used.
macro_rules! on_log {
    ($tx:expr, $log:expr, $head:expr, $tail:expr $(, $value:expr)* $(,)?) => {
        if $log.is_some() {
            platform_sql!($tx, concat!($head, " audit_log WHERE tenant_id = $1 AND ", $tail), chain_id($log) $(, $value)*)
        } else {
            platform_sql!($tx, concat!($head, " platform_audit_log WHERE ", $tail), chain_id($log) $(, $value)*)
        }
    };
}

impl PlatformTx {
    async fn chain(&mut self, log: Log) -> Result<Chain, Error> {
        let chain = platform_sql!(
            self,
            "SELECT sequence, hash, pruned_sequence, pruned_hash, pruned_seal, unchained FROM audit_chains
             WHERE tenant_id = $1",
            chain_id(log)
        )
        .optional()
        .await?;
        Ok(chain.unwrap_or_default())
    }

    async fn count_unchained(&mut self, log: Log) -> Result<i64, Error> {
        on_log!(self, log, "SELECT count(*) AS total FROM", "sequence IS NULL").row().await?.get("total")
    }

    /// Follows the chain of a tenant's audit log, or of the platform's own, and tells the first entry that is not as it
    /// was written.
    ///
    /// # Errors
    /// `Forbidden` for everybody but the program itself.
    pub async fn verify_audit(&mut self, tenant: Option<TenantId>) -> Result<AuditReport, Error> {
        self.caller().require_system()?;
        let (log, keys) = (tenant, self.database().audit_keys().clone());
        let mut by_key = vec![0_i64; keys.count()];
        let mut count = |place: usize| by_key.get_mut(place).into_iter().for_each(|entries| *entries += 1);
        let start = self.chain(log).await?;
        let (mut sequence, mut hash) = (start.pruned_sequence, start.pruned_hash.clone());
        let broken = |sequence, id, damage| Some(BrokenEntry { sequence: Some(sequence), id, damage });
        let mut found = None;
        if start.is_pruned() {
            match start.sealed_by(&keys, log) {
                Some(place) => count(place),
                None => found = broken(start.pruned_sequence, None, Damage::ForgedCheckpoint),
            }
        }
        let mut end = start;
        while found.is_none() {
            let batch = on_log!(
                self,
                log,
                concat!("SELECT sequence, hash, ", entry_columns!(), " FROM"),
                "sequence > $2 ORDER BY sequence LIMIT $3",
                sequence,
                BATCH
            )
            .rows()
            .await?;
            // The end is read before and after the entries, since others write meanwhile: what was there before has to be
            // among them, and none of them lies behind what is there after.
            let expected_end = std::mem::replace(&mut end, self.chain(log).await?).sequence;
            if batch.is_empty() {
                if expected_end > sequence {
                    found = broken(sequence.saturating_add(1), None, Damage::Missing);
                } else if end.sequence > sequence {
                    continue;
                } else if end.hash != hash {
                    found = broken(sequence, None, Damage::ForgedEnd);
                }
                break;
            }
            for row in &batch {
                let expected = sequence.saturating_add(1);
                let Ok(link) = Link::from_row(row) else {
                    let number = row.get("sequence").unwrap_or(expected);
                    found = if number == expected {
                        broken(number, row.get("id").ok(), Damage::Unreadable)
                    } else {
                        broken(expected, None, Damage::Missing)
                    };
                    break;
                };
                let id = Some(link.entry.id);
                if link.sequence > end.sequence {
                    found = if end.sequence > sequence {
                        broken(expected, None, Damage::Missing)
                    } else {
                        broken(link.sequence, id, Damage::Inserted)
                    };
                } else if link.sequence != expected {
                    found = broken(expected, None, Damage::Missing);
                } else {
                    let chained = |key: &ChainKey| link.entry.hash(key, log, link.sequence, &hash);
                    match keys.maker(&link.hash, chained) {
                        Some(place) => count(place),
                        None => found = broken(link.sequence, id, Damage::Changed),
                    }
                }
                if found.is_some() {
                    break;
                }
                (sequence, hash) = (link.sequence, link.hash);
            }
        }
        let unchained = self.count_unchained(log).await?;
        if found.is_none() && unchained != end.unchained {
            let damage = if unchained < end.unchained { Damage::Missing } else { Damage::Inserted };
            found = Some(BrokenEntry { sequence: None, id: None, damage });
        }
        let entries = end.sequence.saturating_sub(end.pruned_sequence);
        Ok(AuditReport { entries, unchained, sequence: end.sequence, hash: end.hash, by_key, broken: found })
    }

    /// Tells whether an entry still has the hash that was noted of it: `None` where it was removed after its time.
    ///
    /// # Errors
    /// `Forbidden` for everybody but the program itself.
    pub async fn audit_holds(
        &mut self,
        tenant: Option<TenantId>,
        sequence: i64,
        hash: &str,
    ) -> Result<Option<bool>, Error> {
        self.caller().require_system()?;
        if sequence < self.chain(tenant).await?.pruned_sequence {
            return Ok(None);
        }
        let chain = self.chain(tenant).await?;
        if sequence == chain.pruned_sequence {
            return Ok(Some(chain.pruned_hash == hash));
        }
        let rows = on_log!(self, tenant, "SELECT hash FROM", "sequence = $2", sequence).rows().await?;
        let stored = rows.first().map(|row| row.get::<String>("hash")).transpose()?;
        Ok(Some(stored.as_deref() == Some(hash)))
    }

    /// Removes the next entries up to a number, and marks where the rest begins.
    async fn prune_batch(&mut self, log: Log, last: i64, before: Timestamp) -> Result<(i64, u64), Error> {
        let chain = self.chain(log).await?;
        let last = last.min(chain.pruned_sequence.saturating_add(PRUNE_BATCH));
        let kept = on_log!(self, log, "SELECT hash FROM", "sequence = $2", last).rows().await?;
        let hash = match kept.first() {
            Some(row) => row.get("hash")?,
            None => chain.pruned_hash,
        };
        let removed = on_log!(
            self,
            log,
            "DELETE FROM",
            "(sequence <= $2 OR sequence IS NULL AND at < $3)",
            last,
            before
        )
        .execute()
        .await?;
        let unchained = self.count_unchained(log).await?;
        let seal = seal(self.database().audit_keys().newest(), log, last, &hash);
        platform_sql!(
            self,
            "UPDATE audit_chains SET pruned_sequence = $2, pruned_hash = $3, pruned_seal = $4, unchained = $5
             WHERE tenant_id = $1",
            chain_id(log),
            last,
            hash,
            seal,
            unchained
        )
        .execute()
        .await?;
        Ok((last, removed))
    }

    /// On PostgreSQL the owner is bound by the policies of its own tables, and there is none for it: for the length of the
    /// transaction it is not. Nobody else reaches the tables meanwhile. In the order in which writers take them.
    async fn unbind_owner(&mut self) -> Result<(), Error> {
        for statement in [
            platform_sql!(self, pg: "LOCK TABLE audit_chains, audit_log IN ACCESS EXCLUSIVE MODE", lite: "SELECT 1")
                .execute()
                .await,
            platform_sql!(self, pg: "ALTER TABLE audit_chains NO FORCE ROW LEVEL SECURITY", lite: "SELECT 1")
                .execute()
                .await,
            platform_sql!(self, pg: "ALTER TABLE audit_log NO FORCE ROW LEVEL SECURITY", lite: "SELECT 1")
                .execute()
                .await,
        ] {
            statement?;
        }
        Ok(())
    }

    async fn bind_owner(&mut self) -> Result<(), Error> {
        platform_sql!(self, pg: "ALTER TABLE audit_log FORCE ROW LEVEL SECURITY", lite: "SELECT 1")
            .execute()
            .await?;
        platform_sql!(self, pg: "ALTER TABLE audit_chains FORCE ROW LEVEL SECURITY", lite: "SELECT 1")
            .execute()
            .await?;
        Ok(())
    }
}

impl Database {
    /// Removes the entries of a log that are older than a moment, and leaves a mark from which the rest is verified. That
    /// entries were removed is recorded before it is done. Gives how many were removed.
    ///
    /// The logins of the running server may not delete from the log. On PostgreSQL this needs the owner of the tables, as
    /// migrating does; on SQLite `owner_url` is not looked at.
    ///
    /// # Errors
    /// `Conflict` with code `audit_broken` where the chain is not whole: what is removed could not be looked into any
    /// more. `Validation` where the moment has not passed, or the owner is missing.
    pub async fn prune_audit(
        &self,
        owner_url: Option<&str>,
        tenant: Option<TenantId>,
        before: Timestamp,
    ) -> Result<u64, Error> {
        if before > self.now() {
            return Err(Error::invalid("before", "in_the_future", "only what has passed can be removed"));
        }
        let owner = self.owner(owner_url).await?;
        let (log, system) = (tenant, Caller::system(SystemReason::Audit));
        let mut tx = self.platform(&system).write().await?;
        if let Some(broken) = tx.verify_audit(log).await?.broken {
            let message = format!("the audit log is not whole, so nothing is removed: {broken}");
            return Err(Error::new(ErrorKind::Conflict, "audit_broken", message));
        }
        let old = on_log!(tx, log, "SELECT count(*) AS total FROM", "at < $2", before);
        if old.row().await?.get::<i64>("total")? == 0 {
            return Ok(0);
        }
        // Up to the entry before the first that is kept. The one that records the removal is always kept.
        let changes = json!([{ "field": "before", "new": before }]);
        let stamp = (tx.new_id::<AuditId>(), tx.now());
        tx.keep_entry(log, Entry::new(stamp, &system, Action::Delete, ENTITY, None, changes));
        tx.commit().await?;
        let mut tx = self.platform(&system).read().await?;
        let first = on_log!(tx, log, "SELECT min(sequence) AS first FROM", "at >= $2", before).row().await?;
        let last = first.get::<i64>("first")?.saturating_sub(1);
        drop(tx);
        let mut total = 0_u64;
        loop {
            let mut tx = owner.begin(self, &system).await?;
            tx.unbind_owner().await?;
            let (pruned, removed) = tx.prune_batch(log, last, before).await?;
            tx.bind_owner().await?;
            tx.commit().await?;
            total = total.saturating_add(removed);
            if pruned >= last {
                return Ok(total);
            }
        }
    }
}
