//! Recount: compares the counters of limits with the rows that they count, and mends them.

use crate::db::TenantTx;
use crate::sql;
use mono_core::Error;
use mono_core::subscription::Window;

/// A counter that did not agree with the rows; it does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The limit.
    pub limit: &'static str,
    /// What the counter said.
    pub counted: u64,
    /// How many rows there are.
    pub rows: u64,
}

impl TenantTx {
    /// Sets each counter of things that exist to the number of things that exist, and tells where they differed. Others
    /// may write meanwhile.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn recount(&mut self) -> Result<Vec<Drift>, Error> {
        self.caller().require_system()?;
        let window_start = Window::Total.start(self.now());
        let limit = super::accounts::LIMIT;
        // The counter is held first, in a statement of its own: who has taken a place and not committed has it, and who
        // comes later adds to what is written here. Counting first would miss those between the two.
        let counted = sql!(
            self,
            "INSERT INTO usage_counters (tenant_id, limit_key, window_start, used) VALUES ($1, $2, $3, 0)
             ON CONFLICT (tenant_id, limit_key, window_start) DO UPDATE SET used = usage_counters.used RETURNING used",
            limit,
            window_start
        )
        .row()
        .await?
        .get::<i64>("used")?;
        let rows = sql!(
            self,
            "SELECT count(*) AS present FROM accounts WHERE tenant_id = $1 AND deleted_at IS NULL"
        )
        .row()
        .await?
        .get::<i64>("present")?;
        if counted == rows {
            return Ok(Vec::new());
        }
        sql!(
            self,
            "UPDATE usage_counters SET used = $4 WHERE tenant_id = $1 AND limit_key = $2 AND window_start = $3",
            limit,
            window_start,
            rows
        )
        .execute()
        .await?;
        let number = |value: i64| u64::try_from(value).unwrap_or_default();
        Ok(vec![Drift { limit, counted: number(counted), rows: number(rows) }])
    }
}
