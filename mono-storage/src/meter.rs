//! Metered use: counted in memory without a lock that writers wait for, and written in batches.

mod flush;

use crate::db::{Database, TenantTx};
use crate::store::refusal;
use mono_core::Error;
use mono_core::caller::Caller;
use mono_core::id::{AccountId, TenantId};
use mono_core::subscription::{Allowance, Enforcement, LimitInForce, Window};
use mono_core::time::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

/// What this process has counted.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    counters: Book<Counter>,
    days: Book<AtomicU64>,
    // One flush at a time: two would settle a counter in the wrong order.
    flushing: tokio::sync::Mutex<()>,
}

/// Counters by page and key. Whoever counts shares the lock; only a new key or an old page needs it alone.
#[derive(Debug)]
struct Book<C>(RwLock<HashMap<Page, HashMap<String, C>>>);

/// Who uses something, and since when it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Page {
    tenant: TenantId,
    account: Option<AccountId>,
    kind: Kind,
    start: Timestamp,
}

impl Page {
    fn holder(&self) -> Uuid {
        self.account.map_or(self.tenant.uuid(), AccountId::uuid)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Feature,
    Limit,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Feature => "feature",
            Self::Limit => "limit",
        }
    }
}

/// The use of one limit in one window.
#[derive(Debug)]
struct Counter {
    in_force: LimitInForce,
    /// All that this node knows of. Whoever counts looks at this number alone, so nobody passes.
    used: AtomicU64,
    /// What of it is not on its way to the database yet. Less than nothing where something was taken back after it had
    /// been sent on its way.
    pending: AtomicI64,
    /// What the database said when it was written last. Only one flush runs at a time.
    settled: AtomicU64,
}

impl Counter {
    const fn new(in_force: LimitInForce, used: u64) -> Self {
        let (settled, pending) = (AtomicU64::new(used), AtomicI64::new(0));
        Self { in_force, used: AtomicU64::new(used), pending, settled }
    }

    /// Counts if there is room; gives what was in use before and whether it counted.
    fn count(&self, amount: u64) -> (u64, bool) {
        let counted = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
            let total = used.checked_add(amount);
            let fits = self.in_force.enforcement == Enforcement::Soft
                || amount == 0
                || total.is_some_and(|total| self.in_force.maximum.holds(total));
            fits.then_some(total.unwrap_or(u64::MAX))
        });
        match counted {
            Ok(used) => {
                self.pending.fetch_add(signed(amount), Ordering::AcqRel);
                (used, true)
            }
            Err(used) => (used, false),
        }
    }

    /// Takes back what was counted.
    fn undo(&self, amount: u64) {
        self.pending.fetch_sub(signed(amount), Ordering::AcqRel);
        self.add(-signed(amount));
    }

    /// Sends what is pending on its way.
    fn depart(&self) -> u64 {
        let amount = u64::try_from(self.pending.load(Ordering::Acquire)).unwrap_or_default();
        self.pending.fetch_sub(signed(amount), Ordering::AcqRel);
        amount
    }

    /// It is written, and with what other nodes have written this much is in use.
    fn arrive(&self, amount: u64, written: u64) {
        let known = self.settled.swap(written, Ordering::AcqRel).saturating_add(amount);
        self.add(signed(written).saturating_sub(signed(known)));
    }

    fn come_back(&self, amount: u64) {
        self.pending.fetch_add(signed(amount), Ordering::AcqRel);
    }

    fn add(&self, difference: i64) {
        let add = |used: u64| Some(used.saturating_add_signed(difference));
        let _ = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
    }
}

/// An amount as the database keeps it.
fn signed(amount: u64) -> i64 {
    i64::from(Allowance::UpTo(amount))
}

impl<C> Default for Book<C> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<C> Book<C> {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<Page, HashMap<String, C>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Page, HashMap<String, C>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a counter, if there is one.
    fn with<T>(&self, page: &Page, key: &str, ask: impl FnOnce(&C) -> T) -> Option<T> {
        self.read().get(page)?.get(key).map(ask)
    }

    /// What there is to write, in one order, so that two nodes never wait for each other.
    fn depart(&self, amount: impl Fn(&C) -> u64) -> Vec<Entry> {
        let books = self.read();
        let counters = books.iter().flat_map(|(page, counters)| counters.iter().map(move |it| (*page, it)));
        let entries =
            counters.map(|(page, (key, counter))| Entry { page, key: key.clone(), amount: amount(counter) });
        let mut entries: Vec<_> = entries.filter(|entry| entry.amount > 0).collect();
        entries.sort_unstable();
        entries
    }

    /// Forgets the pages of the past that have nothing left to write.
    fn turn(&self, is_past: impl Fn(&Page) -> bool, is_idle: impl Fn(&C) -> bool) {
        self.write().retain(|page, counters| !is_past(page) || !counters.values().all(&is_idle));
    }
}

/// What has to be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    page: Page,
    key: String,
    amount: u64,
}

impl Meter {
    /// What is in use with what is counted here and not written yet.
    pub(crate) fn used(
        &self,
        tenant: TenantId,
        account: Option<AccountId>,
        limit: &str,
        window_start: Timestamp,
        written: u64,
    ) -> u64 {
        let page = Page { tenant, account, kind: Kind::Limit, start: window_start };
        let used = self.counters.with(&page, limit, |counter| {
            let pending = counter.pending.load(Ordering::Acquire);
            // What is on its way may be in neither; this node never forgets it.
            written.saturating_add_signed(pending).max(counter.used.load(Ordering::Acquire))
        });
        used.unwrap_or(written)
    }

