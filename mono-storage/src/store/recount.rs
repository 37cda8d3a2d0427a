//! Recount: compares the counters of limits with the rows that they count, and mends them.

use crate::db::TenantTx;
use crate::sql;
use mono_core::Error;
use mono_core::id::AccountId;
use mono_core::subscription::{Allowance, Window};

/// A counter that did not agree with the rows; it does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The limit.
    pub limit: &'static str,
    /// The account whose counter it is; `None` for the tenant's.
    pub account: Option<AccountId>,
    /// What the counter said.
    pub counted: u64,
    /// How many rows there are.
    pub rows: u64,
}

/// A counter that is held until the transaction ends, so that nobody takes from it while rows are counted.
#[derive(Debug)]
#[must_use = "count the rows, and then call `TenantTx::mend_counter`"]
pub struct HeldCounter {
    limit: &'static str,
    account: Option<AccountId>,
    counted: u64,
}

impl TenantTx {
    /// Sets each counter of things that mono keeps to the number of things that exist, and tells where they differed.
    /// Others may write meanwhile. For tables of its own an application does the same with
    /// [`hold_counter`](Self::hold_counter) and [`mend_counter`](Self::mend_counter).
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn recount(&mut self) -> Result<Vec<Drift>, Error> {
        // In the order in which they are taken: those of accounts before those of the tenant.
        let mut drifts = self.recount_teams_of_accounts().await?;
        let held = self.hold_counter(super::accounts::LIMIT, None).await?;
        let accounts = sql!(
            self,
            "SELECT count(*) AS present FROM accounts WHERE tenant_id = $1 AND deleted_at IS NULL"
        );
        let accounts = accounts.row().await?.get::<i64>("present")?;
        let accounts = self.mend_counter(held, accounts.unsigned_abs()).await?;
        let held = self.hold_counter(super::members::LIMIT, None).await?;
        let members = sql!(self, "SELECT count(*) AS present FROM members WHERE tenant_id = $1");
        let members = members.row().await?.get::<i64>("present")?;
        let members = self.mend_counter(held, members.unsigned_abs()).await?;
        let held = self.hold_counter(super::teams::LIMIT, None).await?;
        let teams =
            sql!(self, "SELECT count(*) AS present FROM teams WHERE tenant_id = $1 AND deleted_at IS NULL");
        let teams = teams.row().await?.get::<i64>("present")?;
        let teams = self.mend_counter(held, teams.unsigned_abs()).await?;
        drifts.extend(accounts.into_iter().chain(members).chain(teams));
        Ok(drifts)
    }

    async fn recount_teams_of_accounts(&mut self) -> Result<Vec<Drift>, Error> {
        self.caller().require_system()?;
        let rows = sql!(
            self,
            "SELECT account_id AS holder FROM teams WHERE tenant_id = $1
             UNION SELECT holder_id AS holder FROM usage_counters
                 WHERE tenant_id = $1 AND limit_key = $2 AND holder_id <> $1
             ORDER BY holder",
            super::teams::LIMIT
        );
        let mut drifts = Vec::new();
        for row in rows.rows().await? {
            let account: AccountId = row.get("holder")?;
            let held = self.hold_counter(super::teams::LIMIT, Some(account)).await?;
            let present = sql!(
                self,
                "SELECT count(*) AS present FROM teams WHERE tenant_id = $1 AND account_id = $2 AND deleted_at IS NULL",
                account
            );
            let present = present.row().await?.get::<i64>("present")?;
            drifts.extend(self.mend_counter(held, present.unsigned_abs()).await?);
        }
        Ok(drifts)
    }

    /// Holds the counter of a limit of things that exist. Count the rows after this, in a statement of their own: who
    /// has taken a place and not committed has it, and who comes later adds to what is written. Counting first would
    /// miss those between the two.
    ///
    /// Of several counters hold those of accounts first, in the order of limit and account, and then those of the
    /// tenant: writers take them in this order, and so nobody waits in a circle.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn hold_counter(
        &mut self,
        limit: &'static str,
        account: Option<AccountId>,
    ) -> Result<HeldCounter, Error> {
        self.caller().require_system()?;
        let (holder, window_start) = (self.holder(account), Window::Total.start(self.now()));
        let counted = sql!(
            self,
            "INSERT INTO usage_counters (tenant_id, holder_id, limit_key, window_start, used) VALUES ($1, $2, $3, $4, 0)
             ON CONFLICT (tenant_id, holder_id, limit_key, window_start) DO UPDATE SET used = usage_counters.used
             RETURNING used",
            holder,
            limit,
            window_start
        )
        .row()
        .await?
        .get::<i64>("used")?;
        Ok(HeldCounter { limit, account, counted: counted.unsigned_abs() })
    }

    /// Sets a counter that is held to the number of rows that there are, and tells if it differed.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn mend_counter(&mut self, held: HeldCounter, rows: u64) -> Result<Option<Drift>, Error> {
        let HeldCounter { limit, account, counted } = held;
        if counted == rows {
            return Ok(None);
        }
        let (holder, window_start) = (self.holder(account), Window::Total.start(self.now()));
        sql!(
            self,
            "UPDATE usage_counters SET used = $5
             WHERE tenant_id = $1 AND holder_id = $2 AND limit_key = $3 AND window_start = $4",
            holder,
            limit,
            window_start,
            i64::from(Allowance::UpTo(rows))
        )
        .execute()
        .await?;
        Ok(Some(Drift { limit, account, counted, rows }))
    }
}
