//! How much of each limit is used. One counter row per holder, limit and window decides; no number of writers can pass
//! it. A holder is the tenant itself or one of its accounts.

use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::id::AccountId;
use mono_core::permission::{Permission, Scope};
use mono_core::subscription::{
    Allowance, DailyUsage, Decision, Enforcement, Key, LimitEvent, LimitInForce, Usage, Window,
};
use mono_core::time::{Datelike, NaiveDate, NaiveTime, Timestamp};
use mono_core::{Error, permission};
use std::collections::BTreeMap;
use uuid::Uuid;

const READ: Permission = permission!("tenant.billing.read");
const READ_ACCOUNT: Permission = permission!("account.billing.read");
pub(super) const REQUIRED: &[Permission] = &[READ, READ_ACCOUNT];

impl FromRow for DailyUsage {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let key: String = row.get("key")?;
        let (limit, feature) = match row.get::<String>("kind")?.as_str() {
            "feature" => (None, Some(key)),
            _ => (Some(key), None),
        };
        let day = row.get::<Timestamp>("day")?.date_naive();
        Ok(Self { day, limit, feature, used: row.get::<i64>("used")?.unsigned_abs() })
    }
}

/// The refusal of a limit, which names the account where it is an account's.
pub(crate) fn refusal(decision: Decision, account: Option<AccountId>) -> Error {
    let error = decision.into_error();
    let Some(account) = account else { return error };
    let mut details = error.details().cloned().unwrap_or_default();
    if let Some(details) = details.as_object_mut() {
        details.insert("account".to_owned(), account.to_string().into());
    }
    error.with_details(details)
}

/// Some of a limit that a transaction takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// The limit.
    pub limit: &'static str,
    /// The account that takes it, from its own limit and from the tenant's; `None` for the tenant alone.
    pub account: Option<AccountId>,
    /// How much, in the unit of the limit.
    pub amount: u64,
}

impl Reservation {
    /// Some of the tenant's limit.
    pub const fn tenant(limit: &'static str, amount: u64) -> Self {
        Self { limit, account: None, amount }
    }

    /// Some of an account's limit, and as much of the tenant's.
    pub const fn account(account: AccountId, limit: &'static str, amount: u64) -> Self {
        Self { limit, account: Some(account), amount }
    }
}

impl TenantTx {
    /// Takes `amount` of the tenant's limit; see [`reserve_all`](Self::reserve_all).
    ///
    /// # Errors
    /// As [`reserve_all`](Self::reserve_all).
    pub async fn reserve(&mut self, limit: &'static str, amount: u64) -> Result<(), Error> {
        self.reserve_all(&[Reservation::tenant(limit, amount)]).await
    }

