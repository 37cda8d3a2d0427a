//! The envelope around every answer.

use crate::error::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An answer that succeeded: `{"success": true, "data": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Success<T> {
    /// Always `true`.
    pub success: bool,
    /// What was asked for.
    pub data: T,
}

impl<T> Success<T> {
    /// Wraps data.
    pub const fn new(data: T) -> Self {
        Self { success: true, data }
    }
}

/// An answer that failed: `{"success": false, "error": "CODE", "message": …, "details": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Failure {
    /// Always `false`.
    pub success: bool,
    /// The code of the kind of failure, such as `NOT_FOUND`.
    pub error: String,
    /// A sentence for people.
    pub message: String,
    /// Data for a program; always holds `reason`, the code of this very failure.
    pub details: Value,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut details = match error.details() {
            Some(Value::Object(map)) => map.clone(),
            _ => serde_json::Map::new(),
        };
        details.insert("reason".to_owned(), error.code().into());
        Self {
            success: false,
            error: error.kind().code().to_owned(),
            message: error.message().to_owned(),
            details: Value::Object(details),
        }
    }
}

impl From<Failure> for Error {
    /// Reads an answer back into the same kind, code, message and details. An unknown code of a newer server
    /// becomes `Internal`, with the code kept.
    fn from(failure: Failure) -> Self {
        let kind = ErrorKind::from_code(&failure.error).unwrap_or(ErrorKind::Internal);
        let reason =
            failure.details.get("reason").and_then(Value::as_str).unwrap_or(&failure.error).to_owned();
        Self::new(kind, reason, failure.message).with_details(failure.details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_back_into_the_same_error() {
        for kind in ErrorKind::ALL {
            let error = Error::new(*kind, "some_reason", "words")
                .with_details(serde_json::json!({"limit": "accounts"}));
            let text = serde_json::to_string(&Failure::from(&error)).unwrap();
            let back = Error::from(serde_json::from_str::<Failure>(&text).unwrap());
            assert_eq!((back.kind(), back.code(), back.message()), (*kind, "some_reason", "words"));
            assert_eq!(back.details().unwrap()["limit"], "accounts");
        }
    }
}
