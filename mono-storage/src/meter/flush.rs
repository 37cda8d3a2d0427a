//! What was counted in memory is written down.

use super::{Counter, Entry, Page};
use crate::db::{Database, PlatformTx};
use crate::platform_sql;
use mono_core::caller::{Caller, SystemReason};
use mono_core::subscription::{Allowance, Window};
use mono_core::{Error, ErrorKind};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many counters one transaction writes.
const BATCH: usize = 200;

/// Where something has to be written.
#[derive(Debug, Clone, Copy)]
enum Ledger {
    Counters,
    Days,
}

impl Database {
    /// Writes what was counted in memory. What cannot be written is kept for the next time; what was counted for a tenant
    /// that is gone is dropped. A connection that breaks in the very moment of a commit may count one batch twice.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn flush_usage(&self) -> Result<(), Error> {
        let database = self.clone();
        // In a task of its own: where the caller stops waiting, what is taken out of memory is written all the same.
        tokio::spawn(async move { database.flush().await }).await.map_err(Error::internal)?
    }

    async fn flush(&self) -> Result<(), Error> {
        let meter = self.meter();
        let _one_at_a_time = meter.flushing.lock().await;
        let mut result = Ok(());
        for batch in meter.days.depart(|counter| counter.swap(0, Ordering::AcqRel)).chunks(BATCH) {
            result = result.and(self.flush_batch(Ledger::Days, batch).await);
        }
        for batch in meter.counters.depart(Counter::depart).chunks(BATCH) {
            result = result.and(self.flush_batch(Ledger::Counters, batch).await);
        }
        let today = Window::Day.start(self.now());
        meter.days.turn(|day| day.start < today, |counter| counter.load(Ordering::Acquire) == 0);
        let month = Window::Month.start(self.now());
        // A total never ends; its counter is kept.
        let is_past = |page: &Page| page.start < month && page.start != Window::Total.start(today);
        meter.counters.turn(is_past, |counter| counter.pending.load(Ordering::Acquire) <= 0);
        result
    }

    /// Writes what is counted, and what waits for the audit log, every `interval`, until it is dropped. Run it in a task of its own.
    pub async fn flush_usage_every(&self, interval: Duration) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.flush_usage().await {
                tracing::warn!("metered use could not be written and is kept for the next time: {error}");
            }
            if let Err(error) = self.flush_audit().await {
                tracing::warn!(
                    "entries of the audit log could not be written and are kept for the next time: {error}"
                );
            }
        }
    }

    async fn flush_batch(&self, ledger: Ledger, batch: &[Entry]) -> Result<(), Error> {
        let meter = self.meter();
        match self.write_batch(ledger, batch).await {
            Ok(used) => {
                for (entry, used) in batch.iter().zip(used) {
                    meter
                        .counters
                        .with(&entry.page, &entry.key, |counter| counter.arrive(entry.amount, used));
                }
                Ok(())
            }
            // A tenant is gone. The others of the batch shall not wait for ever.
            Err(error) if error.kind() == ErrorKind::Conflict => match batch {
                [] => Ok(()),
                [entry] => {
                    tracing::error!(tenant = %entry.page.tenant, key = entry.key, "metered use is dropped: {error}");
                    Ok(())
                }
                _ => {
                    let mut result = Ok(());
                    for entry in batch {
                        result =
                            result.and(Box::pin(self.flush_batch(ledger, std::slice::from_ref(entry))).await);
                    }
                    result
                }
            },
            Err(error) => {
                for Entry { page, key, amount } in batch {
                    match ledger {
                        Ledger::Days => meter.tally(*page, key, *amount),
                        Ledger::Counters => {
                            meter.counters.with(page, key, |counter| counter.come_back(*amount));
                        }
                    }
                }
                Err(error)
            }
        }
    }

    /// Writes a batch in one transaction, and gives how much is used of each limit then.
    async fn write_batch(&self, ledger: Ledger, batch: &[Entry]) -> Result<Vec<u64>, Error> {
        let system = Caller::system(SystemReason::Metering);
        let mut tx = self.platform(&system).write().await?;
        let mut used = Vec::new();
        for entry in batch {
            match ledger {
                Ledger::Days => write_day(&mut tx, entry).await?,
                Ledger::Counters => {
                    let (after, amount) = self.write_counter(tx, entry).await?;
                    tx = after;
                    used.push(amount);
                }
            }
        }
        tx.commit().await?;
        Ok(used)
    }

    /// Gives the transaction back, and how much is used then.
    async fn write_counter(&self, mut tx: PlatformTx, entry: &Entry) -> Result<(PlatformTx, u64), Error> {
        let Entry { page, key, amount } = entry;
        let row = platform_sql!(
            tx,
            "INSERT INTO usage_counters (tenant_id, holder_id, limit_key, window_start, used) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant_id, holder_id, limit_key, window_start) DO UPDATE SET used = usage_counters.used + $5
             RETURNING used, announced",
            page.tenant,
            page.holder(),
            key,
            page.start,
            i64::from(Allowance::UpTo(*amount))
        )
        .row()
        .await?;
        let used = row.get::<i64>("used")?.unsigned_abs();
        let announced = row.get::<i64>("announced")?.unsigned_abs();
        let Some(in_force) = self.meter().counters.with(page, key, |counter| counter.in_force.clone()) else {
            return Ok((tx, used));
        };
        let mut tx = tx.enter(&Caller::system_in(SystemReason::Metering, page.tenant))?;
        tx.announce(key, page.account, &in_force, page.start, announced, used).await?;
        Ok((tx.leave(), used))
    }
}

async fn write_day(tx: &mut PlatformTx, entry: &Entry) -> Result<(), Error> {
    let Entry { page, key, amount } = entry;
    platform_sql!(
        tx,
        "INSERT INTO usage_days (tenant_id, holder_id, kind, key, day, used) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (tenant_id, holder_id, kind, key, day) DO UPDATE SET used = usage_days.used + $6",
        page.tenant,
        page.holder(),
        page.kind.as_str(),
        key,
        page.start,
        i64::from(Allowance::UpTo(*amount))
    )
    .execute()
    .await?;
    Ok(())
}
