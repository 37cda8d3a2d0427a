//! How much of each limit is used. One counter row per tenant and limit decides; no number of writers can pass it.

use crate::db::TenantTx;
use crate::sql;
use mono_core::Error;
use mono_core::subscription::{Allowance, Enforcement};

impl TenantTx {
    /// Takes `amount` of a limit for this transaction: given back if it does not commit. Call it last, after the
    /// row that it pays for.
    ///
    /// # Errors
    /// `LimitExceeded` with `limit`, `current` and `maximum` in the details. The transaction can then no longer be
    /// committed, so that the row cannot stay without its place.
    pub async fn reserve(&mut self, limit: &'static str, amount: u32) -> Result<(), Error> {
        let in_force = self.caller().entitlements().limit(limit);
        let maximum = match in_force.maximum {
            Allowance::UpTo(maximum) if in_force.enforcement == Enforcement::Hard => maximum,
            _ => return self.add(limit, amount).await,
        };
        let reserved = sql!(
            self,
            "INSERT INTO usage_counters (tenant_id, limit_key, used) SELECT $1, $2, $3 WHERE $3 <= $4
             ON CONFLICT (tenant_id, limit_key) DO UPDATE SET used = usage_counters.used + $3
             WHERE usage_counters.used + $3 <= $4 RETURNING used",
            limit,
            amount,
            i64::from(Allowance::UpTo(maximum))
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

    /// Gives `amount` of a limit back.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn release(&mut self, limit: &'static str, amount: u32) -> Result<(), Error> {
        sql!(
            self,
            "UPDATE usage_counters SET used = CASE WHEN used > $3 THEN used - $3 ELSE 0 END
             WHERE tenant_id = $1 AND limit_key = $2",
            limit,
            amount
        )
        .execute()
        .await?;
        Ok(())
    }

    /// How much of a limit is used.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn used(&mut self, limit: &'static str) -> Result<u64, Error> {
        let rows =
            sql!(self, "SELECT used FROM usage_counters WHERE tenant_id = $1 AND limit_key = $2", limit)
                .rows()
                .await?;
        let used: i64 = rows.first().map_or(Ok(0), |row| row.get("used"))?;
        Ok(u64::try_from(used).unwrap_or_default())
    }

    /// Counts without a maximum, so that a later plan knows the present use.
    async fn add(&mut self, limit: &'static str, amount: u32) -> Result<(), Error> {
        sql!(
            self,
            "INSERT INTO usage_counters (tenant_id, limit_key, used) VALUES ($1, $2, $3)
             ON CONFLICT (tenant_id, limit_key) DO UPDATE SET used = usage_counters.used + $3",
            limit,
            amount
        )
        .execute()
        .await?;
        Ok(())
    }
}
