//! Every permission there is, with what it means.

use super::name::is_name;
use super::pattern::Pattern;
use crate::error::Problem;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How costly the operations behind a permission are; the rate limiter has one budget for each tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RateLimitTier {
    /// Reading one thing or a page.
    Read,
    /// Anything without a special cost.
    #[default]
    Standard,
    /// Writing.
    Write,
    /// Reports, exports, conversions.
    Expensive,
    /// Deleting.
    Delete,
    /// Administration.
    Admin,
}

impl RateLimitTier {
    /// The name, as a catalogue writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Standard => "STANDARD",
            Self::Write => "WRITE",
            Self::Expensive => "EXPENSIVE",
            Self::Delete => "DELETE",
            Self::Admin => "ADMIN",
        }
    }
}

/// One permission of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionEntry {
    /// The name, such as `tenant.accounts.create`.
    pub name: String,
    /// What its holder may do, for people.
    #[serde(default)]
    pub description: String,
    /// The feature of the subscription that it belongs to; it then counts only where the tenant has that feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// Whether its use asks for fresh authentication.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dangerous: bool,
    /// The budget of the rate limiter that its operations draw on.
    #[serde(default)]
    pub rate_limit: RateLimitTier,
}

impl PermissionEntry {
    /// A permission that belongs to no feature and is not dangerous.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        let rate_limit = RateLimitTier::default();
        Self {
            name: name.into(),
            description: description.into(),
            feature: None,
            dangerous: false,
            rate_limit,
        }
    }

    /// The same permission as part of a feature.
    pub fn with_feature(mut self, feature: impl Into<String>) -> Self {
        self.feature = Some(feature.into());
        self
    }

    /// The same permission, asking for fresh authentication.
    pub fn dangerous(mut self) -> Self {
        self.dangerous = true;
        self
    }

    /// The same permission with another budget of the rate limiter.
    pub fn with_rate_limit(mut self, tier: RateLimitTier) -> Self {
        self.rate_limit = tier;
        self
    }

    /// The first segment of the name: its tier, or a namespace of the application.
    pub fn tier(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }
}

/// The list of all permissions, and what the scopes of API keys mean.
///
/// ```
/// use mono_core::permission::{Catalogue, PermissionEntry};
/// let catalogue = Catalogue::new("1")
///     .with(PermissionEntry::new("tenant.files.read", "Read files"))
///     .with_alias("files:read", "{tier}.files.read");
/// assert_eq!(catalogue.alias("files:read", "tenant").as_deref(), Some("tenant.files.read"));
/// assert!(catalogue.check().is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Which edition of the list it is; a snapshot carries it.
    #[serde(default)]
    pub version: String,
    /// The permissions, in any order.
    pub permissions: Vec<PermissionEntry>,
    /// What a scope of an API key means: `files:read` to the pattern `{tier}.files.read`, in which `{tier}` is the tier
    /// of the key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
}

impl Catalogue {
    /// An empty catalogue.
    pub fn new(version: impl Into<String>) -> Self {
        Self { version: version.into(), ..Self::default() }
    }

    /// The catalogue with one permission more.
    pub fn with(mut self, entry: PermissionEntry) -> Self {
        self.permissions.push(entry);
        self
    }

    /// The catalogue with one scope of API keys more.
    pub fn with_alias(mut self, scope: impl Into<String>, pattern: impl Into<String>) -> Self {
        self.aliases.insert(scope.into(), pattern.into());
        self
    }

    /// The text of the pattern that a scope of an API key stands for at the key's tier.
    pub fn alias(&self, scope: &str, tier: &str) -> Option<String> {
        self.aliases.get(scope).map(|template| template.replace("{tier}", tier))
    }

    /// The pattern of one scope of an API key at the key's tier: an alias, or a pattern as it is. `None` means that it
    /// covers nothing.
    pub fn key_pattern(&self, scope: &str, tier: &str) -> Option<Pattern> {
        let alias = self.alias(scope, tier);
        Pattern::parse(alias.as_deref().unwrap_or(scope)).ok()
    }

    /// Everything that is wrong with the catalogue, each with its place.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut seen = BTreeSet::new();
        for (i, entry) in self.permissions.iter().enumerate() {
            let place = format!("catalogue.permissions[{i}].name");
            if !is_name(&entry.name) {
                let message = format!("{:?} is no name of a permission", super::name::shown(&entry.name));
                problems.push(Problem::new(place, "invalid_permission", message));
            } else if !seen.insert(&entry.name) {
                let message = format!("{} is in the catalogue twice", entry.name);
                problems.push(Problem::new(place, "duplicate_permission", message));
            }
        }
        for (scope, template) in &self.aliases {
            if Pattern::parse(&template.replace("{tier}", "tenant")).is_err() {
                let message = format!("{template:?} is no pattern");
                problems.push(Problem::new(format!("catalogue.aliases.{scope}"), "invalid_pattern", message));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_reported_with_their_places() {
        let entry = |name: &str| PermissionEntry::new(name, "");
        let catalogue = Catalogue::new("1")
            .with(entry("a.b"))
            .with(entry("a"))
            .with(entry("a.b"))
            .with_alias("files:read", "{tier}.fi*");
        let places: Vec<_> = catalogue.check().into_iter().map(|problem| problem.field).collect();
        assert_eq!(
            places,
            [
                "catalogue.permissions[1].name",
                "catalogue.permissions[2].name",
                "catalogue.aliases.files:read"
            ]
        );
    }

    #[test]
    fn the_serial_form_is_terse() {
        let text = r#"{"permissions":[{"name":"a.b","rate_limit":"EXPENSIVE"}]}"#;
        let catalogue: Catalogue = serde_json::from_str(text).unwrap();
        assert_eq!(catalogue.permissions[0].rate_limit, RateLimitTier::Expensive);
        assert!(
            serde_json::from_str::<Catalogue>(r#"{"permissions":[{"name":"a.b","dangerus":true}]}"#).is_err()
        );
    }
}
