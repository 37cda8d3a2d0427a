//! The cookies of a browser that is signed in, and what keeps other sites from using them.

use crate::authenticator::Authenticator;
use crate::flow::SignedIn;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
pub use mono_core::api::auth::{ACCESS_COOKIE, REFRESH_COOKIE};
use mono_core::caller::{Actor, Caller};
use mono_core::id::SessionId;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use secrecy::ExposeSecret;

/// The header that carries the token against forged requests (CSRF).
pub const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// The one cookie of this name in a request; two of them are a trick.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = pairs
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Refuses a request that the page of another site made the browser send.
///
/// # Errors
/// `Forbidden` with code `cross_site_request`.
pub fn require_same_origin(headers: &HeaderMap) -> Result<(), Error> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let same = match (text(HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        // A browser without fetch metadata names the origin with every request that changes something.
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(header::HOST)
        }
        (None, None) => false,
    };
    if same {
        return Ok(());
    }
    let message =
        "cookies count only for requests from pages of this server; other programs send a bearer token";
    Err(Error::new(ErrorKind::Forbidden, "cross_site_request", message))
}

impl Authenticator {
    /// The token that a page sends along with what it changes, in [`CSRF_HEADER`]. It belongs to one session.
    ///
    /// # Errors
    /// `Internal` never in practice: the key has the length that the hash asks for.
    pub fn csrf_token(&self, session: SessionId) -> Result<String, Error> {
        Ok(URL_SAFE_NO_PAD.encode(self.inner.csrf.sign(session.uuid().as_bytes())?))
    }

    /// Refuses a request with cookies that changes something, unless a page of this server made it.
    pub(crate) fn check_csrf(&self, caller: &Caller, parts: &Parts) -> Result<(), Error> {
        if parts.method.is_safe() {
            return Ok(());
        }
        require_same_origin(&parts.headers)?;
        let Actor::User { session, .. } = caller.actor() else { return Err(invalid_csrf()) };
        let given = parts.headers.get(CSRF_HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
        let given = URL_SAFE_NO_PAD.decode(given).unwrap_or_default();
        if self.inner.csrf.verify(session.uuid().as_bytes(), &given) {
            return Ok(());
        }
        Err(invalid_csrf())
    }
}

fn invalid_csrf() -> Error {
    let message = "this changes something: send the csrfToken of the login in the header X-CSRF-Token";
    Error::new(ErrorKind::Forbidden, "invalid_csrf_token", message)
}

/// Puts the tokens of a person into cookies that no script reads and no other site sends.
///
/// # Errors
/// `Internal` never in practice: tokens hold nothing that a header cannot.
pub fn set_cookies(headers: &mut HeaderMap, signed_in: &SignedIn, now: Timestamp) -> Result<(), Error> {
    let seconds = |until: Timestamp| (until - now).num_seconds().max(0);
    append(headers, ACCESS_COOKIE, &signed_in.access_token, seconds(signed_in.expires_at))?;
    if let Some(token) = &signed_in.refresh_token {
        append(headers, REFRESH_COOKIE, token.expose_secret(), seconds(signed_in.session_expires_at))?;
    }
    Ok(())
}

/// Takes the cookies away.
///
/// # Errors
/// As [`set_cookies`].
pub fn remove_cookies(headers: &mut HeaderMap) -> Result<(), Error> {
    append(headers, ACCESS_COOKIE, "", 0)?;
    append(headers, REFRESH_COOKIE, "", 0)
}

fn append(headers: &mut HeaderMap, name: &str, value: &str, max_age: i64) -> Result<(), Error> {
    let text = format!("{name}={value}; Path=/; Max-Age={max_age}; Secure; HttpOnly; SameSite=Strict");
    let mut value = HeaderValue::try_from(text).map_err(Error::internal)?;
    value.set_sensitive(true);
    headers.append(header::SET_COOKIE, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_cookie_is_found_once_or_not_at_all() {
        let one = headers(&[("cookie", "a=1; __Host-mono_access=x.y.z; b=2")]);
        assert_eq!(cookie(&one, ACCESS_COOKIE), Some("x.y.z"));
        let twice = headers(&[("cookie", "__Host-mono_access=x; __Host-mono_access=y")]);
        assert_eq!(cookie(&twice, ACCESS_COOKIE), None);
        assert_eq!(cookie(&headers(&[("cookie", "x__Host-mono_access=y")]), ACCESS_COOKIE), None);
    }

    #[test]
    fn only_pages_of_the_server_count() {
        for (pairs, same) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://a.io"), ("host", "a.io")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://a.io"), ("host", "a.io")], true),
            (&[("origin", "https://a.io:8443"), ("host", "a.io:8443")], true),
            (&[("origin", "https://b.io"), ("host", "a.io")], false),
            (&[("origin", "null"), ("host", "a.io")], false),
            (&[("host", "a.io")], false),
            (&[], false),
        ] {
            assert_eq!(require_same_origin(&headers(pairs)).is_ok(), same, "{pairs:?}");
        }
    }
}
