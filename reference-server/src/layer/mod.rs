//! What surrounds every handler.

pub(crate) mod conditional;
pub(crate) mod fallback;
pub(crate) mod idempotency;
pub(crate) mod panic;
pub(crate) mod rate_limit;
pub(crate) mod request_context;
pub(crate) mod retry;
mod security_headers;
pub(crate) mod timeout;
