//! Reads the idempotency key of a request that writes: the extractor of the caller takes it from here.

use crate::app::BODY_LIMIT;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::HeaderName;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mono_auth::axum::ApiError;
use mono_core::idempotency::IdempotencyKey;
use mono_core::{Error, ErrorKind};
use sha2::{Digest, Sha256};
use std::fmt::Write;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

pub(crate) async fn attach(request: Request, next: Next) -> Response {
    if request.method().is_safe() || !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let message = "the body is larger than 1 MiB, or could not be read to its end";
        return ApiError(Error::new(ErrorKind::TooLarge, "body_too_large", message)).into_response();
    };
    match key(&parts, &body) {
        Ok(key) => parts.extensions.insert(key),
        Err(error) => return ApiError(error).into_response(),
    };
    next.run(Request::from_parts(parts, Body::from(body))).await
}

fn key(parts: &Parts, body: &Bytes) -> Result<IdempotencyKey, Error> {
    let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if values.next().is_some() {
        let message = "give one idempotency key, not several";
        return Err(Error::invalid("Idempotency-Key", "invalid_idempotency_key", message));
    }
    // The draft of the IETF writes it as a string of RFC 8941, in quotes; nearly everybody writes it without.
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    let hash = Sha256::new()
        .chain_update(parts.method.as_str())
        .chain_update([0])
        .chain_update(parts.uri.path_and_query().map_or("/", |path| path.as_str()))
        .chain_update([0])
        .chain_update(body)
        .finalize();
    let mut fingerprint = String::with_capacity(64);
    for byte in hash {
        // Writing into a string does not fail.
        let _ = write!(fingerprint, "{byte:02x}");
    }
    IdempotencyKey::parse(key, &fingerprint)
}