    /// Takes what is asked for, all of it or nothing, for this transaction: given back if it does not commit. Call it
    /// last, after the rows that it pays for, and once: the counters are taken in one order, so that two transactions
    /// never wait for each other.
    ///
    /// A soft limit is counted and lets everything through. An event in the outbox tells when a limit is nearly full,
    /// full or passed.
    ///
    /// # Errors
    /// `LimitExceeded` with `limit`, `current` and `maximum` in the details, and with `account` where it is an
    /// account's limit. The transaction can then no longer be committed, so that the row cannot stay without its place.
    pub async fn reserve_all(&mut self, reservations: &[Reservation]) -> Result<(), Error> {
        // Accounts come before the tenant, whose counter all writers of the tenant share: it is held the shortest.
        let mut amounts: BTreeMap<(bool, &'static str, Option<AccountId>), u64> = BTreeMap::new();
        for reservation in reservations {
            let Reservation { limit, account, amount } = *reservation;
            for holder in [account, None].into_iter().take(if account.is_some() { 2 } else { 1 }) {
                let sum = amounts.entry((holder.is_none(), limit, holder)).or_default();
                *sum = sum.saturating_add(amount);
            }
        }
        // Nothing is always to be had, also where a downgrade left more in use than the maximum.
        amounts.retain(|_, amount| *amount > 0);
        for ((_, limit, account), amount) in amounts {
            self.take(limit, account, amount).await?;
        }
        Ok(())
    }

    /// Takes some of one counter.
    async fn take(
        &mut self,
        limit: &'static str,
        account: Option<AccountId>,
        amount: u64,
    ) -> Result<(), Error> {
        let in_force = self.caller().entitlements_of(account).limit(limit).clone();
        let window_start = in_force.window.start(self.now());
        let most = match in_force.maximum {
            Allowance::UpTo(maximum) if in_force.enforcement == Enforcement::Hard => Allowance::UpTo(maximum),
            // Counted all the same, so that a later plan knows the present use.
            _ => Allowance::UpTo(Allowance::GREATEST),
        };
        let (holder, amount) = (self.holder(account), i64::from(Allowance::UpTo(amount)));
        let rows = sql!(
            self,
            "INSERT INTO usage_counters (tenant_id, holder_id, limit_key, window_start, used)
             SELECT $1, $2, $3, $4, $5 WHERE $5 <= $6
             ON CONFLICT (tenant_id, holder_id, limit_key, window_start) DO UPDATE SET used = usage_counters.used + $5
             WHERE usage_counters.used <= $6 - $5 RETURNING used, announced",
            holder,
            limit,
            window_start,
            amount,
            i64::from(most)
        )
        .rows()
        .await?;
        let Some(row) = rows.first() else {
            return self.refuse_to_take(limit, account, amount.unsigned_abs()).await;
        };
        let announced = row.get::<i64>("announced")?.unsigned_abs();
        let used = row.get::<i64>("used")?.unsigned_abs();
        self.announce(limit, account, &in_force, window_start, announced, used).await
    }

    async fn refuse_to_take(
        &mut self,
        limit: &'static str,
        account: Option<AccountId>,
        amount: u64,
    ) -> Result<(), Error> {
        self.forbid_commit();
        let used = self.used_by(limit, account).await?;
        Err(refusal(self.caller().entitlements_of(account).check(limit, used, amount), account))
    }

    /// Tells of each threshold that is reached and was not told of.
    pub(crate) async fn announce(
        &mut self,
        limit: &str,
        account: Option<AccountId>,
        in_force: &LimitInForce,
        window_start: Timestamp,
        announced: u64,
        used: u64,
    ) -> Result<(), Error> {
        let reached = in_force.reached(announced, used);
        let (Some((_, level)), Allowance::UpTo(maximum)) = (reached.last(), in_force.maximum) else {
            return Ok(());
        };
        let (level, holder) = (i64::from(Allowance::UpTo(*level)), self.holder(account));
        sql!(
            self,
            "UPDATE usage_counters SET announced = $5
             WHERE tenant_id = $1 AND holder_id = $2 AND limit_key = $3 AND window_start = $4",
            holder,
            limit,
            window_start,
            level
        )
        .execute()
        .await?;
        for (threshold, _) in reached {
            let event =
                LimitEvent { limit: limit.to_owned(), account, threshold, used, maximum, window_start };
            self.emit(&event).await?;
        }
        Ok(())
    }

    /// Gives `amount` of the tenant's limit back, where a thing that exists no more was counted. What was used up in a
    /// day or a month stays used.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn release(&mut self, limit: &'static str, amount: u64) -> Result<(), Error> {
        self.release_all(&[Reservation::tenant(limit, amount)]).await
    }

    /// Gives back what reservations took; see [`release`](Self::release).
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn release_all(&mut self, reservations: &[Reservation]) -> Result<(), Error> {
        let mut counters: Vec<_> = reservations.iter().map(|given| (given.account, *given)).collect();
        // The order in which they are taken.
        counters
            .extend(reservations.iter().filter(|given| given.account.is_some()).map(|given| (None, *given)));
        counters.sort_by_key(|(account, given)| (account.is_none(), given.limit, *account));
        for (account, given) in counters {
            if self.caller().entitlements_of(account).limit(given.limit).window != Window::Total {
                continue;
            }
            let (holder, window_start) = (self.holder(account), Window::Total.start(self.now()));
            sql!(
                self,
                "UPDATE usage_counters SET used = CASE WHEN used > $5 THEN used - $5 ELSE 0 END
                 WHERE tenant_id = $1 AND holder_id = $2 AND limit_key = $3 AND window_start = $4",
                holder,
                given.limit,
                window_start,
                i64::from(Allowance::UpTo(given.amount))
            )
            .execute()
            .await?;
        }
        Ok(())
    }