    /// Counts that a tenant used a feature.
    pub(crate) fn count_feature(&self, tenant: TenantId, feature: &str, now: Timestamp) {
        self.tally(
            Page { tenant, account: None, kind: Kind::Feature, start: Window::Day.start(now) },
            feature,
            1,
        );
    }

    /// Adds to the report of a day.
    fn tally(&self, day: Page, key: &str, amount: u64) {
        if self.days.with(&day, key, |counter| counter.fetch_add(amount, Ordering::AcqRel)).is_none() {
            let mut days = self.days.write();
            let counter = days.entry(day).or_default().entry(key.to_owned()).or_default();
            counter.fetch_add(amount, Ordering::AcqRel);
        }
    }

    /// Whether the counter is known, and its limit is still the same.
    fn knows(&self, page: &Page, limit: &str, in_force: &LimitInForce) -> bool {
        self.counters.with(page, limit, |counter| counter.in_force == *in_force).unwrap_or_default()
    }

    /// Counts against a limit that is known.
    fn take(&self, caller: &Caller, page: Page, limit: &str, amount: u64) -> Result<Page, Error> {
        let (used, counted) =
            self.counters.with(&page, limit, |counter| counter.count(amount)).unwrap_or_default();
        if counted {
            return Ok(page);
        }
        Err(refusal(caller.entitlements_of(page.account).check(limit, used, amount), page.account))
    }

    /// Learns a limit and how much of it is used already. What was counted meanwhile stays counted.
    fn learn(&self, page: Page, limit: &str, in_force: &LimitInForce, used: u64) {
        let mut counters = self.counters.write();
        let known = counters.entry(page).or_default();
        if let Some(counter) = known.get_mut(limit) {
            counter.in_force = in_force.clone();
            return;
        }
        known.insert(limit.to_owned(), Counter::new(in_force.clone(), used));
    }
}

impl Database {
    /// Counts metered use, such as calls or messages, in memory: no row is written before the next
    /// [`flush_usage`](Self::flush_usage). What an account uses is counted for it and for the tenant. The first count of a
    /// limit on this node reads how much is used already.
    ///
    /// A hard limit is kept exactly on this node. What other nodes count between two flushes may pass it. A limit is
    /// either counted here or taken with [`TenantTx::reserve`](crate::db::TenantTx::reserve), not both.
    ///
    /// # Errors
    /// `LimitExceeded` where there is no room for `amount` more, with `account` in the details where it is an account's
    /// limit; nothing is counted then. What the database refuses at the first count.
    pub async fn count(
        &self,
        caller: &Caller,
        account: Option<AccountId>,
        limit: &str,
        amount: u64,
    ) -> Result<(), Error> {
        let day = Window::Day.start(self.now());
        let tenant_page = self.count_one(caller, None, limit, amount).await?;
        if account.is_some() {
            match self.count_one(caller, account, limit, amount).await {
                Ok(page) => self.meter().tally(Page { start: day, ..page }, limit, amount),
                Err(error) => {
                    self.meter().counters.with(&tenant_page, limit, |counter| counter.undo(amount));
                    return Err(error);
                }
            }
        }
        self.meter().tally(Page { start: day, ..tenant_page }, limit, amount);
        Ok(())
    }

    async fn count_one(
        &self,
        caller: &Caller,
        account: Option<AccountId>,
        limit: &str,
        amount: u64,
    ) -> Result<Page, Error> {
        let (page, in_force) = self.page(caller, account, limit)?;
        if !self.meter().knows(&page, limit, in_force) {
            let used = self.tenant(caller).read().await?.used_by(limit, account).await?;
            self.meter().learn(page, limit, in_force, used);
        }
        self.meter().take(caller, page, limit, amount)
    }

    /// Where the use of a limit is counted at present, and the limit itself.
    fn page<'c>(
        &self,
        caller: &'c Caller,
        account: Option<AccountId>,
        limit: &str,
    ) -> Result<(Page, &'c LimitInForce), Error> {
        let in_force = caller.entitlements_of(account).limit(limit);
        let (tenant, start) = (caller.tenant()?, in_force.window.start(self.now()));
        Ok((Page { tenant, account, kind: Kind::Limit, start }, in_force))
    }
}

impl TenantTx {
    /// Counts metered use of the tenant, as [`Database::count`] does; what is in use is read in this transaction.
    ///
    /// # Errors
    /// As [`Database::count`].
    pub async fn count(&mut self, limit: &str, amount: u64) -> Result<(), Error> {
        let (database, caller) = (self.database().clone(), self.caller().clone());
        let (page, in_force) = database.page(&caller, None, limit)?;
        let meter = database.meter();
        if !meter.knows(&page, limit, in_force) {
            let used = self.used(limit).await?;
            meter.learn(page, limit, in_force, used);
        }
        let page = meter.take(&caller, page, limit, amount)?;
        meter.tally(Page { start: Window::Day.start(self.now()), ..page }, limit, amount);
        Ok(())
    }
}
