//! Entries of the audit log that are written apart from the transaction that caused them: refusals, and what a super
//! admin passed in a transaction that then did not commit. Kept in memory and written in the background, so that who is
//! refused waits for nothing.

use crate::chain::{Entry, Log};
use crate::db::Database;
use mono_core::audit::Action;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::AuditId;
use mono_core::permission::{Permission, Scope};
use mono_core::{Error, ErrorKind};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many entries wait at most, and how many refusals are counted at most. What does not fit is counted and told in
/// the log of the server.
const CAPACITY: usize = 4096;

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Deferred {
    state: Mutex<State>,
    // One flush at a time, so that a close waits for the one that runs.
    flushing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    refusals: HashMap<Refused, Refusal>,
    entries: Vec<(Log, Entry)>,
    dropped: u64,
}

/// One entry is written for a caller, a permission and a minute, however often it was refused.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Refused {
    log: Log,
    actor: String,
    permission: String,
    minute: i64,
}

#[derive(Debug)]
struct Refusal {
    first: Entry,
    scope: String,
    times: u64,
}

impl Deferred {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, log: Log, entry: Entry) {
        let mut state = self.lock();
        if state.entries.len() < CAPACITY {
            state.entries.push((log, entry));
        } else {
            state.dropped += 1;
        }
    }

    /// Takes what is ready to be written: everything, or what belongs to minutes that have passed.
    fn take(&self, minute: i64, everything: bool) -> BTreeMap<Log, Vec<Entry>> {
        let mut state = self.lock();
        if state.dropped > 0 {
            tracing::error!(
                "{} entries of the audit log did not fit into memory and are lost",
                state.dropped
            );
            state.dropped = 0;
        }
        let mut ready = std::mem::take(&mut state.entries);
        let refusals = state.refusals.extract_if(|refused, _| everything || refused.minute < minute);
        ready.extend(refusals.map(|(refused, refusal)| {
            let changes = json!([
                { "field": "permission", "new": refused.permission },
                { "field": "scope", "new": refusal.scope },
                { "field": "times", "new": refusal.times },
            ]);
            (refused.log, Entry { changes, ..refusal.first })
        }));
        drop(state);
        let mut logs = BTreeMap::<Log, Vec<Entry>>::new();
        for (log, entry) in ready {
            logs.entry(log).or_default().push(entry);
        }
        for entries in logs.values_mut() {
            entries.sort_by_key(|entry| (entry.at, entry.id));
        }
        logs
    }
}

impl Database {
    /// Counts that a caller was refused.
    pub(crate) fn count_refusal(&self, log: Log, caller: &Caller, permission: Permission, scope: &Scope) {
        let now = self.now();
        let (actor, minute) = (caller.actor().to_string(), now.timestamp().div_euclid(60));
        let refused = Refused { log, actor, permission: permission.name().to_string(), minute };
        let mut state = self.deferred().lock();
        if let Some(refusal) = state.refusals.get_mut(&refused) {
            refusal.times += 1;
        } else if state.refusals.len() < CAPACITY {
            let stamp = (self.new_id::<AuditId>(), now);
            let first = Entry::new(stamp, caller, Action::PermissionDenied, "permission", None, json!([]));
            state.refusals.insert(refused, Refusal { first, scope: scope.to_string(), times: 1 });
        } else {
            state.dropped += 1;
        }
    }

    /// Writes the refusals of the minutes that have passed, and what else waits for the audit log.
    ///
    /// # Errors
    /// What the database refuses; it is kept for the next time.
    pub async fn flush_audit(&self) -> Result<(), Error> {
        self.flush_deferred(false).await
    }

    pub(crate) async fn flush_deferred(&self, everything: bool) -> Result<(), Error> {
        let database = self.clone();
        // In a task of its own: where the caller stops waiting, what is taken out of memory is written all the same.
        tokio::spawn(async move {
            let _one_at_a_time = database.deferred().flushing.lock().await;
            let mut result = Ok(());
            let minute = database.now().timestamp().div_euclid(60);
            for (log, entries) in database.deferred().take(minute, everything) {
                let written = database.write_deferred(log, entries.clone()).await;
                match &written {
                    // The tenant is gone, or the entries are there already.
                    Err(error) if error.kind() == ErrorKind::Conflict => {
                        tracing::error!("{} entries of the audit log are dropped: {error}", entries.len());
                        continue;
                    }
                    Err(_) => entries.into_iter().for_each(|entry| database.deferred().push(log, entry)),
                    Ok(()) => {}
                }
                result = result.and(written);
            }
            result
        })
        .await
        .map_err(Error::internal)?
    }

    /// Through the platform's pool: the application's may be taken by those who wait for their answer.
    async fn write_deferred(&self, log: Log, entries: Vec<Entry>) -> Result<(), Error> {
        let system = Caller::system(SystemReason::Audit);
        let mut tx = self.platform(&system).write().await?;
        tx.append(log, entries).await?;
        tx.commit().await
    }
}

/// What a super admin passed in a transaction. It is written with the transaction; where that does not commit, apart
/// from it.
pub(crate) struct Passes {
    deferred: Arc<Deferred>,
    log: Log,
    entries: Vec<Entry>,
}

impl Passes {
    pub(crate) const fn new(deferred: Arc<Deferred>, log: Log) -> Self {
        Self { deferred, log, entries: Vec::new() }
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The transaction committed, and the entries with it.
    pub(crate) fn settle(mut self) {
        self.entries.clear();
    }
}

impl Drop for Passes {
    fn drop(&mut self) {
        for entry in self.entries.drain(..) {
            self.deferred.push(self.log, entry);
        }
    }
}
