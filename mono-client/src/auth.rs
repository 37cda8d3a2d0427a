//! Signing in.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::auth::{LoginRequest, LoginResponse};
use reqwest::Method;

/// Signing in; made by [`Client::auth`].
#[derive(Debug, Clone, Copy)]
pub struct Auth<'a> {
    client: &'a Client,
}

impl Client {
    /// Signing in.
    pub fn auth(&self) -> Auth<'_> {
        Auth { client: self }
    }
}

impl Auth<'_> {
    /// Signs in. The client, and every clone of it, is signed in from now on.
    ///
    /// # Errors
    /// `Unauthorized` where address or password are wrong, `RateLimited` after too many attempts, and what
    /// [`Client`] lists.
    ///
    /// ```no_run
    /// # async fn example(client: mono_client::Client) -> mono_core::Result<()> {
    /// use mono_core::api::auth::LoginRequest;
    /// let (email, password) = ("tom@harbour.example".into(), "…".into());
    /// let login = client.auth().login(&LoginRequest { email, password, tenant: None }).await?;
    /// println!("signed in until {}", login.expires_at);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn login(&self, login: &LoginRequest) -> Result<LoginResponse> {
        let request = self.client.anonymous(Method::POST, "/api/v1/public/auth/login").json(login);
        let response: LoginResponse = self.client.send(request).await?.data()?;
        self.client.token.set(response.access_token.clone());
        Ok(response)
    }
}
