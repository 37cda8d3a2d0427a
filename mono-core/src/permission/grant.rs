//! What a principal was given: assignments of roles, direct grants, and what bounds them.

use super::scope::Scope;
use crate::id::{ApiKeyId, AssignmentId, GrantId, MemberId, TenantId, UserId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Whom a role or grant was given to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A member of a tenant.
    Member(MemberId),
    /// A person, for rights at the platform.
    User(UserId),
    /// An API key.
    ApiKey(ApiKeyId),
    /// A group, by its key; whoever collects the facts of a principal knows its groups.
    Group(String),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Member(id) => write!(f, "member {id}"),
            Self::User(id) => write!(f, "user {id}"),
            Self::ApiKey(id) => write!(f, "API key {id}"),
            Self::Group(key) => write!(f, "group {key}"),
        }
    }
}

/// A role given at a scope; it holds there and everywhere below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Which assignment it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<AssignmentId>,
    /// Whom it was given to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// The key of the role.
    pub role: String,
    /// Where it holds.
    pub scope: Scope,
    /// From when on it holds; from ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

impl Assignment {
    /// A role at a scope, without an end.
    pub fn new(role: impl Into<String>, scope: Scope) -> Self {
        Self { id: None, subject: None, role: role.into(), scope, starts_at: None, ends_at: None }
    }
}

/// Whether a grant gives or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The pattern is allowed.
    Allow,
    /// The pattern is forbidden, whatever allows it, at the scope and everywhere below.
    Deny,
}

/// A pattern given to (or forbidden to) somebody directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which grant it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<GrantId>,
    /// Whom it was given to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// The pattern, as it is stored. One that cannot be parsed allows nothing, and as a deny it closes the whole set.
    pub pattern: String,
    /// Whether it gives or forbids.
    pub effect: Effect,
    /// Where it holds.
    pub scope: Scope,
    /// From when on it holds; from ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<UserId>,
}

impl Grant {
    /// A pattern given at a scope, without an end.
    pub fn allow(pattern: impl Into<String>, scope: Scope) -> Self {
        let (pattern, effect) = (pattern.into(), Effect::Allow);
        Self {
            id: None,
            subject: None,
            pattern,
            effect,
            scope,
            starts_at: None,
            ends_at: None,
            granted_by: None,
        }
    }

    /// A pattern forbidden at a scope, without an end.
    pub fn deny(pattern: impl Into<String>, scope: Scope) -> Self {
        Self { effect: Effect::Deny, ..Self::allow(pattern, scope) }
    }
}

/// A deny on a scope for everybody in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    /// The pattern that is forbidden, as it is stored.
    pub pattern: String,
    /// Where it is forbidden.
    pub scope: Scope,
    /// Why, for the one who is refused.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Guardrail {
    /// The longest reason, in characters.
    pub const MAX_REASON: usize = 500;

    /// Forbids a pattern at a scope.
    pub fn new(pattern: impl Into<String>, scope: Scope) -> Self {
        Self { pattern: pattern.into(), scope, reason: String::new() }
    }
}

/// What an API key may do of what its owner may: its scopes (`files:read`, or patterns) in its tenant or account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRestriction {
    /// The scopes of the key, as they are stored; none means nothing.
    pub scopes: Vec<String>,
    /// The tenant or account of the key.
    pub at: Scope,
}

/// The features that one tenant's subscription gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantFeatures {
    /// The tenant.
    pub tenant: TenantId,
    /// The keys of its features.
    pub features: Vec<String>,
}

/// All facts about one principal that decide what it may do. The order within the lists never matters.
///
/// For an API key the facts are the owner's, with the key's restriction beside them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Principal {
    /// The tenant in which a pass as super admin is nothing special.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<TenantId>,
    /// Roles, given directly or through a group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
    /// Direct grants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// The guardrails of the places where it acts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<Guardrail>,
    /// Suspended tenants and accounts; the platform, where the principal itself is suspended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspended: Vec<Scope>,
    /// The features of the tenants where it acts; a tenant that is not listed has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<TenantFeatures>,
    /// The restriction of the API key with which it acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyRestriction>,
}
