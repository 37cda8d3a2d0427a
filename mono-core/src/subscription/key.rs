//! The name by which features, limits, plans and the like are known.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// A key of the plan catalogue: `[a-z0-9][a-z0-9_]*`, at most 64 bytes.
///
/// ```
/// use mono_core::subscription::Key;
/// assert_eq!(Key::parse("comp_card")?.as_str(), "comp_card");
/// assert!(Key::parse("Comp card").is_err());
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("maxLength" = Key::MAX_BYTES, "pattern" = "^[a-z0-9][a-z0-9_]*$")))]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    /// The most bytes a key may have.
    pub const MAX_BYTES: usize = 64;

    /// Checks a key. Nothing is trimmed and no case is changed.
    ///
    /// # Errors
    /// `Validation` on the field `key`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = text.len() <= Self::MAX_BYTES
            && text.bytes().next().is_some_and(plain)
            && text.bytes().all(|byte| plain(byte) || byte == b'_');
        if fits {
            return Ok(Self(text.to_owned()));
        }
        let message = "a key has 1 to 64 lower-case letters, digits and `_`, and does not start with `_`";
        Err(Error::invalid("key", "invalid_key", message))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// Maps by `Key` are asked with a plain `&str`.
impl std::borrow::Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Key {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_keys_are_refused() {
        for text in ["", "_a", "A", "a-b", "a.b", "a b", "a\0", "é", &"a".repeat(65)] {
            assert!(Key::parse(text).is_err(), "{text:?}");
        }
        assert!(Key::parse(&"a".repeat(64)).is_ok());
        assert!(Key::parse("2fa_").is_ok());
    }
}
