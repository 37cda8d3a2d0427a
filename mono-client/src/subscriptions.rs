//! What the tenants have bought.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::subscriptions::{ChangeResponse, CreateOverride};
use mono_core::id::{OverrideId, TenantId};
use mono_core::subscription::{Change, Preview, StoredOverride, Subscription};
use reqwest::Method;

fn path(tenant: TenantId, rest: &str) -> String {
    format!("/api/v1/platform/tenants/{tenant}/{rest}")
}

/// What the tenants have bought, and what was agreed otherwise; made by
/// [`Platform::subscriptions`](crate::Platform::subscriptions).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing,
/// `NotFound` where the tenant has no subscription, and as [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Subscriptions<'a> {
    pub(crate) client: &'a Client,
}

impl Subscriptions<'_> {
    /// What a tenant has bought.
    ///
    /// # Errors
    /// `Forbidden` without `platform.subscriptions.read`.
    pub async fn get(self, tenant: TenantId) -> Result<Subscription> {
        self.client.send(self.client.request(Method::GET, &path(tenant, "subscription"))).await?.data()
    }

    /// Sets what a tenant has bought, as a whole: its first subscription, or another history.
    ///
    /// # Errors
    /// `Forbidden` without `platform.subscriptions.update`; `Validation` with everything that the catalogue does not
    /// allow; `NotFound` where there is no such tenant.
    pub async fn set(self, tenant: TenantId, subscription: &Subscription) -> Result<Subscription> {
        let request = self.client.request(Method::PUT, &path(tenant, "subscription")).json(subscription);
        self.client.send(request).await?.data()
    }

    /// Changes what a tenant has bought, and tells what that brought. A maximum below present use is allowed: nothing is
    /// taken away, and there is no more to be had.
    ///
    /// # Errors
    /// `Forbidden` without `platform.subscriptions.update`; `Validation` with everything that the catalogue does not
    /// allow.
    pub async fn change(self, tenant: TenantId, change: &Change) -> Result<ChangeResponse> {
        let request = self.client.request(Method::POST, &path(tenant, "subscription/changes")).json(change);
        self.client.send(request).await?.data()
    }

    /// What a change would bring, without making it.
    ///
    /// # Errors
    /// As [`change`](Self::change), with `platform.subscriptions.read`.
    ///
    /// ```no_run
    /// # async fn example(client: mono_client::Client, tenant: mono_core::id::TenantId) -> mono_core::Result<()> {
    /// use mono_core::subscription::{Change, Key};
    /// let change = Change::Plan(Key::parse("starter")?);
    /// for limit in client.platform().subscriptions().preview(tenant, &change).await?.below_use() {
    ///     println!("{} of {} {} would be in use", limit.used, limit.after, limit.limit);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn preview(self, tenant: TenantId, change: &Change) -> Result<Preview> {
        let request = self.client.request(Method::POST, &path(tenant, "subscription/preview")).json(change);
        self.client.send(request).await?.data()
    }

    /// What was agreed otherwise for a tenant and its accounts, oldest first.
    ///
    /// # Errors
    /// `Forbidden` without `platform.subscriptions.read`.
    pub async fn overrides(self, tenant: TenantId) -> Result<Vec<StoredOverride>> {
        let request = self.client.request(Method::GET, &path(tenant, "entitlement-overrides"));
        self.client.send(request).await?.data()
    }

    /// Agrees on something else than the plan for a tenant, or for one of its accounts.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.manage-features`; `Validation` with everything that the catalogue does not
    /// allow; `Conflict` where the tenant has no such account.
    pub async fn add_override(self, tenant: TenantId, exception: &CreateOverride) -> Result<StoredOverride> {
        let request =
            self.client.request(Method::POST, &path(tenant, "entitlement-overrides")).json(exception);
        self.client.send(request).await?.data()
    }

    /// Takes an override back at once.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.manage-features`; `NotFound` where the tenant has no such override.
    pub async fn remove_override(self, tenant: TenantId, id: OverrideId) -> Result<()> {
        let path = path(tenant, &format!("entitlement-overrides/{id}"));
        self.client.send(self.client.request(Method::DELETE, &path)).await?.nothing()
    }
}
