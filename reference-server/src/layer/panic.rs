//! A panic in a handler is an answer 500 for one request, not the end of its connection.

use axum::response::{IntoResponse, Response};
use mono_auth::axum::ApiError;
use mono_core::Error;
use std::any::Any;

pub(crate) fn answer(panic: Box<dyn Any + Send + 'static>) -> Response {
    drop(panic);
    // What it says is told where it happened, by the hook of the log.
    ApiError(Error::internal("panic")).into_response()
}
