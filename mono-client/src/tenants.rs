//! The tenants of the platform.

use crate::client::Client;
use crate::history::History;
use futures_util::Stream;
use mono_core::Result;
use mono_core::api::auth::LoginResponse;
use mono_core::api::tenants::{CreateTenant, ListTenants, ScrollTenants, UpdateTenant};
use mono_core::api::users::ImpersonateRequest;
use mono_core::id::{MemberId, TenantId};
use mono_core::model::tenant::Tenant;
use mono_core::page::{Page, Slice};
use reqwest::Method;

/// Where the tenants are.
const PATH: &str = "/api/v1/platform/tenants";

fn path(tenant: TenantId, rest: &str) -> String {
    format!("{PATH}/{tenant}{rest}")
}

/// The tenants of the platform; made by [`Platform::tenants`](crate::Platform::tenants).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Tenants<'a> {
    pub(crate) client: &'a Client,
}

impl<'a> Tenants<'a> {
    /// Makes a tenant, with all that its template holds. Without one it may use nothing until
    /// [`Subscriptions::set`](crate::Subscriptions::set) gives it a plan.
    ///
    /// # Errors
    /// `Validation` names each field that is wrong, `Conflict` says that slug or domain are taken.
    pub async fn create(&self, tenant: &CreateTenant) -> Result<Tenant> {
        self.client.send(self.client.request(Method::POST, PATH).json(tenant)).await?.data()
    }

    /// One page of the tenants.
    ///
    /// # Errors
    /// `Validation` names what is wrong with page, limit, search, status or sort.
    pub async fn list(&self, wanted: &ListTenants) -> Result<Page<Tenant>> {
        self.client.send(self.client.request(Method::GET, PATH).query(wanted)).await?.data()
    }

    /// A slice of the tenants, newest first. Its `next` is the cursor of the slice after it; however deep it stands, a
    /// slice costs the same.
    ///
    /// # Errors
    /// `Validation` names what is wrong with the query.
    pub async fn scroll(&self, wanted: &ScrollTenants) -> Result<Slice<Tenant>> {
        self.client.scroll(PATH, wanted).await
    }

    /// Every tenant that the query asks for, newest first. The next slice is asked for when the one before was taken; the stream
    /// ends after the last, or with the first error.
    pub fn stream(&self, wanted: ScrollTenants) -> impl Stream<Item = Result<Tenant>> + Unpin + use<> {
        self.client.stream(PATH, wanted)
    }

    /// One tenant.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn get(&self, tenant: TenantId) -> Result<Tenant> {
        self.client.send(self.client.request(Method::GET, &path(tenant, ""))).await?.data()
    }

    /// Changes a tenant; what the change leaves out stays as it is.
    ///
    /// # Errors
    /// `Validation`, `NotFound`; `Conflict` where the version is stale, or slug or domain are taken.
    pub async fn update(&self, tenant: TenantId, change: &UpdateTenant) -> Result<Tenant> {
        self.client.send(self.client.request(Method::PATCH, &path(tenant, "")).json(change)).await?.data()
    }

    /// Acts as a member of a tenant, for an hour and for a reason that the tenant reads in its audit log. The client that
    /// is given back is signed in as the member; this one stays as it is.
    ///
    /// # Errors
    /// `Validation` without a reason, `NotFound` where the tenant has no such member, `Forbidden` for staff of the platform.
    pub async fn impersonate(&self, tenant: TenantId, member: MemberId, reason: &str) -> Result<Client> {
        let body = ImpersonateRequest { reason: reason.to_owned() };
        let address = path(tenant, &format!("/members/{member}/impersonate"));
        let request = self.client.request(Method::POST, &address).json(&body);
        let response: LoginResponse = self.client.send(request).await?.data()?;
        Ok(self.client.with_token(response.access_token))
    }

    /// Suspends a tenant: everybody in it is refused, and everything is kept.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn suspend(&self, tenant: TenantId) -> Result<Tenant> {
        self.client.send(self.client.request(Method::POST, &path(tenant, "/suspend"))).await?.data()
    }

    /// Closes a tenant; it is refused like a suspended one.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn archive(&self, tenant: TenantId) -> Result<Tenant> {
        self.client.send(self.client.request(Method::POST, &path(tenant, "/archive"))).await?.data()
    }

    /// Lets a tenant work again.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn reactivate(&self, tenant: TenantId) -> Result<Tenant> {
        self.client.send(self.client.request(Method::POST, &path(tenant, "/reactivate"))).await?.data()
    }

    /// The versions of a tenant. Going back leaves its status as it is.
    pub fn history(&self, tenant: TenantId) -> History<'a, Tenant> {
        History::new(self.client, &path(tenant, ""))
    }
}
