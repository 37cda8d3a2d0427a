//! Who has an answer already is not sent it again: every `GET` that answers with JSON has an `ETag`, which `If-None-Match`
//! takes.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_storage::cache::{Digest, digest};

/// The version of the one thing that an answer shows, among the extensions of the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowVersion(pub(crate) i64);

/// The largest answer that gets a tag of its own, in bytes: 1 MiB. What is made while it is sent gets none.
const LARGEST: usize = 1024 * 1024;
/// The client alone may keep it, and asks before it uses it again.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");
/// What an answer depends on beside its address.
const DEPENDS_ON: HeaderValue =
    HeaderValue::from_static("accept-encoding, authorization, cookie, x-api-key, x-tenant-id");

/// `"3.DIGEST"` for what shows one version of one thing, for `If-Match` reads the number. `W/"DIGEST"` for everything else,
/// which is sent compressed or not under one tag.
///
/// The digest stands in both: what is shown beside the version (when a key was last used, say, or which tenant's row it is)
/// may be another while the version is the same.
pub(crate) fn tag(version: Option<RowVersion>, digest: Digest) -> String {
    let digest = URL_SAFE_NO_PAD.encode(digest);
    match version {
        Some(RowVersion(version)) => format!("\"{version}.{digest}\""),
        None => format!("W/\"{digest}\""),
    }
}

pub(super) async fn answer<F: Future<Output = Response>>(
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer(request).await;
    }
    let had: Vec<HeaderValue> = request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect();
    match tagged(answer(request).await).await {
        Ok(response) => unless_had(response, &had),
        Err(error) => ApiError(error).into_response(),
    }
}

/// The answer, with a tag where it may be kept and has none yet.
async fn tagged(response: Response) -> Result<Response, Error> {
    let headers = response.headers();
    let is_json =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    // Of what is in memory the size is known.
    let is_small = response.body().size_hint().exact().is_some_and(|size| size <= LARGEST as u64);
    let is_kept = headers.get(CACHE_CONTROL).is_none_or(|told| told != "no-store");
    if response.status() != StatusCode::OK || headers.contains_key(ETAG) || !(is_json && is_small && is_kept)
    {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, LARGEST).await.map_err(Error::internal)?;
    let tag = tag(parts.extensions.get().copied(), digest(&body));
    parts.headers.insert(ETAG, HeaderValue::try_from(tag).map_err(Error::internal)?);
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// 304 in place of an answer whose tag the client has.
fn unless_had(mut response: Response, had: &[HeaderValue]) -> Response {
    let status = response.status();
    let headers = response.headers_mut();
    let Some(tag) = headers.get(ETAG).filter(|_| status == StatusCode::OK) else { return response };
    let is_had = had.iter().any(|had| names(had, tag));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, ASK_AGAIN);
        headers.append(VARY, DEPENDS_ON);
    }
    if is_had {
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_LENGTH);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
    }
    response
}

/// Whether a header `If-None-Match` names a tag. Weak tags and strong ones are compared alike (RFC 9110, 13.1.2).
fn names(header: &HeaderValue, tag: &HeaderValue) -> bool {
    fn opaque(tag: &[u8]) -> &[u8] {
        tag.strip_prefix(b"W/").unwrap_or(tag)
    }
    let mut known = header.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    known.any(|known| known == b"*" || opaque(known) == opaque(tag.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_named_alone_or_among_others() {
        let names = |header: &'static str, tag: &'static str| {
            names(&HeaderValue::from_static(header), &HeaderValue::from_static(tag))
        };
        for header in ["\"3.a\"", "W/\"3.a\"", "\"2.b\", \"3.a\"", "\"2.b\",W/\"3.a\" ", "*"] {
            assert!(names(header, "\"3.a\"") && names(header, "W/\"3.a\""), "{header}");
        }
        for header in ["", "3.a", "\"3\"", "\"3.b\"", "\"3.a", "w/\"3.a\"", "\"3.A\""] {
            assert!(!names(header, "\"3.a\""), "{header}");
        }
    }

    #[test]
    fn the_version_stands_before_the_digest() {
        let digest = digest(b"{}");
        let weak = tag(None, digest);
        assert_eq!(tag(Some(RowVersion(3)), digest), weak.replace("W/\"", "\"3."));
        assert_eq!(weak.len(), "W/\"\"".len() + 22);
    }
}
