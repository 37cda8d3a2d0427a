//! Answers where no route or method fits, in the same envelope as every other.

use mono_auth::axum::ApiError;
use mono_core::{Error, ErrorKind};

pub(crate) async fn not_found() -> ApiError {
    Error::new(ErrorKind::NotFound, "no_such_route", "there is nothing at this address").into()
}

pub(crate) async fn method_not_allowed() -> ApiError {
    Error::new(ErrorKind::MethodNotAllowed, "method_not_allowed", "this address does not know this method")
        .into()
}
