//! Subscriptions: what each tenant has bought, and what was agreed otherwise. Selling is the platform's work.

use super::catalogue::hold_still;
use super::definitions::Definitions;
use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::audit::{Action, changes};
use mono_core::id::{OverrideId, TenantId};
use mono_core::permission::Permission;
use mono_core::subscription::{
    Change, Entitlements, Key, Override, PlanCatalogue, Preview, StoredOverride, Subscription, Window,
};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind, permission};
use std::collections::BTreeMap;

const READ: Permission = permission!("platform.subscriptions.read");
pub(super) const UPDATE: Permission = permission!("platform.subscriptions.update");
const OVERRIDE: Permission = permission!("platform.tenants.manage-features");
pub(super) const REQUIRED: &[Permission] = &[READ, UPDATE, OVERRIDE];

/// How the audit log names them.
const ENTITY: &str = "subscription";
const OVERRIDE_ENTITY: &str = "entitlement_override";

impl FromRow for Subscription {
    fn from_row(row: &Row) -> Result<Self, Error> {
        serde_json::from_value(row.get("definition")?).map_err(Error::internal)
    }
}

impl FromRow for Override {
    fn from_row(row: &Row) -> Result<Self, Error> {
        serde_json::from_value(row.get("definition")?).map_err(Error::internal)
    }
}

impl FromRow for StoredOverride {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { id: row.get("id")?, exception: Override::from_row(row)? })
    }
}

/// The subscriptions of all tenants.
pub struct Subscriptions<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The subscriptions of all tenants.
    pub const fn subscriptions(&mut self) -> Subscriptions<'_> {
        Subscriptions { tx: self }
    }
}

impl Subscriptions<'_> {
    /// What a tenant has bought.
    ///
    /// # Errors
    /// `Forbidden` without `platform.subscriptions.read`; `NotFound` where the tenant has no subscription.
    pub async fn get(self, tenant: TenantId) -> Result<Subscription, Error> {
        self.tx.authorize(READ)?;
        find(self.tx, tenant).await?.ok_or_else(not_found)
    }

    /// Sets what a tenant has bought, as a whole.
    ///
    /// # Errors
    /// `Forbidden` without `platform.subscriptions.update`; `Validation` with everything that the catalogue does not
    /// allow; `NotFound` where there is no such tenant.
    pub async fn set(self, tenant: TenantId, subscription: &Subscription) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(UPDATE)?;
        hold_still(tx).await?;
        let plans = plan_catalogue(tx).await?;
        plans.check_subscription(subscription, tx.now()).map_err(Error::validation)?;
        let old = find_for_update(tx, tenant).await?;
        write(tx, tenant, old.as_ref(), subscription).await
    }

    /// Changes what a tenant has bought. A maximum below present use is allowed: nothing is taken away, and there is no
    /// more to be had.
    ///
    /// # Errors
    /// `Forbidden` without `platform.subscriptions.update`; `Validation` with everything that the catalogue does not
    /// allow; `NotFound` where the tenant has no subscription.
    pub async fn change(self, tenant: TenantId, change: &Change) -> Result<(Subscription, Preview), Error> {
        let tx = self.tx;
        tx.authorize(UPDATE)?;
        hold_still(tx).await?;
        let old = find_for_update(tx, tenant).await?.ok_or_else(not_found)?;
        let preview = preview(tx, tenant, &old, change).await?;
        let new = old.with(change, tx.now());
        write(tx, tenant, Some(&old), &new).await?;
        Ok((new, preview))
    }

    /// What a change would bring, without making it.
    ///
    /// # Errors
    /// As [`change`](Self::change), with `platform.subscriptions.read`.
    pub async fn preview(self, tenant: TenantId, change: &Change) -> Result<Preview, Error> {
        let tx = self.tx;
        tx.authorize(READ)?;
        let old = find(tx, tenant).await?.ok_or_else(not_found)?;
        preview(tx, tenant, &old, change).await
    }

    /// What was agreed otherwise for a tenant and its accounts, oldest first.
    ///
    /// # Errors
    /// `Forbidden` without `platform.subscriptions.read`; `NotFound` where the tenant has no subscription.
    pub async fn overrides(self, tenant: TenantId) -> Result<Vec<StoredOverride>, Error> {
        let tx = self.tx;
        tx.authorize(READ)?;
        find(tx, tenant).await?.ok_or_else(not_found)?;
        overrides(tx, tenant).await
    }

    /// Agrees on something else than the plan for a tenant, or for one of its accounts.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.manage-features`; `Validation` with everything that the catalogue does not
    /// allow; `NotFound` where the tenant has no subscription; `Conflict` where it has no such account.
    pub async fn add_override(self, tenant: TenantId, exception: &Override) -> Result<StoredOverride, Error> {
        let tx = self.tx;
        tx.authorize(OVERRIDE)?;
        hold_still(tx).await?;
        let subscription = find_for_update(tx, tenant).await?.ok_or_else(not_found)?;
        let (plans, now) = (plan_catalogue(tx).await?, tx.now());
        let present: Vec<_> =
            overrides(tx, tenant).await?.into_iter().map(|stored| stored.exception).collect();
        let present = match exception.account {
            Some(account) => Entitlements::of_account(&plans, &subscription, &present, account, now),
            None => Entitlements::of_tenant(&plans, &subscription, &present, now),
        };
        plans.check_override(exception, &present).map_err(Error::validation)?;
        let stored = StoredOverride { id: tx.new_id(), exception: exception.clone() };
        let definition = serde_json::to_value(exception).map_err(Error::internal)?;
        platform_sql!(
            tx,
            "INSERT INTO entitlement_overrides (tenant_id, id, account_id, definition, created_at)
             VALUES ($1, $2, $3, $4, $5)",
            tenant,
            stored.id,
            exception.account,
            definition.clone(),
            now
        )
        .execute()
        .await?;
        let changes = changed(None, Some(&definition))?;
        tx.audit_tenant(tenant, Action::Create, OVERRIDE_ENTITY, stored.id.uuid(), changes).await?;
        Ok(stored)
    }

    /// Takes an override back at once. To let it end later, give it an end when it is made.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.manage-features`; `NotFound` where the tenant has no such override.
    pub async fn remove_override(self, tenant: TenantId, id: OverrideId) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(OVERRIDE)?;
        let row = platform_sql!(
            tx,
            "DELETE FROM entitlement_overrides WHERE tenant_id = $1 AND id = $2 RETURNING definition",
            tenant,
            id
        )
        .rows()
        .await?;
        let Some(row) = row.first() else { return Err(Error::not_found("an override")) };
        let changes = changed(Some(&row.get::<serde_json::Value>("definition")?), None)?;
        tx.audit_tenant(tenant, Action::Delete, OVERRIDE_ENTITY, id.uuid(), changes).await
    }
}