    /// How much of the tenant's limit is used in the present window.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn used(&mut self, limit: &str) -> Result<u64, Error> {
        self.used_by(limit, None).await
    }

    /// How much of the limit of an account, or of the tenant, is used in the present window.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn used_by(&mut self, limit: &str, account: Option<AccountId>) -> Result<u64, Error> {
        let window_start = self.caller().entitlements_of(account).limit(limit).window.start(self.now());
        let holder = self.holder(account);
        let rows = sql!(
            self,
            "SELECT used FROM usage_counters
             WHERE tenant_id = $1 AND holder_id = $2 AND limit_key = $3 AND window_start = $4",
            holder,
            limit,
            window_start
        )
        .rows()
        .await?;
        let used: i64 = rows.first().map_or(Ok(0), |row| row.get("used"))?;
        Ok(used.unsigned_abs())
    }

    /// How much of every limit of the tenant, or of one account, is used.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.billing.read`, or `account.billing.read` for an account; `NotFound` where the tenant
    /// has no such account.
    pub async fn usage(&mut self, account: Option<AccountId>) -> Result<Vec<Usage>, Error> {
        let (tenant, holder, now) = (self.tenant(), self.holder(account), self.now());
        self.authorize_usage(account).await?;
        let rows = sql!(
            self,
            "SELECT limit_key, window_start, used FROM usage_counters WHERE tenant_id = $1 AND holder_id = $2",
            holder
        )
        .rows()
        .await?;
        let mut used = BTreeMap::new();
        for row in &rows {
            let key = (row.get::<String>("limit_key")?, row.get::<Timestamp>("window_start")?);
            used.insert(key, row.get::<i64>("used")?.unsigned_abs());
        }
        let current = |key: &Key, window: Window| {
            let start = window.start(now);
            let written = used.get(&(key.as_str().to_owned(), start)).copied().unwrap_or_default();
            self.database().meter().used(tenant, account, key.as_str(), start, written)
        };
        Ok(self.caller().entitlements_of(account).usage(current))
    }

    /// How much of each metered limit was used, and how often each feature, day by day from `from` to `until`, both
    /// included, in UTC. What was counted in the last seconds may not be there yet.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.billing.read`, or `account.billing.read` for an account; `NotFound` where the tenant
    /// has no such account; `Validation` where the days are in the wrong order or more than 366.
    pub async fn daily_usage(
        &mut self,
        account: Option<AccountId>,
        from: NaiveDate,
        until: NaiveDate,
    ) -> Result<Vec<DailyUsage>, Error> {
        self.authorize_usage(account).await?;
        // Within what both databases can compare.
        if from.year() < 1970 || until.year() > 9999 {
            return Err(Error::invalid("from", "invalid_range", "the days lie in the years 1970 to 9999"));
        }
        if !(0..366).contains(&until.signed_duration_since(from).num_days()) {
            let message = "the report goes from a day to the same or a later one, over at most 366 days";
            return Err(Error::invalid("until", "invalid_range", message));
        }
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let holder = self.holder(account);
        sql!(
            self,
            "SELECT day, kind, key, used FROM usage_days
             WHERE tenant_id = $1 AND holder_id = $2 AND day >= $3 AND day <= $4 ORDER BY day, kind, key",
            holder,
            midnight(from),
            midnight(until)
        )
        .all()
        .await
    }

    async fn authorize_usage(&mut self, account: Option<AccountId>) -> Result<(), Error> {
        let tenant = self.tenant();
        match account {
            None => self.authorize(READ, &Scope::tenant(tenant)).await,
            Some(account) => {
                super::accounts::require(self, account).await?;
                self.authorize(READ_ACCOUNT, &Scope::account(tenant, account)).await
            }
        }
    }

    /// Under which id the counters of an account, or of the tenant itself, are kept.
    pub(super) fn holder(&self, account: Option<AccountId>) -> Uuid {
        account.map_or(self.tenant().uuid(), AccountId::uuid)
    }
}
