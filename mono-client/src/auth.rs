//! Signing in and out.

use crate::client::Client;
use crate::send::Answer;
use mono_core::Result;
use mono_core::api::auth::{LoginAnswer, LoginRequest, LoginResponse, RefreshRequest};
use mono_core::api::second_factor::SecondFactorLogin;
use mono_core::error::{Error, ErrorKind};
use reqwest::{Method, RequestBuilder};
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
            self.client.token.set(response);
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
        self.client.token.set(&response);
        Ok(response)
    }

    /// Gets the next access token and the next refresh token; the client, and every clone of it, goes on with them.
    ///
    /// # Errors
    /// `Unauthorized` with code `no_refresh_token` where the client has not signed in, `session_ended` or
    /// `refresh_token_reused` where the session is over, and what [`Client`] lists.
    pub async fn refresh(&self) -> Result<LoginResponse> {
        let request = self.with_refresh_token("/api/v1/public/auth/refresh")?;
        let response: LoginResponse = self.client.send(request).await?.data()?;
        self.client.token.set(&response);
        Ok(response)
    }

    /// Ends the session. The client, and every clone of it, is signed out.
    ///
    /// # Errors
    /// `Unauthorized` with code `no_refresh_token` where the client has not signed in, and what [`Client`] lists.
    pub async fn logout(&self) -> Result<()> {
        let request = self.with_refresh_token("/api/v1/public/auth/logout")?;
        self.client.send(request).await?.nothing()?;
        self.client.token.clear();
        Ok(())
    }

    /// Sends what nobody has to be signed in for, just once: a mail is asked for, or a token used up.
    pub(crate) async fn post(self, path: &str, body: &impl Serialize) -> Result<Answer> {
        let request = self.client.anonymous(Method::POST, &format!("/api/v1/public/auth{path}")).json(body);
        self.client.send(request).await
    }

    fn with_refresh_token(self, path: &str) -> Result<RequestBuilder> {
        let Some(token) = self.client.token.refresh_token() else {
            let message = "the client has no refresh token: sign in first";
            return Err(Error::new(ErrorKind::Unauthorized, "no_refresh_token", message));
        };
        let body = RefreshRequest { refresh_token: Some(token) };
        Ok(self.client.anonymous(Method::POST, path).json(&body))
    }
}
