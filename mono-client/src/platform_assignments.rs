//! Roles on the whole platform.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::assignments::AssignPlatformRole;
use mono_core::id::AssignmentId;
use mono_core::model::user::PlatformAssignment;
use reqwest::Method;

/// Where the assignments are.
const PATH: &str = "/api/v1/platform/assignments";

/// Roles on the whole platform; made by [`Platform::assignments`](crate::Platform::assignments).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` without the permission
/// `platform.roles.manage`, and as [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct PlatformAssignments<'a> {
    pub(crate) client: &'a Client,
}

impl PlatformAssignments<'_> {
    /// Who has which role, in the order in which they were given.
    ///
    /// # Errors
    /// What every call may fail with.
    pub async fn list(self) -> Result<Vec<PlatformAssignment>> {
        self.client.send(self.client.request(Method::GET, PATH)).await?.data()
    }

    /// Gives a person a role.
    ///
    /// # Errors
    /// `Forbidden` with code `not_held` where the caller does not hold everything on the platform for as long; `Conflict`
    /// where the person has the role already, or does not exist; `Validation` where it ends before it starts.
    pub async fn assign(self, role: &AssignPlatformRole) -> Result<PlatformAssignment> {
        self.client.send(self.client.request(Method::POST, PATH).json(role)).await?.data()
    }

    /// Takes a role away.
    ///
    /// # Errors
    /// `NotFound` where there is no such assignment; `Forbidden` as for [`assign`](Self::assign); `Conflict` with code
    /// `last_administrator` where nobody else would hold everything on the platform without an end.
    pub async fn end(self, assignment: AssignmentId) -> Result<()> {
        let path = format!("{PATH}/{assignment}");
        self.client.send(self.client.request(Method::DELETE, &path)).await?.nothing()
    }
}
