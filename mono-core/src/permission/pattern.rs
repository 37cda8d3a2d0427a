//! A pattern covers many permissions: `tenant.accounts.*`.

use super::name::{Name, is_path, shown};
use crate::error::Error;
use serde::{Deserialize, Serialize};

/// A name, or a name in which segments after the first are `*`, or `*` alone.
///
/// A `*` at the end covers one or more remaining segments; a `*` in the middle covers exactly one.
///
/// ```
/// use mono_core::permission::{Name, Pattern};
/// let pattern = Pattern::parse("tenant.*.read")?;
/// assert!(pattern.covers_name(&Name::parse("tenant.accounts.read")?));
/// assert!(!pattern.covers_name(&Name::parse("tenant.accounts.delete")?));
/// assert!(Pattern::parse("tenant.*")?.covers_pattern(&pattern));
/// assert!(Pattern::parse("tenant.acc*").is_err());
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend(
        "maxLength" = super::name::MAX_NAME_BYTES,
        "pattern" = r"^(\*|[a-z0-9][a-z0-9_-]{0,63}(\.([a-z0-9][a-z0-9_-]{0,63}|\*)){1,3})$"
    )))]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Box<str>);

/// How a pattern finds its names in a sorted list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape<'a> {
    /// Every name.
    All,
    /// This one name.
    Exact(&'a str),
    /// Every name that begins with this text, which ends in a dot: one contiguous range.
    Prefix(&'a str),
    /// A wildcard in the middle: each name that begins with the text has to be compared.
    Scattered(&'a str),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `Validation` with the code `invalid_pattern` on the field `pattern`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text == "*" || is_path(text.as_bytes(), true) {
            return Ok(Self(text.into()));
        }
        let message = format!(
            "{:?} is no pattern: `*`, or two to four segments of which any after the first may be `*`",
            shown(text)
        );
        Err(Error::invalid("pattern", "invalid_pattern", message))
    }

    /// The text of the pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `*` alone, the pattern of the super admin.
    pub fn is_everything(&self) -> bool {
        &*self.0 == "*"
    }

    /// Whether it names the platform, which what a tenant writes itself never does.
    pub fn is_outside_tenant(&self) -> bool {
        matches!(self.0.split('.').next(), Some("platform" | "*"))
    }

    /// Whether the pattern covers a name.
    pub fn covers_name(&self, name: &Name) -> bool {
        self.covers_text(name.as_str())
    }

    /// Whether every name that `other` covers, today or ever, is covered by this pattern.
    ///
    /// ```
    /// use mono_core::permission::Pattern;
    /// let pattern = |text| Pattern::parse(text).unwrap();
    /// assert!(pattern("tenant.*").covers_pattern(&pattern("tenant.*.read")));
    /// assert!(!pattern("tenant.*.read").covers_pattern(&pattern("tenant.*")));
    /// ```
    pub fn covers_pattern(&self, other: &Self) -> bool {
        self.is_everything() || (!other.is_everything() && self.covers_text(&other.0))
    }

    /// Whether some name is covered by both.
    ///
    /// ```
    /// use mono_core::permission::Pattern;
    /// let pattern = |text| Pattern::parse(text).unwrap();
    /// assert!(pattern("tenant.*.read").overlaps(&pattern("tenant.accounts.*")));
    /// assert!(!pattern("tenant.*.read").overlaps(&pattern("tenant.accounts.delete")));
    /// ```
    pub fn overlaps(&self, other: &Self) -> bool {
        if self.is_everything() || other.is_everything() {
            return true;
        }
        let (mut mine, mut theirs) = (self.0.split('.').peekable(), other.0.split('.').peekable());
        loop {
            match (mine.next(), theirs.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) => {
                    // A wildcard at an end takes whatever the other has left, which is one segment or more.
                    if (a == "*" && mine.peek().is_none()) || (b == "*" && theirs.peek().is_none()) {
                        return true;
                    }
                    if a != b && a != "*" && b != "*" {
                        return false;
                    }
                }
                _ => return false,
            }
        }
    }

    /// Compares segment by segment with the text of a name or pattern. In a pattern a `*` stands where any segment
    /// may, so only a `*` covers it.
    pub(crate) fn covers_text(&self, other: &str) -> bool {
        if self.is_everything() {
            return true;
        }
        let (mut mine, mut theirs) = (self.0.split('.').peekable(), other.split('.').peekable());
        loop {
            match (mine.next(), theirs.next()) {
                (None, None) => return true,
                (Some("*"), Some(segment)) => {
                    let mine_ends = mine.peek().is_none();
                    if mine_ends {
                        return true;
                    }
                    // The other's last `*` may stand for several segments, this one for exactly one.
                    if segment == "*" && theirs.peek().is_none() {
                        return false;
                    }
                }
                (Some(a), Some(b)) if a == b => {}
                _ => return false,
            }
        }
    }

    /// How to find the names that the pattern covers.
    pub(crate) fn shape(&self) -> Shape<'_> {
        match self.0.split_once('*') {
            None => Shape::Exact(&self.0),
            Some(("", _)) => Shape::All,
            Some((prefix, "")) => Shape::Prefix(prefix),
            Some((prefix, _)) => Shape::Scattered(prefix),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Pattern> for String {
    fn from(value: Pattern) -> Self {
        value.0.into()
    }
}

impl From<Name> for Pattern {
    fn from(value: Name) -> Self {
        Self(String::from(value).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).unwrap().covers_name(&Name::parse(name).unwrap())
    }

    #[test]
    fn a_wildcard_at_the_end_covers_one_or_more_segments() {
        assert!(covers("tenant.*", "tenant.manage"));
        assert!(covers("tenant.*", "tenant.accounts.create"));
        assert!(!covers("tenant.*", "tenantx.manage"));
        assert!(!covers("tenant.*", "account.manage"));
        // Shiro reads a bare name as its subtree, and a subtree as its root: neither holds here.
        assert!(!covers("tenant.accounts.*", "tenant.accounts"));
        assert!(!covers("tenant.accounts", "tenant.accounts.read"));
        assert!(covers("*", "public.browse"));
    }

    #[test]
    fn a_wildcard_in_the_middle_covers_one_segment_and_the_rest_still_counts() {
        // casbin's keyMatch ignores what stands after the first `*`.
        assert!(covers("tenant.*.read", "tenant.accounts.read"));
        assert!(!covers("tenant.*.read", "tenant.accounts.delete"));
        assert!(!covers("tenant.*.read", "tenant.read"));
        assert!(!covers("tenant.*.read", "tenant.a.b.read"));
        assert!(covers("tenant.*.*", "tenant.a.b.c"));
        assert!(!covers("tenant.*.*", "tenant.a"));
    }

    #[test]
    fn hostile_patterns_are_refused() {
        for text in [
            "",
            "**",
            "*.accounts.read",
            "tenant.acc*",
            "tenant.*acc",
            "tenant.**",
            "tenant..read",
            "a,b",
            "tenant.*.",
            "*.*",
            "tenant",
            "tenant.é*",
            "тенант.*",
            "a.b.c.d.*",
            " *",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn covering_patterns_and_overlap() {
        let pattern = |text: &str| Pattern::parse(text).unwrap();
        let all =
            ["*", "a.*", "a.*.*", "a.*.c", "a.b.*", "a.b.c", "a.b", "a.*.c.d", "a.b.*.d", "b.*", "a.*.*.d"];
        let mut names = Vec::new();
        for tier in ["a", "b"] {
            for second in ["b", "c", "x"] {
                names.push(format!("{tier}.{second}"));
                for third in ["c", "d", "y"] {
                    names.push(format!("{tier}.{second}.{third}"));
                    names.extend(["d", "z"].map(|fourth| format!("{tier}.{second}.{third}.{fourth}")));
                }
            }
        }
        for left in all.map(pattern) {
            for right in all.map(pattern) {
                let both = |name: &&String| left.covers_text(name) && right.covers_text(name);
                assert_eq!(left.overlaps(&right), names.iter().any(|n| both(&n)), "{left} {right}");
                let inside = names.iter().filter(|name| right.covers_text(name)).all(|n| left.covers_text(n));
                // The names above do not tell `*` and the union of `a.*` and `b.*` apart, single patterns they do.
                assert_eq!(left.covers_pattern(&right), inside, "{left} {right}");
            }
        }
    }
}
