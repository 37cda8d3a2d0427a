//! `/api/v1/tenant/members/{id}/grants` and `/api/v1/tenant/grants`

use crate::error::Error;
use crate::id::{GrantId, UserId};
use crate::permission::{Effect, Grant, Scope};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// `POST`: gives a member a pattern directly, or forbids it.
///
/// ```
/// use mono_core::api::grants::CreateGrant;
/// let body = r#"{"pattern": "tenant.accounts.read", "effect": "deny"}"#;
/// assert!(serde_json::from_str::<CreateGrant>(body)?.scope.is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateGrant {
    /// The pattern: `tenant.accounts.*`.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::permission::Pattern"))]
    pub pattern: String,
    /// Whether it gives or forbids.
    pub effect: Effect,
    /// Where it holds, with everything below: the tenant, an account, one resource. Left out, the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// From when on it holds; left out, at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more; left out, it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// A pattern that a member was given, or forbidden, directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GivenGrant {
    /// Which grant it is.
    pub id: GrantId,
    /// The pattern.
    pub pattern: String,
    /// Whether it gives or forbids.
    pub effect: Effect,
    /// Where it holds, with everything below.
    pub scope: Scope,
    /// From when on it holds; from ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Who made it; absent where the program did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<UserId>,
}

impl TryFrom<Grant> for GivenGrant {
    type Error = Error;

    fn try_from(stored: Grant) -> Result<Self, Error> {
        let Grant { id, pattern, effect, scope, starts_at, ends_at, granted_by, subject: _ } = stored;
        let id = id.ok_or_else(|| Error::internal("a stored grant has no id"))?;
        Ok(Self { id, pattern, effect, scope, starts_at, ends_at, granted_by })
    }
}
