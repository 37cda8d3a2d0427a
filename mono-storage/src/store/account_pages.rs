//! Pages of accounts, kept as they are sent.

use super::accounts::READ;
use crate::bus::Tag;
use crate::cache::{Serialised, Space};
use crate::db::Database;
use mono_core::Error;
use mono_core::caller::{Caller, Pass, SystemReason};
use mono_core::id::TenantId;
use mono_core::model::account::AccountFilter;
use mono_core::page::PageRequest;
use mono_core::permission::{Scope, ScopeFilter};
use std::time::Duration;

/// Pages of accounts, as they are sent.
static PAGES: Space = Space {
    name: "accounts",
    schema: 2,
    fresh: Duration::from_mins(5),
    stale: Duration::from_secs(30),
    negative: Duration::ZERO,
};

impl Database {
    /// One page of the accounts that the caller may read, as JSON. For whoever may read all of them, a page without a
    /// search is kept until an account of the tenant changes, where this node hears of every change: on SQLite, which one
    /// server has for itself, and where Redis links the servers.
    ///
    /// # Errors
    /// As [`Accounts::list`](super::Accounts::list).
    pub async fn account_page(
        &self,
        caller: &Caller,
        filter: &AccountFilter,
        page: PageRequest,
    ) -> Result<Serialised, Error> {
        let tenant = caller.tenant()?;
        let is_kept = filter.search.is_none() && self.hears_changes();
        if !is_kept || !self.sees_all(caller, tenant).await? {
            let mut tx = self.tenant(caller).read().await?;
            return Serialised::new(&tx.accounts().list(filter, page).await?);
        }
        let status = filter.status.map(mono_core::model::account::AccountStatus::as_str).unwrap_or_default();
        let id = format!("{}:{status}:{}:{}", filter.sort.as_str(), page.offset(), page.limit());
        let load = || {
            let (database, filter) = (self.clone(), filter.clone());
            async move {
                let system = Caller::system_in(SystemReason::Cache, tenant);
                let mut tx = database.tenant(&system).read_current().await?;
                Serialised::encode(&tx.accounts().list(&filter, page).await?).map(Some)
            }
        };
        let found = self.cache().tenant(tenant).get(&PAGES, &id, &[Tag::ACCOUNTS], load).await?;
        let page = found.map(Serialised::from_bytes);
        page.ok_or_else(|| Error::internal("a page of accounts is nothing"))
    }

    /// Whether the caller may read every account by an ordinary right. Then that is counted as a use of it; otherwise
    /// nothing has happened yet.
    async fn sees_all(&self, caller: &Caller, tenant: TenantId) -> Result<bool, Error> {
        let (now, whole) = (self.now(), Scope::tenant(tenant));
        let Some(held) = caller.permissions() else { return Ok(false) };
        let has_exceptions = match held.scopes_for(READ, now) {
            ScopeFilter::Within(subtrees) => subtrees.iter().any(|subtree| !subtree.except.is_empty()),
            ScopeFilter::All => false,
            ScopeFilter::None => true,
        };
        if has_exceptions || !matches!(caller.authorize(READ, &whole, now), Ok(Pass::Ordinary)) {
            return Ok(false);
        }
        if let Some(feature) = held.feature_of(READ) {
            self.meter().count_feature(tenant, feature, now);
        }
        if let Some(limit) = caller.metered_call() {
            self.count(caller, None, limit, 1).await?;
        }
        Ok(true)
    }
}
