//! What signing in to the tenant asks for.

use crate::client::Client;
use crate::tenant::Tenant;
use mono_core::Result;
use mono_core::api::auth_policy::{AuthPolicyResponse, UpdateAuthPolicy};
use reqwest::Method;

const PATH: &str = "/api/v1/tenant/auth-policy";

/// What signing in to the tenant asks for; made by [`Tenant::auth_policy`].
#[derive(Debug, Clone, Copy)]
pub struct AuthPolicy<'a> {
    client: &'a Client,
}

impl<'a> Tenant<'a> {
    /// What signing in to the tenant asks for.
    pub fn auth_policy(self) -> AuthPolicy<'a> {
        AuthPolicy { client: self.client }
    }
}

impl AuthPolicy<'_> {
    /// What holds, what the platform asks for, and what the tenant adds.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.auth_policy.read`, and what [`Client`] lists.
    pub async fn get(self) -> Result<AuthPolicyResponse> {
        self.client.send(self.client.request(Method::GET, PATH)).await?.data()
    }

    /// Changes what the tenant adds.
    ///
    /// # Errors
    /// `Validation` that names every field in which the tenant would ask for less than the platform, `Conflict` where
    /// the version is stale, `Forbidden` without `tenant.auth_policy.update`, and what [`Client`] lists.
    pub async fn update(self, change: &UpdateAuthPolicy) -> Result<AuthPolicyResponse> {
        self.client.send(self.client.request(Method::PATCH, PATH).json(change)).await?.data()
    }
}
