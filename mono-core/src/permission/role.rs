//! Roles, and what a tenant changes in them.

use super::pattern::Pattern;
use crate::error::Problem;
use crate::id::TenantId;
use crate::model::word_enum;
use serde::{Deserialize, Serialize};

/// A named bundle of permissions: a system role of the platform, or a custom role of one tenant.
///
/// A role holds no denies: a deny in an inherited role would make a promotion lose rights. `except` takes only from
/// what this role itself allows, never from what it inherits.
///
/// ```
/// use mono_core::permission::Role;
/// let role = Role::new("tenant_admin").allow(["tenant.*"]).except(["tenant.billing.*"]).inherit(["account_owner"]);
/// assert_eq!(role.parents, ["account_owner"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The stable key, such as `tenant_admin`.
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = "^[a-z0-9_-]{1,64}$")))]
    pub key: String,
    /// The name that people read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(length(max = Role::MAX_NAME), extend("pattern" = crate::text::pattern::NO_CONTROL)))]
    pub name: String,
    /// What the role is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(length(max = Role::MAX_DESCRIPTION), extend("pattern" = crate::text::pattern::NO_CONTROL)))]
    pub description: String,
    /// The patterns that the role allows, as they are stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<Pattern>", length(max = Role::MOST_PATTERNS)))]
    pub allow: Vec<String>,
    /// Patterns taken from this role's own contribution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<Pattern>", length(max = Role::MOST_PATTERNS)))]
    pub except: Vec<String>,
    /// The keys of the roles that it inherits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(length(max = Role::MOST_PARENTS)))]
    pub parents: Vec<String>,
}

fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = String> {
    items.into_iter().map(Into::into)
}

impl Role {
    /// The most patterns that it allows, and that are taken from it.
    pub const MOST_PATTERNS: usize = 500;
    /// The most roles that it inherits.
    pub const MOST_PARENTS: usize = 50;
    /// The longest name, in characters.
    pub const MAX_NAME: usize = 200;
    /// The longest description, in characters.
    pub const MAX_DESCRIPTION: usize = 2000;

    /// A role that allows nothing yet.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), ..Self::default() }
    }

    /// The role with more patterns allowed.
    pub fn allow<T: Into<String>>(mut self, patterns: impl IntoIterator<Item = T>) -> Self {
        self.allow.extend(texts(patterns));
        self
    }

    /// The role with more patterns taken from its own contribution.
    pub fn except<T: Into<String>>(mut self, patterns: impl IntoIterator<Item = T>) -> Self {
        self.except.extend(texts(patterns));
        self
    }

    /// The role with more parents.
    pub fn inherit<T: Into<String>>(mut self, parents: impl IntoIterator<Item = T>) -> Self {
        self.parents.extend(texts(parents));
        self
    }

    /// What is wrong with it by itself as a role of a tenant's own: its key, its sizes (every request of every member
    /// compiles the tenant's roles), and what reaches outside of the tenant.
    pub fn problems_in_tenant(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if !(1..=64).contains(&self.key.len()) || !self.key.bytes().all(plain) {
            let message = "the key has 1 to 64 lower-case letters, digits, - and _";
            problems.push(Problem::new("key", "invalid_key", message));
        }
        for (field, count, most) in [
            ("allow", self.allow.len(), Self::MOST_PATTERNS),
            ("except", self.except.len(), Self::MOST_PATTERNS),
            ("parents", self.parents.len(), Self::MOST_PARENTS),
            ("name", self.name.chars().count(), Self::MAX_NAME),
            ("description", self.description.chars().count(), Self::MAX_DESCRIPTION),
        ] {
            if count > most {
                let message = format!("{field} has {count} of at most {most}");
                problems.push(Problem::new(field, "too_long", message));
            }
        }
        for (field, text) in [("name", &self.name), ("description", &self.description)] {
            if text.contains(char::is_control) {
                let message = format!("the {field} holds a control character");
                problems.push(Problem::new(field, "control_character", message));
            }
        }
        for (i, text) in self.allow.iter().enumerate() {
            // What is no pattern is told by the engine.
            if Pattern::parse(text).is_ok_and(|pattern| pattern.is_outside_tenant()) {
                let message = format!("{text} reaches outside of the tenant");
                problems.push(Problem::new(format!("allow[{i}]"), "outside_tenant", message));
            }
        }
        problems
    }
}

word_enum! {
    /// How an override changes the own contribution of a role.
    OverrideKind, "kind" {
        /// The patterns are added.
        Extend = "extend",
        /// The patterns are taken away, also from what other overrides add. Inherited rights stay: to forbid, use a deny.
        Restrict = "restrict",
        /// The patterns stand in place of the role's own `allow` and `except`.
        Replace = "replace",
    }
}

/// A change that a tenant makes to a role. It holds where the *target* is in that tenant, also for assignments made at
/// the platform, and never elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The key of the role.
    pub role: String,
    /// The tenant that makes the change.
    pub tenant: TenantId,
    /// What the patterns do.
    pub kind: OverrideKind,
    /// The patterns, as they are stored.
    pub patterns: Vec<String>,
}

impl Override {
    /// The most patterns of an override: every request of every member compiles the tenant's.
    pub const MOST_PATTERNS: usize = 500;
}
