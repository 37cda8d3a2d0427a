//! The roles of the members of a tenant.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::assignments::{AssignRole, AssignedRole};
use mono_core::id::{AssignmentId, MemberId};
use reqwest::Method;

fn path_of(member: MemberId) -> String {
    format!("/api/v1/tenant/members/{member}/assignments")
}

/// The roles of the members of a tenant; made by [`Tenant::assignments`](crate::Tenant::assignments).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` without the permission
/// `tenant.roles.assign`, and as [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Assignments<'a> {
    pub(crate) client: &'a Client,
}

impl Assignments<'_> {
    /// The roles of a member, in the order in which they were given.
    ///
    /// # Errors
    /// What every call may fail with.
    pub async fn list(&self, member: MemberId) -> Result<Vec<AssignedRole>> {
        self.client.send(self.client.request(Method::GET, &path_of(member))).await?.data()
    }

    /// Gives a member a role.
    ///
    /// # Errors
    /// `Forbidden` with code `not_held` for a role that gives more than the caller has; `NotFound` where there is no such
    /// member; `Conflict` where the member has it there already, or there is no such account; `Validation` for a role that
    /// does not exist, and where it ends before it starts.
    pub async fn assign(&self, member: MemberId, role: &AssignRole) -> Result<AssignedRole> {
        self.client.send(self.client.request(Method::POST, &path_of(member)).json(role)).await?.data()
    }

    /// Takes a role away. It is refused everywhere from the next call of the member on.
    ///
    /// # Errors
    /// `NotFound` where there is no such assignment; `Forbidden` as for [`assign`](Self::assign).
    pub async fn revoke(&self, assignment: AssignmentId) -> Result<()> {
        let path = format!("/api/v1/tenant/assignments/{assignment}");
        self.client.send(self.client.request(Method::DELETE, &path)).await?.nothing()
    }
}
