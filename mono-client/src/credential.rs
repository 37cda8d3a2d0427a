//! What a request shows to say who asks.

use crate::answer::Answer;
use crate::wire::Wire;
use mono_core::api::auth::{ACCESS_COOKIE, CookieLoginResponse, LoginResponse, REFRESH_COOKIE};
use mono_core::id::{SessionId, TenantId, UserId};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind, Result};
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use reqwest::{Request, RequestBuilder, Url};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The header that carries the token against forged requests (CSRF).
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// What a request shows. It has no `Debug`, so that nothing can print a token.
pub(crate) struct Credential {
    proof: Proof,
    /// Changes with the person and with the tenant, not with the token: nothing of one identity may reach another.
    pub(crate) identity: u64,
}

enum Proof {
    /// An API key, or an access token that somebody else looks after.
    Key(String),
    Login(Login),
}

/// What the server gave to who signed in.
#[derive(Clone)]
pub(crate) enum Login {
    Tokens(LoginResponse),
    Cookies(CookieLoginResponse, Jar),
}

/// The cookies of the server. A browser has them itself and shows them to nobody; there this stays empty.
#[derive(Clone, Default)]
pub(crate) struct Jar {
    access: Option<String>,
    refresh: Option<String>,
}

impl Jar {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let cookie = |name: &str| {
            let mut texts = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
            let value = texts.find_map(|text| text.split(';').next()?.strip_prefix(name)?.strip_prefix('='));
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        Self { access: cookie(ACCESS_COOKIE), refresh: cookie(REFRESH_COOKIE) }
    }

    /// The headers that a browser would send by itself from a page of the server; nothing in a browser.
    fn headers(&self, wire: &Wire) -> Result<HeaderMap> {
        let pair = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}={value}"));
        let pairs = [pair(ACCESS_COOKIE, &self.access), pair(REFRESH_COOKIE, &self.refresh)];
        let text = pairs.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let mut headers = HeaderMap::new();
        if !text.is_empty() {
            headers.insert(COOKIE, secret(&text)?);
            headers.insert(ORIGIN, origin(wire)?);
        }
        Ok(headers)
    }
}

/// Where a page of the server comes from.
fn origin(wire: &Wire) -> Result<HeaderValue> {
    let url = Url::parse(&wire.base).map_err(Error::internal)?;
    HeaderValue::try_from(url.origin().ascii_serialization()).map_err(Error::internal)
}

