//! `/api/v1/tenant/invitations`, `/api/v1/public/auth/invitations` and `/api/v1/user/invitations`

use super::Problems;
use crate::error::Error;
use crate::id::{MemberId, TenantId, UserId};
use crate::model::invitation::{InvitedRole, NewInvitation};
use crate::page::PageRequest;
use crate::text::{Email, Name};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most roles that one invitation brings.
const MAX_ROLES: usize = 20;

/// The query of `GET`: which page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListInvitations {
    /// The number of the page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_PAGE)))]
    pub page: Option<u32>,
    /// How many invitations a page holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
}

impl ListInvitations {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<PageRequest, Error> {
        PageRequest::parse(self.page, self.limit)
    }
}

/// Invites somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateInvitation {
    /// The address to invite.
    #[cfg_attr(feature = "openapi", schemars(with = "Email"))]
    pub email: String,
    /// What the member will be; at most 20 roles. Without any, a member without rights.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_ROLES)))]
    pub roles: Vec<InvitedRole>,
}

impl CreateInvitation {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    ///
    /// ```
    /// use mono_core::api::invitations::CreateInvitation;
    /// let role = mono_core::model::invitation::InvitedRole { role: "user".into(), account_id: None };
    /// let twice = CreateInvitation { email: "nobody".into(), roles: vec![role.clone(), role] };
    /// assert_eq!(twice.parse().unwrap_err().problems().len(), 2);
    /// ```
    pub fn parse(self) -> Result<NewInvitation, Error> {
        let mut problems = Problems::default();
        let email = problems.take(Email::parse(&self.email));
        let roles = problems.take(check_roles(self.roles));
        match (email, roles) {
            (Some(email), Some(roles)) => Ok(NewInvitation { email, roles }),
            _ => Err(problems.into_error()),
        }
    }
}

fn check_roles(roles: Vec<InvitedRole>) -> Result<Vec<InvitedRole>, Error> {
    if roles.len() > MAX_ROLES {
        return Err(Error::invalid("roles", "too_many", "an invitation brings at most 20 roles"));
    }
    let plain = |role: &InvitedRole| {
        (1..=100).contains(&role.role.len()) && role.role.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !roles.iter().all(plain) {
        return Err(Error::invalid("roles", "invalid_role", "a role is named by its key, such as `user`"));
    }
    if roles.iter().enumerate().any(|(place, role)| roles.iter().take(place).any(|other| other == role)) {
        return Err(Error::invalid("roles", "duplicate", "the invitation brings a role twice"));
    }
    Ok(roles)
}

/// What an invitation is about, for whoever holds its link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InvitationFacts {
    /// The name of the tenant.
    pub tenant_name: Name,
    /// The address that is invited.
    pub email: Email,
    /// The keys of the roles that it brings.
    pub roles: Vec<String>,
    /// From when on it can be accepted no more.
    pub expires_at: Timestamp,
    /// Whether the person is there already: they give their password, somebody new a name and the password to have.
    pub known: bool,
}

/// Accepts an invitation without being signed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AcceptInvitation {
    /// The token of the link.
    pub token: String,
    /// The name of somebody new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Name>"))]
    pub name: Option<String>,
    /// The password of the person whose address it is, or the one that somebody new will have.
    pub password: String,
}

impl fmt::Debug for AcceptInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptInvitation").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A person who became a member. They sign in to the tenant, or go there if they are signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AcceptedInvitation {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The membership.
    pub member_id: MemberId,
    /// The person.
    pub user_id: UserId,
}
