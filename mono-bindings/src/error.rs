//! The one error, flat, for languages where an error is a class.

use mono_core::{Error, ErrorKind, Problem};
use serde_json::{Value, json};

/// Shorthand within this crate.
pub(crate) type Result<T, E = MonoError> = std::result::Result<T, E>;

// The sentence is not called `message`: UniFFI 0.32 would write Kotlin that does not compile, for Kotlin's `Throwable`
// has a `message` already (mozilla/uniffi-rs#1434).
macro_rules! mono_error {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// A failure of any operation of mono. Each has the same four fields:
        ///
        /// - `code`: the stable code of this very failure, such as `slug_taken`, for programs;
        /// - `text`: a sentence that may be shown to anybody;
        /// - `details`: more for programs, as a JSON object, such as the fields that are wrong or the limit that is
        ///   used up;
        /// - `request_id`: the id of the request, under which the server's log knows more; none where no server answered.
        #[derive(Debug, thiserror::Error, uniffi::Error)]
        pub enum MonoError {
            $(
                $(#[$doc])*
                #[error("{text}")]
                $kind {
                    /// The stable code of this very failure.
                    code: String,
                    /// A sentence for people.
                    text: String,
                    /// More for programs, as a JSON object.
                    details: Option<String>,
                    /// The id of the request, under which the server's log knows more.
                    request_id: Option<String>,
                },
            )*
        }

        impl From<Error> for MonoError {
            fn from(error: Error) -> Self {
                let (code, text) = (error.code().to_owned(), error.message().to_owned());
                let details = error.details().map(ToString::to_string);
                let request_id = request_id(&error);
                match error.kind() {
                    $(ErrorKind::$kind => Self::$kind { code, text, details, request_id },)*
                    // A kind that these bindings do not know yet; its code is kept.
                    _ => Self::Internal { code, text, details, request_id },
                }
            }
        }

        // What a callback raises.
        impl From<MonoError> for Error {
            fn from(error: MonoError) -> Self {
                let (kind, code, text, details) = match error {
                    $(MonoError::$kind { code, text, details, .. } => (ErrorKind::$kind, code, text, details),)*
                };
                let error = Self::new(kind, code, text);
                match details {
                    Some(details) => error.with_details(object(details)),
                    None => error,
                }
            }
        }
    };
}

mono_error! {
    /// The input is malformed or breaks a rule; `details` lists `fields`.
    Validation,
    /// Nobody is signed in, or the credential does not hold.
    Unauthorized,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or it belongs to another tenant.
    NotFound,
    /// The address exists, the method does not.
    MethodNotAllowed,
    /// The request contradicts the present state: a taken name, a stale version.
    Conflict,
    /// The body is larger than the server takes.
    TooLarge,
    /// The body is in a format that the server does not read.
    UnsupportedMediaType,
    /// The plan's limit is used up; `details` says which and how far.
    LimitExceeded,
    /// Too many requests; try again later.
    RateLimited,
    /// Something went wrong inside, or the answer is not from a mono server (`unexpected_answer`).
    Internal,
    /// No server was reached (`unreachable`, `timeout`), or a service that it needs is away; try again later.
    Unavailable,
}

/// The details that a language has written: nothing that they say is lost where they are no JSON object.
fn object(details: String) -> Value {
    match serde_json::from_str(&details) {
        Ok(Value::Object(fields)) => Value::Object(fields),
        _ => json!({ "details": details }),
    }
}

impl From<Vec<Problem>> for MonoError {
    fn from(problems: Vec<Problem>) -> Self {
        Error::validation(problems).into()
    }
}

#[cfg(feature = "client")]
fn request_id(error: &Error) -> Option<String> {
    mono_client::Answered::of(error)?.request_id().map(ToOwned::to_owned)
}

#[cfg(not(feature = "client"))]
fn request_id(_: &Error) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_variant() {
        for kind in ErrorKind::ALL {
            let error = Error::new(*kind, "some_code", "words").with_details(json!({ "limit": 5 }));
            let flat = MonoError::from(error);
            assert_eq!(flat.to_string(), "words");
            let expected = format!(
                r#"{kind:?} {{ code: "some_code", text: "words", details: Some("{{\"limit\":5}}"), request_id: None }}"#
            );
            assert_eq!(format!("{flat:?}"), expected);
            assert_eq!(format!("{:?}", MonoError::from(Error::from(flat))), expected);
        }
    }

    #[test]
    fn details_that_are_no_object_are_kept() {
        for (details, kept) in [
            (r#"{"slot":3}"#, json!({ "slot": 3 })),
            ("slot 3", json!({ "details": "slot 3" })),
            ("3", json!({ "details": "3" })),
        ] {
            let (code, text, details) = ("locked".to_owned(), "locked".to_owned(), Some(details.to_owned()));
            let error = Error::from(MonoError::Unavailable { code, text, details, request_id: None });
            assert_eq!(error.details(), Some(&kept));
        }
    }
}
