//! How much of each limit is used. One counter row per tenant, limit and window decides; no number of writers can pass
//! it.

use crate::db::TenantTx;
use crate::sql;
use mono_core::permission::{Permission, Scope};
use mono_core::subscription::{Allowance, Enforcement, Key, LimitInForce, Usage, Window};
use mono_core::time::Timestamp;
use mono_core::{Error, permission};
use std::collections::BTreeMap;

const READ: Permission = permission!("tenant.billing.read");
pub(super) const REQUIRED: &[Permission] = &[READ];

impl TenantTx {
    /// Takes `amount` of a limit for this transaction: given back if it does not commit. Call it last, after the
    /// row that it pays for. A soft limit is counted and lets everything through.
    ///
    /// # Errors
    /// `LimitExceeded` with `limit`, `current` and `maximum` in the details. The transaction can then no longer be
    /// committed, so that the row cannot stay without its place.
    pub async fn reserve(&mut self, limit: &'static str, amount: u32) -> Result<(), Error> {
        let window_start = self.window_start(limit);
        let LimitInForce { maximum, enforcement, .. } = *self.caller().entitlements().limit(limit);
        let maximum = match maximum {
            Allowance::UpTo(maximum) if enforcement == Enforcement::Hard => Allowance::UpTo(maximum),
            _ => return self.add(limit, window_start, amount).await,
        };
        let reserved = sql!(
            self,
            "INSERT INTO usage_counters (tenant_id, limit_key, window_start, used) SELECT $1, $2, $3, $4 WHERE $4 <= $5
             ON CONFLICT (tenant_id, limit_key, window_start) DO UPDATE SET used = usage_counters.used + $4
             WHERE usage_counters.used + $4 <= $5 RETURNING used",
            limit,
            window_start,
            amount,
            i64::from(maximum)
        )
        .rows()
        .await?;
        if reserved.is_empty() {
            self.forbid_commit();
            let used = self.used(limit).await?;
            return Err(self.caller().entitlements().check(limit, used, u64::from(amount)).into_error());
        }
        Ok(())
    }

    /// Gives `amount` of a limit back, where a thing that exists no more was counted. What was used up in a day or a
    /// month stays used.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn release(&mut self, limit: &'static str, amount: u32) -> Result<(), Error> {
        if self.caller().entitlements().limit(limit).window != Window::Total {
            return Ok(());
        }
        let window_start = self.window_start(limit);
        sql!(
            self,
            "UPDATE usage_counters SET used = CASE WHEN used > $4 THEN used - $4 ELSE 0 END
             WHERE tenant_id = $1 AND limit_key = $2 AND window_start = $3",
            limit,
            window_start,
            amount
        )
        .execute()
        .await?;
        Ok(())
    }

    /// How much of a limit is used in the present window.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn used(&mut self, limit: &'static str) -> Result<u64, Error> {
        let window_start = self.window_start(limit);
        let rows = sql!(
            self,
            "SELECT used FROM usage_counters WHERE tenant_id = $1 AND limit_key = $2 AND window_start = $3",
            limit,
            window_start
        )
        .rows()
        .await?;
        let used: i64 = rows.first().map_or(Ok(0), |row| row.get("used"))?;
        Ok(u64::try_from(used).unwrap_or_default())
    }

    /// How much of every limit of the tenant is used.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.billing.read`.
    pub async fn usage(&mut self) -> Result<Vec<Usage>, Error> {
        self.authorize(READ, &Scope::tenant(self.tenant())).await?;
        let now = self.now();
        let rows =
            sql!(self, "SELECT limit_key, window_start, used FROM usage_counters WHERE tenant_id = $1")
                .rows()
                .await?;
        let mut used = BTreeMap::new();
        for row in &rows {
            let counted: i64 = row.get("used")?;
            let key = (row.get::<String>("limit_key")?, row.get::<Timestamp>("window_start")?);
            used.insert(key, u64::try_from(counted).unwrap_or_default());
        }
        let current = |key: &Key, window: Window| {
            used.get(&(key.as_str().to_owned(), window.start(now))).copied().unwrap_or_default()
        };
        Ok(self.caller().entitlements().usage(current))
    }

    /// Counts without a maximum, so that a later plan knows the present use.
    async fn add(&mut self, limit: &'static str, window_start: Timestamp, amount: u32) -> Result<(), Error> {
        sql!(
            self,
            "INSERT INTO usage_counters (tenant_id, limit_key, window_start, used) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, limit_key, window_start) DO UPDATE SET used = usage_counters.used + $4",
            limit,
            window_start,
            amount
        )
        .execute()
        .await?;
        Ok(())
    }

    fn window_start(&self, limit: &str) -> Timestamp {
        self.caller().entitlements().limit(limit).window.start(self.now())
    }
}
