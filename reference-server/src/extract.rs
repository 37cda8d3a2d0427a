//! The extractors of axum, with refusals in the envelope and with a name for what is wrong.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use mono_auth::axum::ApiError;
use mono_core::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

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
        let body = Bytes::from_request(request, state).await.map_err(body_error)?;
        serde_json::from_slice(&body).map(Self).map_err(|error| json_error(&error).into())
    }
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
    // serde names the field or the place; the words are about the client's own input.
    Error::invalid("body", code, error.to_string())
}

/// The query of an address.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Error::invalid("query", "invalid_query", rejection.body_text()).into()),
        }
    }
}

/// The one parameter in the path of an address: an id.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: FromStr<Err = Error>, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let invalid = || Error::invalid("id", "invalid_id", "the id in the address is not valid");
        let axum::extract::Path(text) =
            axum::extract::Path::<String>::from_request_parts(parts, state).await.map_err(|_| invalid())?;
        Ok(Self(text.parse()?))
    }
}
