//! An invitation: somebody was asked by mail to become a member of a tenant, and has not answered.

use crate::id::{AccountId, InvitationId, TenantId, UserId};
use crate::permission::Scope;
use crate::text::Email;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An invitation that was not accepted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The invitation's id.
    pub id: InvitationId,
    /// The address that is invited.
    pub email: Email,
    /// What the member will be.
    pub roles: Vec<InvitedRole>,
    /// Who invites: what this person may give no more, the invitation does not give either.
    pub invited_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it can be accepted no more, unless it is sent again.
    pub expires_at: Timestamp,
}

/// A role that comes with an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InvitedRole {
    /// The key of the role.
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = "^[!-~]{1,100}$")))]
    pub role: String,
    /// The account that it holds in; left out, it holds in the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
}

impl InvitedRole {
    /// Where the role holds.
    pub fn scope(&self, tenant: TenantId) -> Scope {
        self.account_id.map_or(Scope::tenant(tenant), |account| Scope::account(tenant, account))
    }
}

/// What is needed to invite somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvitation {
    /// The address to invite.
    pub email: Email,
    /// What the member will be.
    pub roles: Vec<InvitedRole>,
}
