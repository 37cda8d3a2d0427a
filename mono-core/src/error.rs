//! One error for the whole of mono: a kind for code, a sentence for people, a source for logs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The result of an operation of mono.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident = $code:literal, $status:literal;)*) => {
        /// What sort of failure it is. The kind decides the HTTP status and what a program can do about it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[doc = $doc])* $kind,)* }

        impl ErrorKind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The stable code of the kind, as it stands in the `error` field of an answer.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)* }
            }

            /// The HTTP status (RFC 9110) that a server answers with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$kind => $status,)* }
            }

            /// What it says, in a sentence for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$kind => concat!($($doc),*).trim_ascii(),)* }
            }

            /// The kind whose code this is; a client reads an answer back with it.
            ///
            /// ```
            /// use mono_core::ErrorKind;
            /// assert_eq!(ErrorKind::from_code("NOT_FOUND"), Some(ErrorKind::NotFound));
            /// assert_eq!(ErrorKind::from_code("NOPE"), None);
            /// ```
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$kind),)* _ => None }
            }
        }
    };
}

kinds! {
    /// The input is malformed or breaks a rule; `details` names each field.
    Validation = "VALIDATION_ERROR", 400;
    /// Nobody is signed in, or the credential does not hold.
    Unauthorized = "UNAUTHORIZED", 401;
    /// The caller is known and may not do this.
    Forbidden = "FORBIDDEN", 403;
    /// There is no such thing, or it belongs to another tenant.
    NotFound = "NOT_FOUND", 404;
    /// The address exists, the method does not.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405;
    /// The request contradicts the present state: a taken name, a stale version.
    Conflict = "CONFLICT", 409;
    /// The body is larger than the server takes.
    TooLarge = "PAYLOAD_TOO_LARGE", 413;
    /// The body is in a format that the server does not read.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415;
    /// The plan's limit is used up.
    LimitExceeded = "LIMIT_EXCEEDED", 429;
    /// Too many requests; try again later.
    RateLimited = "RATE_LIMITED", 429;
    /// Something went wrong inside; the answer does not say what.
    Internal = "INTERNAL", 500;
    /// A service that is needed is away; the same request may succeed later.
    Unavailable = "UNAVAILABLE", 503;
}

/// One thing that is wrong with the input, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where: a field (`name`), or a place in a file (`roles[3].allow[1]`).
    pub field: String,
    /// A stable code such as `too_long`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl Problem {
    /// Says that `field` breaks the rule `code`.
    pub fn new(field: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// A failure of any operation of mono.
///
/// The message is public text by construction: it may be shown to whoever asked. What must stay inside goes into
/// the source, which is for logs.
///
/// ```
/// use mono_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::Conflict, "slug_taken", "an account with this slug exists");
/// assert_eq!(error.kind().status(), 409);
/// assert_eq!(error.to_string(), "an account with this slug exists");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    code: std::borrow::Cow<'static, str>,
    message: String,
    // Boxed: errors travel by value through every signature, and most carry no details.
    details: Option<Box<Value>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure with a stable code (`slug_taken`) and a sentence that may be shown to anybody.
    pub fn new(
        kind: ErrorKind,
        code: impl Into<std::borrow::Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, code: code.into(), message: message.into(), details: None, source: None }
    }

    /// Input that breaks rules: one problem or many, all reported at once.
    ///
    /// ```
    /// use mono_core::{Error, Problem};
    /// let error = Error::validation(vec![Problem::new("name", "empty", "the name is empty")]);
    /// assert_eq!(error.problems().len(), 1);
    /// ```
    pub fn validation(problems: Vec<Problem>) -> Self {
        let message = match problems.as_slice() {
            [] => "the input is not valid".to_owned(),
            [one] => one.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        };
        let code = problems.first().map_or_else(|| "invalid".to_owned(), |problem| problem.code.clone());
        Self::new(ErrorKind::Validation, code, message)
            .with_details(serde_json::json!({ "fields": problems }))
    }

    /// Input with one thing wrong.
    pub fn invalid(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::validation(vec![Problem::new(field, code, message)])
    }

    /// There is no such thing for this caller. A thing of another tenant looks exactly the same.
    pub fn not_found(entity: &str) -> Self {
        Self::new(ErrorKind::NotFound, "not_found", format!("{entity} with this id was not found"))
    }

    /// A change of something that was changed meanwhile: `the account` has another version than the one that was seen.
    pub fn stale_version(what: &str, seen: i64, current: i64) -> Self {
        let message = format!("{what} was changed meanwhile: version {seen} is not the current one");
        Self::new(ErrorKind::Conflict, "stale_version", message)
            .with_details(serde_json::json!({ "currentVersion": current }))
    }

    /// A condition on the version of what has none: it is refused, never ignored in silence.
    pub fn no_version() -> Self {
        Self::invalid("If-Match", "no_version", "what this changes has no version to compare")
    }

    /// A failure inside, whose cause is for the log only.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Internal, "internal", "something went wrong on our side").with_source(source)
    }

    /// A service that is needed is away.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Unavailable, "unavailable", "the service is not available now; try again later")
            .with_source(source)
    }

    /// Adds data for a program to read, such as `limit`, `current` and `maximum`.
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// Adds the cause, for logs only.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What sort of failure it is.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The stable code of this very failure, finer than the kind: `slug_taken`, `missing_permission`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Data for a program to read.
    pub fn details(&self) -> Option<&Value> {
        self.details.as_deref()
    }

    /// The single problems of a validation failure; empty for other kinds.
    pub fn problems(&self) -> Vec<Problem> {
        self.details()
            .and_then(|details| details.get("fields"))
            .and_then(|fields| serde_json::from_value(fields.clone()).ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_into_its_kind() {
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_code(kind.code()), Some(*kind));
            assert!((400..600).contains(&kind.status()));
        }
    }

    #[test]
    fn the_cause_is_never_part_of_the_message() {
        let error = Error::internal("password=hunter2");
        assert!(!error.to_string().contains("hunter2"));
        assert!(std::error::Error::source(&error).is_some());
    }
}
