//! Where the caller is signed in, and in which tenant.

use crate::client::Client;
use crate::credential::Login;
use crate::user::User;
use mono_core::Result;
use mono_core::api::auth::LoginResponse;
use mono_core::api::sessions::{ChooseTenant, RevokedSessions, SessionResponse};
use mono_core::id::{SessionId, TenantId};
use mono_core::model::tenant::Membership;
use reqwest::Method;

/// The caller's own sessions; made by [`User::sessions`].
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'a> {
    client: &'a Client,
}

impl<'a> User<'a> {
    /// The caller's own sessions.
    pub fn sessions(self) -> Sessions<'a> {
        Sessions { client: self.client }
    }

    /// The tenants that the caller belongs to.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn tenants(self) -> Result<Vec<Membership>> {
        let request = self.client.request(Method::GET, "/api/v1/user/tenants");
        self.client.send(request).await?.data()
    }

    /// Works in another of the caller's tenants from now on; the client, and every clone of it, goes on with a token for
    /// it. Who is signed in by cookies does so with [`Cookies::choose_tenant`](crate::Cookies::choose_tenant).
    ///
    /// # Errors
    /// `Unauthorized` with code `signed_out` where the client was signed out meanwhile, or signed in again; `Forbidden` where
    /// the caller does not belong to the tenant, and what [`Client`] lists.
    pub async fn choose_tenant(self, tenant: TenantId) -> Result<LoginResponse> {
        let body = ChooseTenant { tenant_id: tenant };
        let request = self.client.request(Method::PUT, "/api/v1/user/tenant").json(&body);
        let response: LoginResponse = self.client.send(request).await?.data()?;
        self.client.session.switch(Login::Tokens(response.clone())).await?;
        Ok(response)
    }
}

impl Sessions<'_> {
    /// The sessions that hold, the one used last first.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn list(self) -> Result<Vec<SessionResponse>> {
        let request = self.client.request(Method::GET, "/api/v1/user/sessions");
        self.client.send(request).await?.data()
    }

    /// Ends one session.
    ///
    /// # Errors
    /// `NotFound` where the caller has no such session that holds, and what [`Client`] lists.
    pub async fn revoke(self, id: SessionId) -> Result<()> {
        let request = self.client.request(Method::DELETE, &format!("/api/v1/user/sessions/{id}"));
        self.client.send(request).await?.nothing()
    }

    /// Ends every session but the one that asks.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn revoke_others(self) -> Result<RevokedSessions> {
        let request = self.client.request(Method::POST, "/api/v1/user/sessions/revoke-others");
        self.client.send(request).await?.data()
    }
}
