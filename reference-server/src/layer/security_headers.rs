//! What browsers are told about every answer. An answer that says something else, such as a page with scripts, keeps it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Answers are data: nothing of them is a page, nobody frames them, nobody guesses their type, and no cache keeps what
/// belongs to a person. What has a tag says itself who may keep it.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// A year in which browsers come with HTTPS alone.
const HTTPS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");

pub(crate) fn set(headers: &mut HeaderMap, is_https: bool) {
    headers.reserve(HEADERS.len() + 2);
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    if is_https {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HTTPS_ALONE);
    }
}
