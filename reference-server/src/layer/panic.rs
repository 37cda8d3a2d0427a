//! A panic in a handler is an answer 500 for one request, not the end of its connection.

use axum::response::{IntoResponse, Response};
use mono_auth::axum::ApiError;
use mono_core::Error;
use std::any::Any;

pub(crate) fn answer(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic.downcast_ref::<&str>().map(ToString::to_string);
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    ApiError(Error::internal(format!("panic: {words}"))).into_response()
}
