//! What concerns the caller itself.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::permissions::SnapshotResponse;
use mono_core::api::users::ProfileResponse;
use reqwest::Method;

/// What concerns the caller itself; made by [`Client::user`].
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// What concerns the caller itself.
    pub fn user(&self) -> User<'_> {
        User { client: self }
    }
}

impl User<'_> {
    /// Who is signed in; and who acts as them, where support staff do.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn profile(self) -> Result<ProfileResponse> {
        self.client.send(self.client.request(Method::GET, "/api/v1/user")).await?.data()
    }

    /// What the caller may do in its tenant, signed, to be verified and evaluated on this device;
    /// [`Client::permissions`] does so.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn permission_snapshot(self) -> Result<SnapshotResponse> {
        let request = self.client.request(Method::GET, "/api/v1/user/permissions/snapshot");
        self.client.send(request.uncached()).await?.data()
    }
}
