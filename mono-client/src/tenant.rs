//! What belongs to a tenant.

use crate::accounts::Accounts;
use crate::client::Client;
use mono_core::Result;
use mono_core::api::entitlements::EntitlementsResponse;
use reqwest::Method;

/// What belongs to the tenant that the client works in; made by [`Client::tenant`].
#[derive(Debug, Clone, Copy)]
pub struct Tenant<'a> {
    client: &'a Client,
}

impl Client {
    /// What belongs to the tenant that the client works in.
    pub fn tenant(&self) -> Tenant<'_> {
        Tenant { client: self }
    }
}

impl<'a> Tenant<'a> {
    /// The accounts of the tenant.
    pub fn accounts(self) -> Accounts<'a> {
        Accounts { client: self.client }
    }

    /// What the tenant may use, and how much of it is used.
    ///
    /// # Errors
    /// `Forbidden` without the permission `tenant.billing.read`, and what [`Client`] lists.
    pub async fn entitlements(self) -> Result<EntitlementsResponse> {
        self.client.send(self.client.request(Method::GET, "/api/v1/tenant/entitlements")).await?.data()
    }
}