fn not_found() -> Error {
    Error::not_found("a subscription")
}

fn changed(
    old: Option<&serde_json::Value>,
    new: Option<&serde_json::Value>,
) -> Result<serde_json::Value, Error> {
    let nothing = serde_json::Value::Null;
    serde_json::to_value(changes(old.unwrap_or(&nothing), new.unwrap_or(&nothing))).map_err(Error::internal)
}

async fn plan_catalogue(tx: &mut PlatformTx) -> Result<PlanCatalogue, Error> {
    let (_, plans) = Definitions::load(tx).await?.compile().map_err(Error::validation)?;
    Ok(plans)
}

async fn find(tx: &mut PlatformTx, tenant: TenantId) -> Result<Option<Subscription>, Error> {
    platform_sql!(tx, "SELECT definition FROM subscriptions WHERE tenant_id = $1", tenant).optional().await
}

/// The subscription, held until the transaction ends: two changes at once follow one another.
async fn find_for_update(tx: &mut PlatformTx, tenant: TenantId) -> Result<Option<Subscription>, Error> {
    platform_sql!(
        tx,
        pg: "SELECT definition FROM subscriptions WHERE tenant_id = $1 FOR UPDATE",
        lite: "SELECT definition FROM subscriptions WHERE tenant_id = $1",
        tenant
    )
    .optional()
    .await
}

async fn overrides(tx: &mut PlatformTx, tenant: TenantId) -> Result<Vec<StoredOverride>, Error> {
    platform_sql!(
        tx,
        "SELECT id, definition FROM entitlement_overrides WHERE tenant_id = $1 ORDER BY created_at, id",
        tenant
    )
    .all()
    .await
}

async fn preview(
    tx: &mut PlatformTx,
    tenant: TenantId,
    subscription: &Subscription,
    change: &Change,
) -> Result<Preview, Error> {
    let (plans, now) = (plan_catalogue(tx).await?, tx.now());
    let exceptions: Vec<_> =
        overrides(tx, tenant).await?.into_iter().map(|stored| stored.exception).collect();
    let rows = platform_sql!(
        tx,
        "SELECT limit_key, window_start, used FROM usage_counters WHERE tenant_id = $1 AND holder_id = $1",
        tenant
    )
    .rows()
    .await?;
    let mut used: BTreeMap<Key, u64> = BTreeMap::new();
    for row in &rows {
        let (key, start): (String, Timestamp) = (row.get("limit_key")?, row.get("window_start")?);
        let window = plans.limit(&key).map_or(Window::Total, |limit| limit.window);
        if let (Ok(key), true) = (Key::parse(&key), start == window.start(now)) {
            used.insert(key, row.get::<i64>("used")?.unsigned_abs());
        }
    }
    plans.preview(subscription, &exceptions, change, &used, now)
}

async fn write(
    tx: &mut PlatformTx,
    tenant: TenantId,
    old: Option<&Subscription>,
    new: &Subscription,
) -> Result<(), Error> {
    let (now, plan) = (tx.now(), new.plan_at(tx.now()).as_str().to_owned());
    let old = old.map(serde_json::to_value).transpose().map_err(Error::internal)?;
    let definition = serde_json::to_value(new).map_err(Error::internal)?;
    let changes = changed(old.as_ref(), Some(&definition))?;
    platform_sql!(
        tx,
        "INSERT INTO subscriptions (tenant_id, plan_key, definition, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id) DO UPDATE SET plan_key = $2, definition = $3, updated_at = $4",
        tenant,
        plan,
        definition,
        now
    )
    .execute()
    .await
    .map_err(|error| match error.kind() {
        ErrorKind::Conflict => Error::not_found("a tenant").with_source(error),
        _ => error,
    })?;
    tx.audit_tenant(tenant, Action::Update, ENTITY, tenant.uuid(), changes).await
}
