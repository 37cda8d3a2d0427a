//! Signing in and out.

use crate::answer::Answer;
use crate::client::Client;
use crate::credential::Login;
use crate::error;
use mono_core::Result;
use mono_core::api::auth::{LoginAnswer, LoginRequest, LoginResponse, RefreshRequest};
use mono_core::api::second_factor::SecondFactorLogin;
use reqwest::Method;
use serde::Serialize;

/// Signing in; made by [`Client::auth`].
#[derive(Debug, Clone, Copy)]
pub struct Auth<'a> {
    pub(crate) client: &'a Client,
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
    /// `Unauthorized` where address or password are wrong, or with code `second_factor_required` where the person has a
    /// second factor: [`begin`](Self::begin) tells what to show it with; `RateLimited` after too many attempts, and what
    /// [`Client`] lists.
    ///
    /// ```no_run
    /// # async fn example(client: mono_client::Client) -> mono_core::Result<()> {
    /// use mono_core::api::auth::LoginRequest;
    /// let login = client.auth().login(&LoginRequest::new("tom@harbour.example", "…")).await?;
    /// println!("signed in until {}", login.expires_at);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn login(&self, login: &LoginRequest) -> Result<LoginResponse> {
        self.begin(login).await?.signed_in()
    }

    /// Signs in as [`login`](Self::login) does, or gets the challenge for the second factor.
    ///
    /// # Errors
    /// `Unauthorized` where address or password are wrong, `RateLimited` after too many attempts, and what
    /// [`Client`] lists.
    pub async fn begin(&self, login: &LoginRequest) -> Result<LoginAnswer> {
        let request = self.client.anonymous(Method::POST, "/api/v1/public/auth/login").json(login);
        let answer: LoginAnswer = self.client.send(request).await?.data()?;
        if let LoginAnswer::SignedIn(response) = &answer {
            self.client.session.sign_in(Login::Tokens(response.clone())).await?;
        }
        Ok(answer)
    }

    /// Finishes a login with the code of the second factor. The client, and every clone of it, is signed in from now on.
    ///
    /// # Errors
    /// `Unauthorized` where the code is wrong, `Validation` where the challenge was used or has ended, `RateLimited` after
    /// too many attempts, and what [`Client`] lists.
    pub async fn second_factor(&self, login: &SecondFactorLogin) -> Result<LoginResponse> {
        let request = self.client.anonymous(Method::POST, "/api/v1/public/auth/second-factor").json(login);
        let response: LoginResponse = self.client.send(request).await?.data()?;
        self.client.session.sign_in(Login::Tokens(response.clone())).await?;
        Ok(response)
    }

    /// Whether somebody is signed in, as far as the client or its [`TokenStore`](crate::TokenStore) know; the server is not
    /// asked.
    ///
    /// # Errors
    /// That of the store; the one that has ended the session.
    pub async fn is_signed_in(&self) -> Result<bool> {
        self.client.session.current().await.map(|credential| credential.is_some())
    }

    /// Gets the next access token and the next refresh token; the client, and every clone of it, goes on with them. Calls
    /// do so by themselves where the token has ended; any number of them and of these ask the server once.
    ///
    /// # Errors
    /// `Unauthorized` with code `no_refresh_token` where the client has not signed in, `session_ended` or
    /// `refresh_token_reused` where the session is over, and what [`Client`] lists.
    pub async fn refresh(&self) -> Result<LoginResponse> {
        let Client { session, wire, .. } = self.client;
        let used = session.current().await?.ok_or_else(error::no_refresh_token)?;
        if used.login().and_then(Login::refresh_token).is_none() {
            return Err(error::no_refresh_token());
        }
        let next = session.renew(&used, wire).await?;
        next.login().and_then(Login::tokens).cloned().ok_or_else(error::no_refresh_token)
    }

    /// Ends the session. The client, and every clone of it, is signed out, unless somebody else has signed in meanwhile.
    ///
    /// # Errors
    /// `Unauthorized` with code `no_refresh_token` where the client has not signed in, or `invalid_refresh_token` where the
    /// server does not know the token any more, and what [`Client`] lists. Where the server was not told, the client stays
    /// signed in: [`forget`](Self::forget) ends that on this side.
    pub async fn logout(&self) -> Result<()> {
        let Client { session, wire, .. } = self.client;
        let credential = session.current().await?.filter(|credential| credential.is_renewable());
        let login = credential.as_ref().and_then(|credential| credential.login());
        let login = login.ok_or_else(error::no_refresh_token)?;
        let body = RefreshRequest { refresh_token: login.refresh_token().map(str::to_owned) };
        let call = self.client.anonymous(Method::POST, "/api/v1/public/auth/logout").json(&body);
        let call = call.prepared(|request| login.show_cookies(request, wire))?;
        self.client.send(call).await?.nothing()?;
        session.sign_out(login).await
    }

    /// Forgets who is signed in, here and in the [`TokenStore`](crate::TokenStore), without asking the server: for a
    /// [`logout`](Self::logout) that fails, on a device without network say. The server keeps the session until it ends by
    /// itself, or is [revoked](crate::Sessions::revoke).
    ///
    /// # Errors
    /// That of the store; the client forgets all the same.
    pub async fn forget(&self) -> Result<()> {
        self.client.session.forget().await
    }

    /// Sends what nobody has to be signed in for, just once: a mail is asked for, or a token used up.
    pub(crate) async fn post(self, path: &str, body: &impl Serialize) -> Result<Answer> {
        let request = self.client.anonymous(Method::POST, &format!("/api/v1/public/auth{path}")).json(body);
        self.client.send(request).await
    }
}
