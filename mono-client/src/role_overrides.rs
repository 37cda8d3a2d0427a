//! What a tenant changes in roles of the platform.

use crate::client::Client;
use crate::roles::plain;
use mono_core::Result;
use mono_core::api::role_overrides::{PutRoleOverride, RoleOverride};
use mono_core::permission::OverrideKind;
use reqwest::Method;

/// Where the overrides are.
const PATH: &str = "/api/v1/tenant/role-overrides";

fn path(role: &str, kind: OverrideKind) -> Result<String> {
    Ok(format!("{PATH}/{}/{kind}", plain(role)?))
}

/// What a tenant changes in roles of the platform; made by [`Tenant::role_overrides`](crate::Tenant::role_overrides).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct RoleOverrides<'a> {
    pub(crate) client: &'a Client,
}

impl RoleOverrides<'_> {
    /// The changes, by role and kind.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.read`.
    pub async fn list(&self) -> Result<Vec<RoleOverride>> {
        self.client.send(self.client.request(Method::GET, PATH)).await?.data()
    }

    /// Changes a role within the tenant, in place of an earlier change of the same kind.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.update`, or with code `not_held` where the caller does not hold what is added, or
    /// not all that the role gives; `Validation` with everything that is wrong with the patterns, and where the platform
    /// has no such role.
    pub async fn put(
        &self,
        role: &str,
        kind: OverrideKind,
        change: &PutRoleOverride,
    ) -> Result<RoleOverride> {
        self.client.send(self.client.request(Method::PUT, &path(role, kind)?).json(change)).await?.data()
    }

    /// Takes a change back.
    ///
    /// # Errors
    /// `NotFound` where there is no such change; `Forbidden` without `tenant.roles.update`, or with code `not_held` where
    /// the caller does not hold what comes back.
    pub async fn delete(&self, role: &str, kind: OverrideKind) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path(role, kind)?)).await?.nothing()
    }
}
