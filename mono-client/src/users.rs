//! The people of the platform.

use crate::client::Client;
use crate::platform::Platform;
use mono_core::Result;
use mono_core::api::emails::MailRequested;
use mono_core::id::UserId;
use reqwest::Method;

/// The people of the platform; made by [`Platform::users`].
#[derive(Debug, Clone, Copy)]
pub struct Users<'a> {
    client: &'a Client,
}

impl<'a> Platform<'a> {
    /// The people of the platform.
    pub fn users(self) -> Users<'a> {
        Users { client: self.client }
    }
}

impl Users<'_> {
    /// Sends a person who was made without a password a mail with a link to set one.
    ///
    /// # Errors
    /// `Forbidden` without `platform.users.create`, `NotFound` where there is no such person, `Conflict` with code
    /// `has_password` or `user_suspended`, and what [`Client`] lists.
    pub async fn send_set_password(self, user: UserId) -> Result<MailRequested> {
        let path = format!("/api/v1/platform/users/{user}/set-password");
        self.client.send(self.client.request(Method::POST, &path)).await?.data()
    }
}
