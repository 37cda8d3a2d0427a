//! Invitations into a tenant, on both of their sides.

use crate::auth::Auth;
use crate::client::Client;
use crate::user::User;
use mono_core::Result;
use mono_core::api::emails::ConfirmToken;
use mono_core::api::invitations::{
    AcceptInvitation, AcceptedInvitation, CreateInvitation, InvitationFacts, ListInvitations,
};
use mono_core::id::InvitationId;
use mono_core::model::invitation::Invitation;
use mono_core::page::Page;
use reqwest::Method;

/// Where the invitations of a tenant are.
const PATH: &str = "/api/v1/tenant/invitations";

/// The invitations of a tenant that nobody has accepted yet; made by [`Tenant::invitations`](crate::Tenant::invitations).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` without the permission
/// `tenant.members.invite`, and as [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Invitations<'a> {
    pub(crate) client: &'a Client,
}

impl Invitations<'_> {
    /// One page of the invitations, newest first.
    ///
    /// # Errors
    /// `Validation` names what is wrong with page or limit.
    pub async fn list(&self, wanted: &ListInvitations) -> Result<Page<Invitation>> {
        self.client.send(self.client.request(Method::GET, PATH).query(wanted)).await?.data()
    }

    /// Invites somebody: a mail brings them a link.
    ///
    /// # Errors
    /// `Conflict` with code `already_member` or `already_invited`; `Forbidden` with code `not_held` for a role that gives
    /// more than the caller has; `NotFound` for an account that the tenant does not have; `RateLimited` where the address
    /// was sent too many.
    pub async fn create(&self, new: &CreateInvitation) -> Result<Invitation> {
        self.client.send(self.client.request(Method::POST, PATH).json(new)).await?.data()
    }

    /// Invites up to 100 people, one after the other, each with its own result in their order.
    ///
    /// # Errors
    /// `Validation` for more than 100.
    pub async fn create_many(&self, new: &[CreateInvitation]) -> Result<Vec<Result<Invitation>>> {
        self.client.send_many(Method::POST, PATH, new).await
    }

    /// Sends an invitation once more. The link of the mail before works no more.
    ///
    /// # Errors
    /// `NotFound` where there is none that waits; `RateLimited` where the address was sent too many.
    pub async fn resend(&self, id: InvitationId) -> Result<Invitation> {
        let request = self.client.request(Method::POST, &format!("{PATH}/{id}/resend"));
        self.client.send(request).await?.data()
    }

    /// Takes an invitation back: its link opens nothing any more.
    ///
    /// # Errors
    /// `NotFound` where there is none that waits; `Forbidden` with code `not_held` where the caller could not give what it
    /// gives.
    pub async fn revoke(&self, id: InvitationId) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &format!("{PATH}/{id}"))).await?.nothing()
    }
}

impl Auth<'_> {
    /// What the holder of an invitation's link is invited to.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`, and what [`Client`] lists.
    pub async fn inspect_invitation(self, token: &ConfirmToken) -> Result<InvitationFacts> {
        self.post("/invitations/inspect", token).await?.data()
    }

    /// Accepts an invitation: who is there gives the password, who is not a name and the password to have. They sign in
    /// next.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`, or with what is wrong with name and password; `Forbidden` with
    /// code `wrong_password`, `invitation_void`, `tenant_suspended` or `tenant_archived`; `Conflict` with code `already_member`;
    /// `LimitExceeded` where the plan's members are used up; and what [`Client`] lists.
    pub async fn accept_invitation(self, accept: &AcceptInvitation) -> Result<AcceptedInvitation> {
        self.post("/invitations/accept", accept).await?.data()
    }
}

impl User<'_> {
    /// Accepts an invitation as the caller, whose address was invited.
    ///
    /// # Errors
    /// As [`Auth::accept_invitation`], and `Forbidden` with code `wrong_person` where another address was invited.
    pub async fn accept_invitation(self, token: &ConfirmToken) -> Result<AcceptedInvitation> {
        let request = self.client.request(Method::POST, "/api/v1/user/invitations/accept").json(token);
        self.client.send(request).await?.data()
    }
}
