//! Which pages of other sites may call from a browser.

use axum::http::{HeaderName, HeaderValue, Method, header};
use mono_auth::axum::{API_KEY_HEADER, TENANT_HEADER};
use mono_auth::cookie::CSRF_HEADER;
use std::str::FromStr;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser remembers what it may send.
const REMEMBERED: Duration = Duration::from_mins(10);

/// An origin of pages, `https://app.example.com`, or `*` for every one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str =
            "is an origin as browsers send it: https://HOST, perhaps with a port, and nothing behind; or *";
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
        if text != "*" && !host.is_some_and(|host| !host.is_empty() && host.bytes().all(plain)) {
            return Err(RULE);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| RULE)
    }
}

impl Origin {
    /// Whether this means pages of everybody.
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }

    /// Whether what comes from there may have been changed on the way.
    pub fn is_http(&self) -> bool {
        self.0.as_bytes().starts_with(b"http://")
    }
}

/// Answers preflights, and tells browsers what pages may read. Pages of named origins may come with the cookies of the
/// person, those of any origin only with what they have themselves.
pub(crate) fn layer(origins: &[Origin]) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            API_KEY_HEADER,
            TENANT_HEADER,
            CSRF_HEADER,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
            mono_auth::axum::REPLAYED_HEADER,
            HeaderName::from_static("x-ratelimit-limit"),
            HeaderName::from_static("x-ratelimit-remaining"),
            HeaderName::from_static("x-ratelimit-reset"),
        ])
        .max_age(REMEMBERED);
    if origins.iter().any(Origin::is_any) {
        return layer.allow_origin(AllowOrigin::any());
    }
    let origins = origins.iter().map(|origin| origin.0.clone());
    layer.allow_origin(AllowOrigin::list(origins)).allow_credentials(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_host_and_nothing_more() {
        for origin in ["https://app.example.com", "http://localhost:3000", "https://[::1]:8443", "*"] {
            assert!(origin.parse::<Origin>().is_ok(), "{origin}");
        }
        for nonsense in [
            "",
            "app.example.com",
            "https://",
            "https://a/",
            "https://a/b",
            "https://A.example",
            "null",
            "https://*.a",
        ] {
            assert!(nonsense.parse::<Origin>().is_err(), "{nonsense}");
        }
    }
}
