//! The name of a permission: `tenant.accounts.create`.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 160;
/// The longest segment of a name, in bytes.
pub const MAX_SEGMENT_BYTES: usize = 64;

/// Whether `bytes` is the text of a name, or of a pattern where `wildcards` says so.
pub(crate) const fn is_path(bytes: &[u8], wildcards: bool) -> bool {
    if bytes.len() > MAX_NAME_BYTES {
        return false;
    }
    // The number of segments before this one, the length of this one, and whether it is a wildcard.
    let (mut segments, mut length, mut star) = (0_usize, 0_usize, false);
    let mut rest = bytes;
    while let Some((byte, tail)) = rest.split_first() {
        match *byte {
            b'.' if length > 0 => (segments, length, star) = (segments + 1, 0, false),
            b'*' if wildcards && length == 0 && segments > 0 => (length, star) = (1, true),
            b'a'..=b'z' | b'0'..=b'9' if !star => length += 1,
            b'-' | b'_' if !star && length > 0 => length += 1,
            _ => return false,
        }
        if length > MAX_SEGMENT_BYTES {
            return false;
        }
        rest = tail;
    }
    // The last segment is counted here: two to four in all.
    length > 0 && segments >= 1 && segments <= 3
}

/// Whether a text is a well-formed name; for constants, see [`permission!`](crate::permission!).
///
/// ```
/// const GOOD: bool = mono_core::permission::is_name("tenant.accounts.create");
/// assert!(GOOD && !mono_core::permission::is_name("tenant.*"));
/// ```
pub const fn is_name(text: &str) -> bool {
    is_path(text.as_bytes(), false)
}

/// The name of one permission: two to four segments joined by dots. The first is a tier (`platform`, `tenant`,
/// `account`, `user`, `profile`, `public`) or a namespace of the application. Names are case-sensitive and nothing is
/// trimmed.
///
/// ```
/// use mono_core::permission::Name;
/// let name = Name::parse("tenant.accounts.create")?;
/// assert_eq!(name.tier(), "tenant");
/// assert!(Name::parse("tenant").is_err());
/// assert!(Name::parse("Tenant.manage").is_err());
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Name(Box<str>);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// `Validation` with the code `invalid_permission` on the field `permission`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if is_name(text) {
            return Ok(Self(text.into()));
        }
        let message = format!(
            "{:?} is no permission: two to four segments of a-z, 0-9, - and _, joined by dots",
            shown(text)
        );
        Err(Error::invalid("permission", "invalid_permission", message))
    }

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment: a tier, or a namespace of the application.
    pub fn tier(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

/// The beginning of a text that somebody sent, so that a message stays short.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Name> for String {
    fn from(value: Name) -> Self {
        value.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_names_are_read() {
        for text in [
            "tenant.accounts.create",
            "tenant.manage",
            "public.browse",
            "user.2fa.manage",
            "platform.tenants.manage-features",
            "feature.comp_card.access",
            "a.b.c.d",
        ] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        let long = format!("tenant.{}", "a".repeat(65));
        let longest = format!("{0}.{0}.{0}", "a".repeat(60));
        for text in [
            "",
            ".",
            "tenant",
            "tenant.",
            ".tenant",
            "tenant..read",
            "a.b.c.d.e",
            "tenant.*",
            "*",
            "a,b",
            "Tenant.read",
            " tenant.read",
            "tenant.read ",
            "tenant.-a",
            "tenant._a",
            "tenant.é",
            "tenant.read\0",
            "tenant.a\n",
            &long,
            &longest,
        ] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }
}
