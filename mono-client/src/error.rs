//! How failures of the transport become the one error of mono.

use mono_core::{Error, ErrorKind};
use std::fmt;

/// What is known about the answer that an error came from. It is the source of that error.
///
/// ```no_run
/// # async fn example(client: mono_client::Client) {
/// use mono_client::Answered;
/// if let Err(error) = client.ping().await {
///     let request = Answered::of(&error).and_then(Answered::request_id);
///     println!("{error} (request {})", request.unwrap_or("unknown"));
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub(crate) status: u16,
    pub(crate) request_id: Option<String>,
    pub(crate) problem: Option<String>,
}

impl Answered {
    /// The answer that an error came from; `None` where there was no answer.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The id that the server gave to the request (`X-Request-ID`); its log knows more under this id.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if let Some(id) = &self.request_id {
            write!(f, " to request {id}")?;
        }
        if let Some(problem) = &self.problem {
            write!(f, ": {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Answered {}

/// The request could not be made, or no answer came.
pub(crate) fn transport(error: reqwest::Error) -> Error {
    // The address of a request holds what somebody searches for.
    let error = error.without_url();
    if error.is_builder() {
        Error::new(ErrorKind::Validation, "invalid_request", "the request could not be made")
            .with_source(error)
    } else {
        let message = "the server could not be reached, or the connection broke";
        Error::new(ErrorKind::Unavailable, "unreachable", message).with_source(error)
    }
}

/// No answer came in time.
pub(crate) fn timeout() -> Error {
    Error::new(ErrorKind::Unavailable, "timeout", "the server did not answer in time")
}

/// The request for the next token ended with a panic.
pub(crate) fn broken_off() -> Error {
    let message = "the refresh was broken off; try again";
    Error::new(ErrorKind::Unavailable, "unreachable", message)
}

/// An answer came that no mono server gives.
pub(crate) fn unexpected(answered: Answered) -> Error {
    let message = format!("the server gave an answer (status {}) that is not understood", answered.status);
    Error::new(ErrorKind::Internal, "unexpected_answer", message)
        .with_details(serde_json::json!({ "status": answered.status }))
        .with_source(answered)
}

/// The client has nothing to get new tokens with.
pub(crate) fn no_refresh_token() -> Error {
    let message = "the client has no refresh token: sign in first";
    Error::new(ErrorKind::Unauthorized, "no_refresh_token", message)
}

/// Somebody else, or nobody, is signed in by now.
pub(crate) fn signed_out() -> Error {
    let message = "the client was signed out, or signed in as somebody else, while the call was on its way";
    Error::new(ErrorKind::Unauthorized, "signed_out", message)
}

/// The same error for one more who waits for it.
pub(crate) fn copy(error: &Error) -> Error {
    let mut copy = Error::new(error.kind(), error.code().to_owned(), error.message());
    if let Some(details) = error.details() {
        copy = copy.with_details(details.clone());
    }
    match Answered::of(error) {
        Some(answered) => copy.with_source(answered.clone()),
        None => copy,
    }
}
