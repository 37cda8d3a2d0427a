//! Words with rules: e-mail address, slug, name, locale. Parsed once at the edge, trusted afterwards.

#[cfg(feature = "openapi")]
pub(crate) mod pattern;
#[cfg(test)]
mod tests;

use crate::error::Error;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Folds text for comparison and search: NFC-normalised and in lower case.
///
/// ```
/// assert_eq!(mono_core::text::fold("Zoe\u{308} ÅKESSON"), "zoë åkesson");
/// ```
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// NFC-normalised. ASCII is so already, and most text is ASCII: lists read many names.
fn composed(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { text.nfc().collect() }
}

macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// The text as it was given, normalised.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Refuses what no single-line text may hold: control characters (a NUL byte among them) and the characters that
/// reorder or hide text (Unicode Trojan Source, CVE-2021-42574).
fn single_line(field: &str, text: &str) -> Result<(), Error> {
    let hidden = |c: char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
    if text.chars().any(|c| c.is_control() || hidden(c)) {
        return Err(Error::invalid(
            field,
            "control_character",
            format!("the {field} holds a control or hidden character"),
        ));
    }
    Ok(())
}

/// An e-mail address: one person on the platform, compared without regard to case and in Unicode NFC.
///
/// The check is the practical one of the HTML standard (one `@`, a local part, a dotted domain), not the whole of
/// RFC 5322: that an address works is shown by a mail that arrives.
///
/// ```
/// use mono_core::text::Email;
/// assert_eq!(Email::parse("Ana@Example.com")?.folded(), "ana@example.com");
/// assert!(Email::parse("ana@@example.com").is_err());
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("maxLength" = Email::MAX_BYTES, "pattern" = pattern::EMAIL)))]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);
text_type!(Email);

impl Email {
    /// The longest address that SMTP carries (RFC 5321, erratum 1690), in bytes.
    pub const MAX_BYTES: usize = 254;

    /// Checks an address.
    ///
    /// # Errors
    /// `Validation` on the field `email`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        single_line("email", text)?;
        let invalid = || Error::invalid("email", "invalid_email", "the e-mail address is not valid");
        let text = composed(text);
        let (local, domain) = text.rsplit_once('@').ok_or_else(invalid)?;
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let fits = text.len() <= Self::MAX_BYTES
            && !local.is_empty()
            && local.len() <= 64
            && !local.contains(|c: char| c.is_whitespace() || "@,;:<>()[]\\\"".contains(c))
            && domain.contains('.')
            && domain.split('.').all(label);
        if fits { Ok(Self(text)) } else { Err(invalid()) }
    }

    /// The form in which two addresses are compared.
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// A short name for addresses: lower-case letters, digits and single hyphens, 2 to 64 characters.
///
/// ```
/// use mono_core::text::Slug;
/// assert!(Slug::parse("north-harbour-2").is_ok());
/// assert!(Slug::parse("North Harbour").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("minLength" = 2, "maxLength" = 64, "pattern" = pattern::SLUG)))]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);
text_type!(Slug);

impl Slug {
    /// Checks a slug.
    ///
    /// # Errors
    /// `Validation` on the field `slug`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let segment = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if (2..=64).contains(&text.len()) && text.split('-').all(segment) {
            return Ok(Self(text.to_owned()));
        }
        let message = "the slug has 2 to 64 lower-case letters and digits, with single hyphens between them";
        Err(Error::invalid("slug", "invalid_slug", message))
    }

    /// Derives a slug from a name, as a suggestion: `"Ana's Agency"` becomes `ana-s-agency`.
    ///
    /// # Errors
    /// `Validation` where the name holds too few letters and digits of ASCII; the caller then gives a slug.
    ///
    /// ```
    /// assert_eq!(mono_core::text::Slug::suggest("Ana's Agency")?.as_str(), "ana-s-agency");
    /// # Ok::<(), mono_core::Error>(())
    /// ```
    pub fn suggest(name: &str) -> Result<Self, Error> {
        let spaced: String = name
            .nfd()
            .filter(|c| !('\u{300}'..='\u{36F}').contains(c))
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' })
            .collect();
        let mut slug = spaced.split_whitespace().collect::<Vec<_>>().join("-");
        slug.truncate(64);
        Self::parse(slug.trim_end_matches('-'))
    }
}

