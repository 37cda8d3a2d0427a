//! The extractors of axum, with refusals in the envelope and with a name for what is wrong.

use crate::app::App;
use crate::layer::retry::Again;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use mono_auth::axum::ApiError;
use mono_core::api::object::object;
use mono_core::caller::Caller;
use mono_core::{Error, ErrorKind, permission};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// Who calls in a tenant. Where the catalogue has the limit `api_calls`, the call counts as one of them once it is
/// found to be allowed.
///
/// What tells a tenant how much it has used does without: it can be read when nothing is left.
pub struct Authenticated(pub Caller);

/// The limit of calls.
const API_CALLS: &str = "api_calls";

impl FromRequestParts<App> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let mono_auth::axum::Authenticated(caller) =
            mono_auth::axum::Authenticated::from_request_parts(parts, app).await?;
        let counted_before = parts.extensions.get::<Again>().is_some();
        Ok(Self(if counted_before { caller } else { caller.metered(API_CALLS) }))
    }
}

/// Somebody who may see how the server is: who shows the token of those who watch, or platform staff who may see figures
/// over all tenants.
pub struct Watcher;

impl FromRequestParts<App> for Watcher {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if !app.http.is_watcher(&parts.headers) {
            let mono_auth::axum::Authenticated(caller) =
                mono_auth::axum::Authenticated::from_request_parts(parts, app).await?;
            app.database.platform(&caller).read().await?.authorize(permission!("platform.analytics.read"))?;
        }
        Ok(Self)
    }
}

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let media_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            let message = "the body is JSON, with the header Content-Type: application/json";
            return Err(Error::new(ErrorKind::UnsupportedMediaType, "unsupported_media_type", message).into());
        }
        if request.headers().contains_key(CONTENT_ENCODING) {
            let message = "the body is sent as it is, without Content-Encoding";
            return Err(Error::new(ErrorKind::UnsupportedMediaType, "unsupported_encoding", message).into());
        }
        let body = Bytes::from_request(request, state).await.map_err(body_error)?;
        Ok(Self(from_object(&body)?))
    }
}

/// Reads a JSON object.
pub(crate) fn from_object<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = object(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| json_error(&error))
}

fn body_error(rejection: BytesRejection) -> ApiError {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Error::new(ErrorKind::TooLarge, "body_too_large", "the body is larger than 1 MiB").into()
        }
        _ => Error::invalid("body", "unreadable", "the body could not be read to its end").into(),
    }
}

fn json_error(error: &serde_json::Error) -> Error {
    let code = if error.is_data() { "invalid_field" } else { "invalid_json" };
    Error::invalid("body", code, words(&error.to_string()))
}

/// The words of serde, which name the field or the place, without the value that they quote: it may be a password, a
/// megabyte, or a line that would look like one of the log.
fn words(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = match text.rsplit_once(", expected ") {
        Some((found, expected)) => format!("{}, expected {expected}", without_value(found)),
        None => text.to_owned(),
    };
    text.chars().filter(|character| !character.is_control()).take(LONGEST).collect()
}

/// ``invalid type: integer `5` `` loses its value; ``unknown field `x` `` keeps a name that is a short, plain word.
fn without_value(found: &str) -> &str {
    let Some((what, value)) = found.split_once(['`', '"']) else { return found };
    let name = value.trim_end_matches('`');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if what.starts_with("unknown") && name.len() <= 64 && name.bytes().all(plain) {
        found
    } else {
        what.trim_end()
    }
}

/// The query of an address.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(query_error(&rejection.body_text()).into()),
        }
    }
}

/// No query: a list that takes no parameter refuses one, as every other list does, instead of ignoring what was wanted.
pub(crate) struct NoQuery;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Query::<Nothing>::from_request_parts(parts, state).await.map(|_| Self)
    }
}

fn query_error(text: &str) -> Error {
    let text = text.rsplit_once("query string: ").map_or(text, |(_, text)| text);
    // An unknown parameter stands before its own refusal, in full.
    let text = text.find("unknown field").and_then(|start| text.get(start..)).unwrap_or(text);
    Error::invalid("query", "invalid_query", words(text))
}

/// The one parameter in the path of an address: an id or a key.
pub struct Path<T>(pub T);

impl<T: FromStr<Err = Error>, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self(path_text::<String, S>(parts, state).await?.parse()?))
    }
}

/// The two parameters in the path of an address: ids.
pub(crate) struct Paths<A, B>(pub(crate) A, pub(crate) B);

impl<A, B, S> FromRequestParts<S> for Paths<A, B>
where
    A: FromStr<Err = Error>,
    B: FromStr<Err = Error>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (first, second) = path_text::<(String, String), S>(parts, state).await?;
        Ok(Self(first.parse()?, second.parse()?))
    }
}

async fn path_text<T: DeserializeOwned + Send, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<T, Error> {
    let text = axum::extract::Path::<T>::from_request_parts(parts, state).await;
    text.map(|path| path.0)
        .map_err(|_| Error::invalid("id", "invalid_id", "the id in the address is not valid"))
}

/// An id in the address, and the number of a version.
pub(crate) struct VersionPath<T>(pub(crate) T, pub(crate) i64);

impl<T: FromStr<Err = Error>, S: Send + Sync> FromRequestParts<S> for VersionPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (id, version) = path_text::<(String, String), S>(parts, state).await?;
        Ok(Self(id.parse()?, version.parse::<VersionNumber>()?.0))
    }
}

/// The number of a version in the address.
#[derive(JsonSchema)]
pub(crate) struct VersionNumber(pub(crate) i64);

impl FromStr for VersionNumber {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |_| Error::invalid("version", "invalid_version", "a version is a number from 1");
        text.parse().map(Self).map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sent_is_not_repeated() {
        for (text, told) in [
            ("missing field `name` at line 1 column 2", "missing field `name` at line 1 column 2"),
            ("invalid type: integer `42`, expected a string", "invalid type: integer, expected a string"),
            ("invalid type: string \"a, expected b\", expected u32", "invalid type: string, expected u32"),
            (
                "unknown field `plan`, expected `name` or `slug`",
                "unknown field `plan`, expected `name` or `slug`",
            ),
            ("unknown field `a b`, expected `name`", "unknown field, expected `name`"),
            ("unknown field `a`, expected `b\nERROR`, expected `name`", "unknown field, expected `name`"),
            ("a\u{1b}[31m\nb", "a[31mb"),
        ] {
            assert_eq!(words(text), told);
        }
        assert_eq!(words(&"x".repeat(1_000_000)).len(), 300);
    }

    #[test]
    fn a_query_names_its_parameter_once() {
        let error =
            query_error("Failed to deserialize query string: a b: unknown field `a b`, expected `page`");
        assert_eq!(error.message(), "query: unknown field, expected `page`");
        let error = query_error("Failed to deserialize query string: page: invalid digit found in string");
        assert_eq!(error.message(), "query: page: invalid digit found in string");
    }
}
