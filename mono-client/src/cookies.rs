//! Signing in with cookies, which no script of a page can read.

use crate::auth::Auth;
use crate::client::Client;
use crate::credential::{Login, from_page};
use crate::error;
use mono_core::Result;
use mono_core::api::auth::{CookieLoginAnswer, CookieLoginResponse, LoginRequest, RefreshRequest};
use mono_core::api::magic_links::ConfirmMagicLink;
use mono_core::api::second_factor::SecondFactorLogin;
use mono_core::api::sessions::ChooseTenant;
use mono_core::id::TenantId;
use reqwest::Method;
use serde::Serialize;

/// Signing in with cookies; made by [`Auth::cookies`].
#[derive(Debug, Clone, Copy)]
pub struct Cookies<'a> {
    client: &'a Client,
}

impl<'a> Auth<'a> {
    /// Signing in with cookies: for a page that the server itself delivers. The browser keeps the tokens and sends them; no
    /// script sees them, this client neither. It sends the token against forged requests (CSRF) along with what it changes.
    ///
    /// On a machine the client keeps the cookies in its memory, as a browser would. A [`TokenStore`](crate::TokenStore) keeps
    /// tokens alone.
    ///
    /// ```no_run
    /// # async fn example(client: mono_client::Client) -> mono_core::Result<()> {
    /// use mono_core::api::auth::{CookieLoginAnswer, LoginRequest};
    /// // When the page is loaded: perhaps the browser is signed in already.
    /// if client.auth().cookies().resume().await.is_err() {
    ///     let login = LoginRequest::new("tom@harbour.example", "…");
    ///     if let CookieLoginAnswer::SecondFactor(asked) = client.auth().cookies().begin(&login).await? {
    ///         // Ask for the code, then `second_factor` with the challenge.
    ///         println!("until {}", asked.expires_at);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn cookies(self) -> Cookies<'a> {
        Cookies { client: self.client }
    }
}

impl Cookies<'_> {
    /// Signs in, or gets the challenge for the second factor. The client, and every clone of it, is signed in from then on.
    ///
    /// # Errors
    /// As [`Auth::begin`]; `Forbidden` with code `cross_site_request` for a page of another server.
    pub async fn begin(self, login: &LoginRequest) -> Result<CookieLoginAnswer> {
        self.sign_in("/login", &LoginRequest { cookies: true, ..login.clone() }).await
    }

    /// Finishes a login with the code of the second factor.
    ///
    /// # Errors
    /// As [`Auth::second_factor`].
    pub async fn second_factor(self, login: &SecondFactorLogin) -> Result<CookieLoginAnswer> {
        self.sign_in("/second-factor", &SecondFactorLogin { cookies: true, ..login.clone() }).await
    }

    /// Signs in with the token of a link that a mail brought.
    ///
    /// # Errors
    /// As [`Auth::magic_link`].
    pub async fn magic_link(self, confirm: &ConfirmMagicLink) -> Result<CookieLoginAnswer> {
        self.sign_in("/magic-link/confirm", &ConfirmMagicLink { cookies: true, ..confirm.clone() }).await
    }

    /// Goes on as whoever the cookies say, with new ones: when a page was loaded anew, or before the access token ends. Any
    /// number of these and of calls whose token has ended ask the server once.
    ///
    /// # Errors
    /// `Unauthorized` with code `missing_credentials` where there are no cookies, `session_ended` or `refresh_token_reused`
    /// where the session is over, and what [`Client`] lists.
    pub async fn resume(self) -> Result<CookieLoginResponse> {
        let Client { session, wire, .. } = self.client;
        let login = match session.current().await {
            Ok(Some(used)) if used.login().and_then(Login::cookies).is_some() => {
                session.renew(&used, wire).await?.login().and_then(Login::cookies).cloned()
            }
            _ => {
                let request = wire.request(Method::POST, "/api/v1/public/auth/refresh");
                let request = from_page(request, wire)?.json(&RefreshRequest::default());
                let login = Login::read_cookies(wire.ask(request).await?)?;
                session.sign_in(login.clone()).await?;
                login.cookies().cloned()
            }
        };
        login.ok_or_else(error::signed_out)
    }

    /// Works in another of the caller's tenants from now on.
    ///
    /// # Errors
    /// `Unauthorized` with code `signed_out` where the client was signed out meanwhile, or signed in again; `Forbidden` where
    /// the caller does not belong to the tenant, and what [`Client`] lists.
    pub async fn choose_tenant(self, tenant: TenantId) -> Result<CookieLoginResponse> {
        let body = ChooseTenant { tenant_id: tenant };
        let request = self.client.request(Method::PUT, "/api/v1/user/tenant").json(&body);
        let login = Login::read_cookies(self.client.send(request).await?)?;
        self.client.session.switch(login.clone()).await?;
        login.cookies().cloned().ok_or_else(error::signed_out)
    }

    async fn sign_in(self, path: &str, body: &impl Serialize) -> Result<CookieLoginAnswer> {
        let call = self.client.anonymous(Method::POST, &format!("/api/v1/public/auth{path}"));
        let call = call.prepared(|request| from_page(request, &self.client.wire))?.json(body);
        let mut answer = self.client.send(call).await?;
        let jar = std::mem::take(&mut answer.jar);
        let told: CookieLoginAnswer = answer.data()?;
        if let CookieLoginAnswer::SignedIn(login) = &told {
            self.client.session.sign_in(Login::Cookies(login.clone(), jar)).await?;
        }
        Ok(told)
    }
}