/// A header that nothing prints.
fn secret(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from(text).map_err(|error| {
        Error::new(ErrorKind::Validation, "invalid_request", "the token does not fit into a header")
            .with_source(error)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl Login {
    /// The tokens, which alone are stored.
    pub(crate) fn tokens(&self) -> Option<&LoginResponse> {
        match self {
            Self::Tokens(login) => Some(login),
            Self::Cookies(..) => None,
        }
    }

    pub(crate) fn cookies(&self) -> Option<&CookieLoginResponse> {
        match self {
            Self::Tokens(_) => None,
            Self::Cookies(login, _) => Some(login),
        }
    }

    pub(crate) fn refresh_token(&self) -> Option<&str> {
        self.tokens()?.refresh_token.as_deref()
    }

    /// Whether there is something to get the next one with.
    fn is_renewable(&self) -> bool {
        self.cookies().is_some() || self.refresh_token().is_some()
    }

    pub(crate) fn session_id(&self) -> SessionId {
        match self {
            Self::Tokens(login) => login.session_id,
            Self::Cookies(login, _) => login.session_id,
        }
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        match self {
            Self::Tokens(login) => login.expires_at,
            Self::Cookies(login, _) => login.expires_at,
        }
    }

    pub(crate) fn who(&self) -> (UserId, Option<TenantId>, Option<UserId>) {
        match self {
            Self::Tokens(login) => (login.user_id, login.tenant_id, login.impersonator_id),
            Self::Cookies(login, _) => (login.user_id, login.tenant_id, login.impersonator_id),
        }
    }

    /// This one, with the refresh token of the one before where it has none.
    pub(crate) fn or_refresh_of(mut self, before: Option<&Self>) -> Self {
        match (&mut self, before) {
            (Self::Tokens(login), Some(Self::Tokens(before))) if login.refresh_token.is_none() => {
                login.refresh_token.clone_from(&before.refresh_token);
            }
            (Self::Cookies(_, jar), Some(Self::Cookies(_, before))) if jar.refresh.is_none() => {
                jar.refresh.clone_from(&before.refresh);
            }
            _ => {}
        }
        self
    }

    /// This one, with the refresh token of another.
    pub(crate) fn with_refresh_of(mut self, other: Self) -> Self {
        match (&mut self, other) {
            (Self::Tokens(login), Self::Tokens(other)) => login.refresh_token = other.refresh_token,
            (Self::Cookies(_, jar), Self::Cookies(_, other)) => jar.refresh = other.refresh,
            _ => {}
        }
        self
    }

    /// Reads the answer to a request for the next one.
    pub(crate) fn read(answer: Answer, before: &Self) -> Result<Self> {
        match before {
            Self::Tokens(_) => answer.data().map(Self::Tokens),
            Self::Cookies(..) => Self::read_cookies(answer),
        }
    }

    pub(crate) fn read_cookies(mut answer: Answer) -> Result<Self> {
        let jar = std::mem::take(&mut answer.jar);
        answer.data().map(|login| Self::Cookies(login, jar))
    }

    /// Puts the cookies into a request, as a browser does by itself.
    pub(crate) fn show_cookies(&self, request: RequestBuilder, wire: &Wire) -> Result<RequestBuilder> {
        match self {
            Self::Tokens(_) => Ok(request),
            Self::Cookies(_, jar) => Ok(request.headers(jar.headers(wire)?)),
        }
    }
}

impl Credential {
    /// An API key, or a token that is not renewed.
    pub(crate) fn key(key: String) -> Arc<Self> {
        Self::next(Proof::Key(key))
    }

    pub(crate) fn new(login: Login) -> Arc<Self> {
        Self::next(Proof::Login(login))
    }

    fn next(proof: Proof) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { proof, identity: NEXT.fetch_add(1, Ordering::Relaxed) })
    }

    /// Another login in place of this one; of the same identity where it is the same person in the same tenant.
    pub(crate) fn followed_by(&self, login: Login) -> Arc<Self> {
        if self.login().is_some_and(|before| before.who() == login.who()) {
            return Arc::new(Self { proof: Proof::Login(login), identity: self.identity });
        }
        Self::new(login)
    }

    pub(crate) fn login(&self) -> Option<&Login> {
        match &self.proof {
            Proof::Key(_) => None,
            Proof::Login(login) => Some(login),
        }
    }

    /// Whether it belongs to this session, as far as is known: of a bare token it is not.
    pub(crate) fn may_be_in(&self, session: SessionId) -> bool {
        self.login().is_none_or(|login| login.session_id() == session)
    }

    /// Whether the next one can be had from the server.
    pub(crate) fn is_renewable(&self) -> bool {
        self.login().is_some_and(Login::is_renewable)
    }

    /// Puts it into a request.
    pub(crate) fn show(&self, request: &mut Request, wire: &Wire) -> Result<()> {
        let token = match &self.proof {
            Proof::Key(token) => token,
            Proof::Login(Login::Tokens(login)) => &login.access_token,
            Proof::Login(Login::Cookies(login, jar)) => {
                request.headers_mut().extend(jar.headers(wire)?);
                if !request.method().is_safe() {
                    request.headers_mut().insert(CSRF, secret(&login.csrf_token)?);
                }
                return Ok(());
            }
        };
        request.headers_mut().insert(AUTHORIZATION, secret(&format!("Bearer {token}"))?);
        Ok(())
    }
}

/// What signs in with cookies comes from a page of the server. A browser says so by itself.
pub(crate) fn from_page(request: RequestBuilder, wire: &Wire) -> Result<RequestBuilder> {
    if cfg!(target_arch = "wasm32") { Ok(request) } else { Ok(request.header(ORIGIN, origin(wire)?)) }
}
