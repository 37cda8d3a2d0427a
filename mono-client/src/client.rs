//! The client and how it is made.

use crate::cache::{Cache, CacheSettings};
#[cfg(feature = "snapshot")]
use crate::permissions::Permissions;
use crate::session::Session;
use crate::system;
use crate::token_store::TokenStore;
use crate::wire::Wire;
use mono_core::id::TenantId;
use mono_core::{Error, Result};
use reqwest::Url;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a call may take, repeats included, unless the builder says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a request is sent again, unless the builder says otherwise.
const DEFAULT_REPEATS: u32 = 2;

/// Talks to one server. Cheap to clone; clones share connections, the token, and what is kept.
///
/// An access token that has ended is renewed, once for any number of calls, which are then sent again; see [`TokenStore`]
/// for staying signed in. To cancel a call, drop its future: nothing stays locked, and the others go on. A write that was
/// dropped may have been done.
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
/// | `Unauthorized` | `signed_out` | the client was signed out, or signed in as somebody else, while the call was on its way |
///
/// [`Answered::of`](crate::Answered::of) finds the id of the request in an error, for a report to whoever runs the
/// server. Where there was no answer, the id that was sent is in the details as `requestId`.
#[derive(Clone)]
pub struct Client {
    pub(crate) wire: Wire,
    pub(crate) timeout: Duration,
    pub(crate) session: Session,
    #[cfg(feature = "snapshot")]
    pub(crate) permissions: Permissions,
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
            repeats: DEFAULT_REPEATS,
            user_agent: concat!("mono-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            store: None,
            cache: None,
            #[cfg(feature = "snapshot")]
            permission_keys: None,
        }
    }

    /// A client that is signed in with this access token, or that shows this API key. It shares its connections with this
    /// one, the token not; the token is neither renewed nor stored.
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        let session = self.session.with_token(token.into());
        Self {
            session,
            #[cfg(feature = "snapshot")]
            permissions: self.permissions.other(),
            ..self.clone()
        }
    }

    /// A client whose calls may take so long, repeats included.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// A client that works in this tenant (`X-Tenant-ID`), with the same token. Needed by platform staff; the token of
    /// a member names the tenant by itself.
    pub fn with_tenant(&self, tenant: TenantId) -> Self {
        Self {
            tenant: Some(tenant),
            #[cfg(feature = "snapshot")]
            permissions: self.permissions.other(),
            ..self.clone()
        }
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
            .field("address", &self.wire.base)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Client`] to be.
#[derive(Clone)]
pub struct ClientBuilder {
    address: String,
    timeout: Duration,
    repeats: u32,
    user_agent: String,
    store: Option<Arc<dyn TokenStore>>,
    cache: Option<CacheSettings>,
    #[cfg(feature = "snapshot")]
    permission_keys: Option<Vec<[u8; 32]>>,
}

// Written by hand: an address may hold a password until it is checked.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// How long a call may take, from connecting to the last byte of the answer and repeats included. 30 seconds by
    /// default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often a request is sent again at most, where it is safe and may help: twice by default, 0 for never. The pauses
    /// grow from about 100 milliseconds, or are as long as the server asks for; none goes beyond the timeout.
    pub fn repeats(mut self, repeats: u32) -> Self {
        self.repeats = repeats;
        self
    }

    /// Where the tokens of a person outlive the program. Without it they are kept in memory alone.
    pub fn token_store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Keeps answers, and asks the server with their `ETag` whether they still hold. Without it, nothing is kept: an
    /// application decides itself how old what it shows may be.
    ///
    /// What is kept belongs to one identity in one tenant, and is forgotten when it signs out or chooses another tenant. After
    /// a write of this client, answers that speak of the same noun are asked for again.
    pub fn cache(mut self, settings: CacheSettings) -> Self {
        self.cache = Some(settings);
        self
    }

    /// The public keys that may sign [permissions](Client::permissions). Without them, the one is taken that the server
    /// gives along.
    #[cfg(feature = "snapshot")]
    pub fn permission_keys(mut self, keys: impl Into<Vec<[u8; 32]>>) -> Self {
        self.permission_keys = Some(keys.into());
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
    /// asks for HTTPS of a client that was built without the feature `rustls`; where there are permission keys, and none
    /// among them.
    pub fn build(self) -> Result<Client> {
        let base = parse_address(&self.address)?;
        #[cfg(feature = "snapshot")]
        if self.permission_keys.as_ref().is_some_and(Vec::is_empty) {
            // Perhaps a setting that was not filled in: it would trust whatever key the server names.
            let message = "give a key at least, or leave the keys out";
            return Err(Error::invalid("permission_keys", "no_keys", message));
        }
        let http = system::http().user_agent(self.user_agent).build().map_err(crate::error::transport)?;
        let cache = self.cache.map(|settings| Arc::new(Cache::new(settings)));
        Ok(Client {
            wire: Wire { http, base, repeats: self.repeats, timeout: self.timeout },
            timeout: self.timeout,
            session: Session::new(self.store, cache),
            #[cfg(feature = "snapshot")]
            permissions: Permissions::new(self.permission_keys.unwrap_or_default()),
            tenant: None,
            version: None,
            idempotency_key: None,
        })
    }
}

/// Checks the address and drops the slash at its end. The messages do not repeat it: it may hold a password.
fn parse_address(address: &str) -> Result<Arc<str>> {
    let invalid = |code: &str, message: &str| Error::invalid("address", code, message);
    // A parser of URLs leaves these out, by the standard (WHATWG URL, 4.4): what is called is not what is written.
    if address.contains(|character: char| character.is_control() || character.is_whitespace()) {
        return Err(invalid(
            "invalid_address",
            "the address of the server holds a space or control character",
        ));
    }
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
            ("http://ho\nst", "invalid_address"),
            (" http://host", "invalid_address"),
            ("http://host/\tmono", "invalid_address"),
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

    #[cfg(feature = "snapshot")]
    #[test]
    fn to_believe_no_key_is_not_to_believe_any() {
        let error = Client::builder("http://host").permission_keys([]).build().unwrap_err();
        assert!(error.details().unwrap().to_string().contains("no_keys"));
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
