//! What surrounds every handler.

pub(crate) mod conditional;
pub(crate) mod fallback;
mod idempotency;
pub(crate) mod panic;
pub(crate) mod rate_limit;
mod request_context;
pub(crate) mod retry;
mod security_headers;
mod timeout;

use crate::app::{App, BODY_LIMIT};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// Everything, from the outside in. It is one middleware of axum, not one for each: axum copies what lies within a
/// middleware for every request, and so copied most of it many times.
pub(crate) async fn surround(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    DefaultBodyLimit::max(BODY_LIMIT).apply(&mut request);
    let attempts = |request| retry::attempts(request, next);
    let unless_had = |request| conditional::answer(request, attempts);
    let in_time = |request| timeout::limit(app.http.request_timeout, unless_had(request));
    let not_too_often = |request| rate_limit::limit(&app, request, in_time);
    request_context::attach(&app, request, not_too_often).await
}
