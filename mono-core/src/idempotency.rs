//! Idempotency keys: a client that does not know whether its request was done sends it again under the same key, and it
//! is done once. After the draft "The Idempotency-Key HTTP Header Field" of the IETF.

use crate::error::{Error, ErrorKind};
use std::sync::Arc;

/// The code where a request came again under its key and was done before; the failure carries its answer.
pub const ALREADY_DONE: &str = "already_done";
/// The code of the refusal where a request came again under its key and says something else.
pub const IDEMPOTENCY_KEY_REUSED: &str = "idempotency_key_reused";
/// The code of the refusal where a request with the same key is still being done.
pub const IDEMPOTENCY_KEY_IN_FLIGHT: &str = "idempotency_key_in_flight";
/// The code of the refusal where something cannot be done under a key.
pub const IDEMPOTENCY_NOT_SUPPORTED: &str = "idempotency_not_supported";

/// The name that a client gives to a request, and what the request says. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: Arc<str>,
    fingerprint: Arc<str>,
}

impl IdempotencyKey {
    /// The longest key, in characters.
    pub const LONGEST: usize = 255;

    /// A key as the client gave it, and a hash of everything that the request says.
    ///
    /// ```
    /// use mono_core::idempotency::IdempotencyKey;
    /// assert!(IdempotencyKey::parse("8e03978e-40d5-43dd-bc93-6894a57f9324", "hash").is_ok());
    /// assert!(IdempotencyKey::parse("two words", "hash").is_err());
    /// ```
    ///
    /// # Errors
    /// `Validation` unless it has 1 to 255 visible characters of ASCII, without quotes around them.
    pub fn parse(key: &str, fingerprint: &str) -> Result<Self, Error> {
        if (1..=Self::LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self { key: key.into(), fingerprint: fingerprint.into() });
        }
        let message =
            format!("an idempotency key has 1 to {} visible characters, such as a UUID", Self::LONGEST);
        Err(Error::invalid("Idempotency-Key", "invalid_idempotency_key", message))
    }

    /// The key as the client gave it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The hash of what the request says.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What becomes of a request under a key that another was done under: the same request gets the same answer.
    ///
    /// It is a `Conflict` with the answer of the first ([`KeptAnswer::of`]), or with code `idempotency_key_reused` where
    /// the first said something else.
    pub fn refuse(&self, fingerprint: &str, answer: KeptAnswer) -> Error {
        if *self.fingerprint == *fingerprint {
            let message = "this was done before under the same idempotency key";
            return Error::new(ErrorKind::Conflict, ALREADY_DONE, message).with_source(answer);
        }
        let message = "another request was done under this idempotency key; a new request needs a new key";
        Error::new(ErrorKind::Conflict, IDEMPOTENCY_KEY_REUSED, message)
    }
}

/// What was answered to a request that was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a kept answer with status {status}")]
pub struct KeptAnswer {
    /// The status of HTTP.
    pub status: u16,
    /// The body, JSON; empty where there was none.
    pub body: String,
}

impl KeptAnswer {
    /// The answer that a failure carries, where it says that the same request was done before.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
}
