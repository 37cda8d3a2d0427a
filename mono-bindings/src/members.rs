//! The members of a tenant, and who is invited.

use crate::client::Client;
use crate::error::Result;
use crate::page::page;
use mono_core::api::{invitations, members};
use mono_core::id::Uuid;
use mono_core::model::{invitation, member};
use std::time::SystemTime;

/// A person's membership in a tenant.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Member {
    /// The membership's id.
    pub id: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// The person.
    pub user_id: Uuid,
    /// The person's name.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// Whether the membership may be used: `active` or `suspended`.
    pub status: String,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When the person became a member.
    pub created_at: SystemTime,
    /// When the membership was last changed.
    pub updated_at: SystemTime,
}

impl From<member::Member> for Member {
    fn from(member: member::Member) -> Self {
        Self {
            id: member.id.into(),
            tenant_id: member.tenant_id.into(),
            user_id: member.user_id.into(),
            name: member.name.into(),
            email: member.email.into(),
            status: member.status.to_string(),
            version: member.version,
            created_at: member.created_at.into(),
            updated_at: member.updated_at.into(),
        }
    }
}

page! {
    /// One page of a list of members.
    MemberPage of Member, member::Member
}

/// Which members are wanted; what is left out is up to the server.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ListMembers {
    /// The number of the page, from 1.
    #[uniffi(default = None)]
    pub page: Option<u32>,
    /// How many members a page holds: 20 by default, 100 at most.
    #[uniffi(default = None)]
    pub limit: Option<u32>,
    /// Text that name or e-mail address contain, without regard to case.
    #[uniffi(default = None)]
    pub search: Option<String>,
    /// `active` or `suspended`.
    #[uniffi(default = None)]
    pub status: Option<String>,
    /// `name` (the default), `createdAt`, or `-createdAt` (newest first).
    #[uniffi(default = None)]
    pub sort: Option<String>,
}

impl From<ListMembers> for members::ListMembers {
    fn from(wanted: ListMembers) -> Self {
        let ListMembers { page, limit, search, status, sort } = wanted;
        Self { page, limit, search, status, sort }
    }
}

/// A role that comes with an invitation.
#[derive(Debug, Clone, uniffi::Record)]
pub struct InvitedRole {
    /// The key of the role.
    pub role: String,
    /// The account that it holds in; left out, it holds in the whole tenant.
    #[uniffi(default = None)]
    pub account_id: Option<Uuid>,
}

impl From<invitation::InvitedRole> for InvitedRole {
    fn from(role: invitation::InvitedRole) -> Self {
        Self { role: role.role, account_id: role.account_id.map(Into::into) }
    }
}

impl From<InvitedRole> for invitation::InvitedRole {
    fn from(role: InvitedRole) -> Self {
        Self { role: role.role, account_id: role.account_id.map(Into::into) }
    }
}

/// An invitation that was not accepted yet.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// The address that is invited.
    pub email: String,
    /// What the member will be.
    pub roles: Vec<InvitedRole>,
    /// Who invites.
    pub invited_by: Uuid,
    /// When it was made.
    pub created_at: SystemTime,
    /// From when on it can be accepted no more, unless it is sent again.
    pub expires_at: SystemTime,
}

impl From<invitation::Invitation> for Invitation {
    fn from(invitation: invitation::Invitation) -> Self {
        Self {
            id: invitation.id.into(),
            tenant_id: invitation.tenant_id.into(),
            email: invitation.email.into(),
            roles: invitation.roles.into_iter().map(Into::into).collect(),
            invited_by: invitation.invited_by.into(),
            created_at: invitation.created_at.into(),
            expires_at: invitation.expires_at.into(),
        }
    }
}

page! {
    /// One page of a list of invitations.
    InvitationPage of Invitation, invitation::Invitation
}

#[uniffi::export]
impl Client {
    /// One page of the members of the tenant.
    ///
    /// # Errors
    /// `Forbidden` where the permission is missing, `Validation` where the wish makes no sense.
    pub async fn list_members(&self, wanted: ListMembers) -> Result<MemberPage> {
        self.call(|client| async move { Ok(client.tenant().members().list(&wanted.into()).await?.into()) })
            .await
    }

    /// One member.
    ///
    /// # Errors
    /// `NotFound` where there is none, also where the person is a member of another tenant.
    pub async fn get_member(&self, id: Uuid) -> Result<Member> {
        self.call(|client| async move { Ok(client.tenant().members().get(id.into()).await?.into()) }).await
    }

    /// Suspends a membership: its person is refused, and everything is kept.
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` with code `not_held` where the member holds what the caller does not; `Conflict` for the
    /// caller's own membership.
    pub async fn suspend_member(&self, id: Uuid) -> Result<Member> {
        self.call(|client| async move { Ok(client.tenant().members().suspend(id.into()).await?.into()) })
            .await
    }

    /// Lets a suspended membership be used again.
    ///
    /// # Errors
    /// As `suspend_member`.
    pub async fn reactivate_member(&self, id: Uuid) -> Result<Member> {
        self.call(|client| async move { Ok(client.tenant().members().reactivate(id.into()).await?.into()) })
            .await
    }

    /// Ends a membership, with every role and grant that came with it.
    ///
    /// # Errors
    /// As `suspend_member`.
    pub async fn remove_member(&self, id: Uuid) -> Result<()> {
        self.call(|client| async move { Ok(client.tenant().members().remove(id.into()).await?) }).await
    }

    /// One page of the invitations that nobody has accepted yet, newest first.
    ///
    /// # Errors
    /// `Forbidden` where the permission is missing, `Validation` where page or limit make no sense.
    #[uniffi::method(default(page = None, limit = None))]
    pub async fn list_invitations(&self, page: Option<u32>, limit: Option<u32>) -> Result<InvitationPage> {
        let wanted = invitations::ListInvitations { page, limit };
        self.call(|client| async move { Ok(client.tenant().invitations().list(&wanted).await?.into()) }).await
    }

    /// Invites somebody to become a member: a mail brings them a link. Without any roles, a member without rights.
    ///
    /// # Errors
    /// `Conflict` with code `already_member` or `already_invited`; `Forbidden` with code `not_held` for a role that gives
    /// more than the caller has; `NotFound` for an account that the tenant does not have; `RateLimited` where the address
    /// was sent too many.
    pub async fn invite_member(&self, email: String, roles: Vec<InvitedRole>) -> Result<Invitation> {
        let roles = roles.into_iter().map(Into::into).collect();
        let new = invitations::CreateInvitation { email, roles };
        self.call(|client| async move { Ok(client.tenant().invitations().create(&new).await?.into()) }).await
    }

    /// Sends an invitation once more. The link of the mail before works no more.
    ///
    /// # Errors
    /// `NotFound` where there is none that waits; `RateLimited` where the address was sent too many.
    pub async fn resend_invitation(&self, id: Uuid) -> Result<Invitation> {
        self.call(|client| async move { Ok(client.tenant().invitations().resend(id.into()).await?.into()) })
            .await
    }

    /// Takes an invitation back: its link opens nothing any more.
    ///
    /// # Errors
    /// `NotFound` where there is none that waits; `Forbidden` with code `not_held` where the caller could not give what it
    /// gives.
    pub async fn revoke_invitation(&self, id: Uuid) -> Result<()> {
        self.call(|client| async move { Ok(client.tenant().invitations().revoke(id.into()).await?) }).await
    }
}
