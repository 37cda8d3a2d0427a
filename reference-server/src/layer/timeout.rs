//! No request holds its resources for ever.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mono_auth::axum::ApiError;
use mono_core::{Error, ErrorKind};
use std::time::Duration;

/// As long as a database statement may run.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn limit(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            ApiError(Error::new(ErrorKind::Unavailable, "timeout", "this took too long; try again later"))
                .into_response()
        }
    }
}