/// A name that people read: 1 to 200 characters on one line, not only spaces; kept in NFC without outer spaces.
///
/// ```
/// use mono_core::text::Name;
/// assert_eq!(Name::parse("  Ana  ")?.as_str(), "Ana");
/// assert!(Name::parse("a\0b").is_err());
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("minLength" = 1, "maxLength" = Name::MAX_CHARACTERS, "pattern" = pattern::NAME)))]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);
text_type!(Name);

impl Name {
    /// The most characters a name may have.
    pub const MAX_CHARACTERS: usize = 200;

    /// Checks a name.
    ///
    /// # Errors
    /// `Validation` on the field `name`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        single_line("name", text)?;
        let text = composed(text.trim());
        if text.is_empty() {
            return Err(Error::invalid("name", "empty", "the name is empty"));
        }
        if text.chars().count() > Self::MAX_CHARACTERS {
            let message = format!("the name has at most {} characters", Self::MAX_CHARACTERS);
            return Err(Error::invalid("name", "too_long", message));
        }
        Ok(Self(text))
    }

    /// The form in which names are searched and sorted.
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// A language tag of the common form `language[-Script][-REGION]` (a subset of BCP 47): `en`, `pt-BR`, `zh-Hant-TW`.
///
/// ```
/// assert_eq!(mono_core::text::Locale::parse("PT-br")?.as_str(), "pt-BR");
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("pattern" = pattern::LOCALE)))]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);
text_type!(Locale);

impl Locale {
    /// Checks a tag and brings it to its usual spelling.
    ///
    /// # Errors
    /// `Validation` on the field `locale`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = || {
            Error::invalid("locale", "invalid_locale", "the locale is a tag such as en, pt-BR or zh-Hant-TW")
        };
        let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
        let mut parts = text.split('-');
        let language =
            parts.next().filter(|p| (2..=3).contains(&p.len()) && letters(p)).ok_or_else(invalid)?;
        let mut tag = language.to_ascii_lowercase();
        let mut next = parts.next();
        if let Some(script) = next.filter(|p| p.len() == 4 && letters(p)) {
            let (head, tail) = script.split_at(1);
            tag.push('-');
            tag.push_str(&head.to_ascii_uppercase());
            tag.push_str(&tail.to_ascii_lowercase());
            next = parts.next();
        }
        if let Some(region) = next {
            let digits = region.len() == 3 && region.bytes().all(|b| b.is_ascii_digit());
            if !(digits || region.len() == 2 && letters(region)) {
                return Err(invalid());
            }
            tag.push('-');
            tag.push_str(&region.to_ascii_uppercase());
        }
        if parts.next().is_some() { Err(invalid()) } else { Ok(Self(tag)) }
    }
}

/// The name of a time zone in the IANA database: `UTC`, `Europe/Lisbon`, `America/Argentina/Ushuaia`. The database
/// changes several times a year, so only the form is checked.
///
/// ```
/// assert!(mono_core::text::TimeZone::parse("Europe/Lisbon").is_ok());
/// assert!(mono_core::text::TimeZone::parse("../etc/passwd").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("maxLength" = 64, "pattern" = pattern::TIME_ZONE)))]
#[serde(try_from = "String", into = "String")]
pub struct TimeZone(String);
text_type!(TimeZone);

impl TimeZone {
    /// Checks a name.
    ///
    /// # Errors
    /// `Validation` on the field `timeZone`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
        let part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphabetic()) && part.bytes().all(plain)
        };
        if text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(part) {
            return Ok(Self(text.to_owned()));
        }
        let message = "the time zone is a name such as UTC or Europe/Lisbon";
        Err(Error::invalid("timeZone", "invalid_time_zone", message))
    }
}

/// A domain name, in lower case and without the dot at its end. Names in other scripts are given in Punycode (`xn--…`).
///
/// ```
/// assert_eq!(mono_core::text::Domain::parse("Port.Example.COM.")?.as_str(), "port.example.com");
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("maxLength" = 254, "pattern" = pattern::DOMAIN)))]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);
text_type!(Domain);

impl Domain {
    /// Checks a name and brings it to its usual spelling.
    ///
    /// # Errors
    /// `Validation` on the field `domain`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        // An address in figures is no name.
        let named =
            text.rsplit_once('.').is_some_and(|(_, top)| top.contains(|c: char| c.is_ascii_alphabetic()));
        if named && text.len() <= 253 && text.split('.').all(label) {
            return Ok(Self(text));
        }
        let message = "the domain is a name such as port.example.com, without https:// and without a path";
        Err(Error::invalid("domain", "invalid_domain", message))
    }
}
