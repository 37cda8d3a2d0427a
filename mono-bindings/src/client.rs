//! The client of a server.

use crate::accounts::{Account, AccountPage, CreateAccount, ListAccounts};
use crate::auth::{Login, LoginAnswer};
use crate::error::Result;
use mono_core::api::auth::LoginRequest;
use mono_core::api::second_factor::SecondFactorLogin;
use std::sync::Arc;
use std::time::Duration;

/// Talks to one server.
#[derive(Debug, uniffi::Object)]
pub struct Client {
    client: mono_client::Client,
}

#[uniffi::export(async_runtime = "tokio")]
impl Client {
    /// Makes a client of the server at an address such as `https://api.example.com`. A call takes 30 seconds at most,
    /// unless another timeout is given. Nothing is sent yet.
    ///
    /// # Errors
    /// `Validation` where the address is not `http` or `https`, or holds a user name, password, query or fragment.
    #[uniffi::constructor(default(timeout = None))]
    pub fn new(address: String, timeout: Option<Duration>) -> Result<Arc<Self>> {
        let mut builder = mono_client::Client::builder(address)
            .user_agent(concat!("mono-bindings/", env!("CARGO_PKG_VERSION")));
        if let Some(timeout) = timeout {
            builder = builder.timeout(timeout);
        }
        Ok(Arc::new(Self { client: builder.build()? }))
    }

    /// A client that is signed in with this access token, kept from an earlier login.
    pub fn with_token(&self, token: String) -> Arc<Self> {
        Arc::new(Self { client: self.client.with_token(token) })
    }

    /// A client that works in this tenant, with the same token; for platform staff.
    ///
    /// # Errors
    /// `Validation` where the id is no UUID.
    pub fn with_tenant(&self, tenant_id: String) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { client: self.client.with_tenant(tenant_id.parse()?) }))
    }

    /// Asks whether the server is there.
    ///
    /// # Errors
    /// `Unavailable` where it is not.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.client.ping().await?)
    }

    /// Signs in. The client keeps the token and uses it from now on. The tenant is named by its slug; without one the
    /// only or oldest membership is taken.
    ///
    /// # Errors
    /// `Unauthorized` where address or password are wrong, or with code `second_factor_required` where the person has a
    /// second factor: `begin_login` tells what to show it with.
    #[uniffi::method(default(tenant = None))]
    pub async fn login(&self, email: String, password: String, tenant: Option<String>) -> Result<Login> {
        let request = LoginRequest { tenant, ..LoginRequest::new(email, password) };
        Ok(self.client.auth().login(&request).await?.into())
    }

    /// Signs in as `login` does, or gets the challenge for the second factor.
    ///
    /// # Errors
    /// `Unauthorized` where address or password are wrong.
    #[uniffi::method(default(tenant = None))]
    pub async fn begin_login(
        &self,
        email: String,
        password: String,
        tenant: Option<String>,
    ) -> Result<LoginAnswer> {
        let request = LoginRequest { tenant, ..LoginRequest::new(email, password) };
        Ok(self.client.auth().begin(&request).await?.into())
    }

    /// Finishes a login with a code of the second factor, or a recovery code. The client keeps the token and uses it from
    /// now on.
    ///
    /// # Errors
    /// `Unauthorized` where the code is wrong, `Validation` where the challenge was used or has ended.
    pub async fn second_factor(&self, challenge: String, code: String) -> Result<Login> {
        let shown = SecondFactorLogin { challenge, code, cookies: false };
        Ok(self.client.auth().second_factor(&shown).await?.into())
    }

    /// One page of the accounts of the tenant.
    ///
    /// # Errors
    /// `Forbidden` where the permission is missing, `Validation` where the wish makes no sense.
    pub async fn list_accounts(&self, wanted: ListAccounts) -> Result<AccountPage> {
        Ok(self.client.tenant().accounts().list(&wanted.into()).await?.into())
    }

    /// Makes an account.
    ///
    /// # Errors
    /// `Forbidden` where the permission is missing, `Validation` names each field that is wrong, `Conflict` says that
    /// the slug is taken, `LimitExceeded` that the plan allows no more accounts.
    pub async fn create_account(&self, account: CreateAccount) -> Result<Account> {
        Ok(self.client.tenant().accounts().create(&account.into()).await?.into())
    }
}
