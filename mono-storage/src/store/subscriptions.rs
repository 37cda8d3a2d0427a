//! Subscriptions: what each tenant has bought. Selling is the platform's work.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::audit::Action;
use mono_core::id::TenantId;
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::subscription::Subscription;
use mono_core::{Error, ErrorKind};

const UPDATE: Permission = permission!("platform.subscriptions.update");
pub(super) const REQUIRED: &[Permission] = &[UPDATE];

impl FromRow for Subscription {
    fn from_row(row: &Row) -> Result<Self, Error> {
        serde_json::from_value(row.get("definition")?).map_err(Error::internal)
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
    /// Sets what a tenant has bought.
    ///
    /// # Errors
    /// `Forbidden` without `platform.subscriptions.update`; `Conflict` with code `reference_missing` where there is
    /// no such tenant or plan.
    pub async fn set(self, tenant: TenantId, subscription: &Subscription) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(UPDATE)?;
        let plan = subscription.plan_at(tx.now()).as_str().to_owned();
        let definition = serde_json::to_value(subscription).map_err(Error::internal)?;
        let now = tx.now();
        platform_sql!(
            tx,
            "INSERT INTO subscriptions (tenant_id, plan_key, definition, updated_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id) DO UPDATE SET plan_key = $2, definition = $3, updated_at = $4",
            tenant,
            plan.clone(),
            definition,
            now
        )
        .execute()
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::Conflict => {
                let message = format!("there is no such tenant, or no plan {plan}");
                Error::new(ErrorKind::Conflict, "reference_missing", message).with_source(error)
            }
            _ => error,
        })?;
        let changes = serde_json::json!([{ "field": "plan", "new": plan }]);
        tx.audit(Action::Update, "subscription", Some(tenant.uuid()), changes).await
    }
}
