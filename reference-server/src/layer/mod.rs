//! What surrounds every handler.

pub(crate) mod fallback;
pub(crate) mod panic;
pub(crate) mod request_context;
pub(crate) mod retry;
pub(crate) mod timeout;
