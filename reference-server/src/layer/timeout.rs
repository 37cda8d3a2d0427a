//! No request holds its resources for ever: neither one that works long, nor one whose body comes byte by byte.

use crate::app::App;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mono_auth::axum::ApiError;
use mono_core::{Error, ErrorKind};

pub(crate) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(app.http.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            ApiError(Error::new(ErrorKind::Unavailable, "timeout", "this took too long; try again later"))
                .into_response()
        }
    }
}
