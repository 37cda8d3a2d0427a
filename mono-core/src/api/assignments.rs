//! `/api/v1/tenant/members/{id}/assignments`, `/api/v1/tenant/assignments` and `/api/v1/platform/assignments`

use crate::error::Error;
use crate::id::{AccountId, AssignmentId, TenantId, UserId};
use crate::permission::{Assignment, Scope};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// `POST`: gives a member a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AssignRole {
    /// The key of the role: one of the platform, or the tenant's own.
    pub role: String,
    /// The account that it holds in; left out, it holds in the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// From when on it holds; left out, at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more; left out, it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

impl AssignRole {
    /// Where the role holds.
    pub fn scope(&self, tenant: TenantId) -> Scope {
        self.account_id.map_or(Scope::tenant(tenant), |account| Scope::account(tenant, account))
    }
}

/// A role that a member has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AssignedRole {
    /// Which assignment it is.
    pub id: AssignmentId,
    /// The key of the role.
    pub role: String,
    /// Where it holds, with everything below.
    pub scope: Scope,
    /// From when on it holds; from ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

impl TryFrom<Assignment> for AssignedRole {
    type Error = Error;

    fn try_from(stored: Assignment) -> Result<Self, Error> {
        let Assignment { id, role, scope, starts_at, ends_at, subject: _ } = stored;
        let id = id.ok_or_else(|| Error::internal("a stored assignment has no id"))?;
        Ok(Self { id, role, scope, starts_at, ends_at })
    }
}

/// `POST /api/v1/platform/assignments`: gives a person a role on the whole platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AssignPlatformRole {
    /// The person.
    pub user_id: UserId,
    /// The key of the role: one of the platform.
    pub role: String,
    /// From when on it holds; left out, at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more; left out, it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}
