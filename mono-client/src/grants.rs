//! What the members of a tenant were given or forbidden directly.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::grants::{CreateGrant, GivenGrant};
use mono_core::id::{GrantId, MemberId};
use reqwest::Method;

fn path_of(member: MemberId) -> String {
    format!("/api/v1/tenant/members/{member}/grants")
}

/// What the members of a tenant were given or forbidden directly, beside their roles; made by
/// [`Tenant::grants`](crate::Tenant::grants).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` without the permission
/// `tenant.roles.assign`, and as [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Grants<'a> {
    pub(crate) client: &'a Client,
}

impl Grants<'_> {
    /// What a member was given and forbidden, in the order in which it was.
    ///
    /// # Errors
    /// What every call may fail with.
    pub async fn list(&self, member: MemberId) -> Result<Vec<GivenGrant>> {
        self.client.send(self.client.request(Method::GET, &path_of(member))).await?.data()
    }

    /// Gives a member a pattern, or forbids it.
    ///
    /// # Errors
    /// `Forbidden` with code `not_held` for a pattern that the caller does not hold, or, to forbid it, a member who has
    /// more than the caller; `NotFound` where there is no such member; `Conflict` where there is no such account, and with
    /// code `too_many` beyond 200 grants of a member; `Validation` for what is no pattern, for a place outside of the tenant, and where it ends before it
    /// starts.
    pub async fn give(&self, member: MemberId, grant: &CreateGrant) -> Result<GivenGrant> {
        self.client.send(self.client.request(Method::POST, &path_of(member)).json(grant)).await?.data()
    }

    /// Takes back what was given or forbidden.
    ///
    /// # Errors
    /// `NotFound` where there is no such grant; `Forbidden` as for [`give`](Self::give).
    pub async fn revoke(&self, grant: GrantId) -> Result<()> {
        let path = format!("/api/v1/tenant/grants/{grant}");
        self.client.send(self.client.request(Method::DELETE, &path)).await?.nothing()
    }
}
