//! The client and how it is made.

use crate::token::Token;
use mono_core::id::TenantId;
use mono_core::{Error, Result};
use reqwest::Url;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a call may take, repeats included, unless the builder says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Talks to one server. Cheap to clone; clones share connections and the token.
///
/// Every call answers with [`mono_core::Error`] on failure. What the server refused keeps its kind, code, message and
/// details. Beside those there are:
///
/// | kind | code | what happened |
/// | --- | --- | --- |
/// | `Unavailable` | `unreachable` | no connection, or it broke; a write may have been done |
/// | `Unavailable` | `timeout` | no answer in time; a write may have been done |
/// | `Internal` | `unexpected_answer` | an answer that no mono server gives: a proxy's page, a redirect, one that is too large |
/// | `Validation` | `invalid_request` | the request could not be made: a token with a line break |
///
/// [`Answered::of`](crate::Answered::of) finds the id of the request in an error, for a report to whoever runs the
/// server.
#[derive(Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Arc<str>,
    pub(crate) timeout: Duration,
    pub(crate) token: Token,
    pub(crate) tenant: Option<TenantId>,
    /// The version that changes expect.
    pub(crate) version: Option<i64>,
    pub(crate) idempotency_key: Option<Arc<str>>,
}

impl Client {
    /// Begins a client of the server at an address such as `https://api.example.com`. The address may have a path;
    /// the routes are then looked for below it.
    ///
    /// ```
    /// use mono_client::Client;
    /// use std::time::Duration;
    /// let client = Client::builder("http://127.0.0.1:8080").timeout(Duration::from_secs(5)).build()?;
    /// assert!(Client::builder("ftp://127.0.0.1").build().is_err());
    /// # Ok::<(), mono_core::Error>(())
    /// ```
    pub fn builder(address: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            address: address.into(),
            timeout: DEFAULT_TIMEOUT,
            user_agent: concat!("mono-client/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// A client that is signed in with this access token, or that shows this API key. It shares its connections with this
    /// one, the token not.
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Token::new(token.into()), ..self.clone() }
    }

    /// A client that works in this tenant (`X-Tenant-ID`), with the same token. Needed by platform staff; the token of
    /// a member names the tenant by itself.
    pub fn with_tenant(&self, tenant: TenantId) -> Self {
        Self { tenant: Some(tenant), ..self.clone() }
    }

    /// A client whose changes expect this version (`If-Match`): what has another one by now is not changed, but refused
    /// with `Conflict`, code `stale_version`. For one thing; its next version is another client.
    ///
    /// ```no_run
    /// # use mono_core::model::account::Account;
    /// # async fn example(client: mono_client::Client, account: Account) -> mono_core::Result<()> {
    /// client.at_version(account.version).tenant().accounts().delete(account.id).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn at_version(&self, version: i64) -> Self {
        Self { version: Some(version), ..self.clone() }
    }

    /// A client whose next write is done once, however often it is sent: by this client, which repeats it where the server
    /// is away, or by another process that knows the key. The key has 1 to 255 visible characters; make a new one, such as
    /// a UUID, for each thing that is to be done, and keep it where it survives a crash.
    ///
    /// The server keeps the answer for a day. It refuses a key where it keeps no answer: for many things at once, and where
    /// the answer holds a secret.
    ///
    /// ```no_run
    /// # use mono_core::api::accounts::CreateAccount;
    /// # async fn example(client: mono_client::Client, order: &str, account: CreateAccount) -> mono_core::Result<()> {
    /// let account = client.with_idempotency_key(order).tenant().accounts().create(&account).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_idempotency_key(&self, key: impl Into<Arc<str>>) -> Self {
        Self { idempotency_key: Some(key.into()), ..self.clone() }
    }
}

// Written by hand: a client ends up in logs, its token must not.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.base)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Client`] to be.
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    address: String,
    timeout: Duration,
    user_agent: String,
}

impl ClientBuilder {
    /// How long a call may take, from connecting to the last byte of the answer and repeats included. 30 seconds by
    /// default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How the client calls itself: the `User-Agent` header.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// `Validation` where the address is not `http` or `https`, holds a user name, password, query or fragment, or
    /// asks for HTTPS of a client that was built without the feature `rustls`.
    pub fn build(self) -> Result<Client> {
        let base = parse_address(&self.address)?;
        let http = reqwest::Client::builder()
            // A redirect could carry the token, or a write, to somewhere that nobody chose.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(self.user_agent)
            .build()
            .map_err(crate::error::transport)?;
        let (token, timeout) = (Token::default(), self.timeout);
        Ok(Client { http, base, timeout, token, tenant: None, version: None, idempotency_key: None })
    }
}

/// Checks the address and drops the slash at its end. The messages do not repeat it: it may hold a password.
fn parse_address(address: &str) -> Result<Arc<str>> {
    let invalid = |code: &str, message: &str| Error::invalid("address", code, message);
    let url = Url::parse(address)
        .map_err(|_| invalid("invalid_address", "the address of the server is not a URL"))?;
    match url.scheme() {
        "http" => {}
        "https" if cfg!(feature = "rustls") => {}
        "https" => {
            let message = "this client was built without HTTPS: enable the feature `rustls` of mono-client";
            return Err(invalid("https_not_built", message));
        }
        _ => return Err(invalid("invalid_scheme", "the address of the server begins with http or https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "credentials_in_address",
            "the address of the server holds a user name or password",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid(
            "invalid_address",
            "the address of the server has neither a query nor a fragment",
        ));
    }
    Ok(url.as_str().trim_end_matches('/').into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_hide_something_are_refused_without_repeating_them() {
        for (address, code) in [
            ("127.0.0.1:8080", "invalid_address"),
            ("", "invalid_address"),
            ("ftp://host", "invalid_scheme"),
            ("file:///etc/passwd", "invalid_scheme"),
            ("http://ada:hunter2@host", "credentials_in_address"),
            ("http://ada@host", "credentials_in_address"),
            ("http://host/?token=hunter2", "invalid_address"),
            ("http://host/#hunter2", "invalid_address"),
        ] {
            let error = Client::builder(address).build().unwrap_err();
            assert_eq!(error.code(), code, "{address}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn a_path_is_kept_and_a_slash_at_the_end_is_not() {
        for (address, base) in [
            ("http://host", "http://host"),
            ("http://host/", "http://host"),
            ("http://host/mono/", "http://host/mono"),
        ] {
            assert_eq!(&*parse_address(address).unwrap(), base);
        }
    }

    #[test]
    fn https_is_for_clients_that_have_it() {
        assert_eq!(Client::builder("https://host").build().is_ok(), cfg!(feature = "rustls"));
    }

    #[test]
    fn the_token_is_not_in_the_debug_text() {
        let client = Client::builder("http://host").build().unwrap().with_token("hunter2");
        assert!(!format!("{client:?}").contains("hunter2"));
    }
}
