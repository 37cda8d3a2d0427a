//! No request holds its resources for ever: neither one that works long, nor one whose body comes byte by byte.

use axum::response::{IntoResponse, Response};
use mono_auth::axum::ApiError;
use mono_core::{Error, ErrorKind};
use std::time::Duration;

pub(crate) async fn limit(longest: Duration, answer: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(longest, answer).await {
        Ok(response) => response,
        Err(_) => {
            ApiError(Error::new(ErrorKind::Unavailable, "timeout", "this took too long; try again later"))
                .into_response()
        }
    }
}
