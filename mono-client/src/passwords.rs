//! Passwords that are set anew.

use crate::auth::Auth;
use crate::user::User;
use mono_core::Result;
use mono_core::api::emails::{MailRequested, RequestMail};
use mono_core::api::passwords::{ChangePassword, ConfirmPassword};
use reqwest::Method;

impl Auth<'_> {
    /// Asks for a mail with a link to set another password. The answer does not tell whether one is sent.
    ///
    /// # Errors
    /// `Validation` for what is no address, `RateLimited` after too many attempts, and what
    /// [`Client`](crate::Client) lists.
    pub async fn request_password_reset(self, request: &RequestMail) -> Result<MailRequested> {
        self.post("/password-reset", request).await?.data()
    }

    /// Sets another password with the token of the link. Every session of the person ends.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`, or with every rule that the password breaks, and what
    /// [`Client`](crate::Client) lists.
    pub async fn reset_password(self, confirm: &ConfirmPassword) -> Result<()> {
        self.post("/password-reset/confirm", confirm).await?.nothing()
    }

    /// Sets the first password of a person who was made without one, with the token of the link.
    ///
    /// # Errors
    /// As [`reset_password`](Self::reset_password).
    pub async fn set_password(self, confirm: &ConfirmPassword) -> Result<()> {
        self.post("/set-password/confirm", confirm).await?.nothing()
    }
}

impl User<'_> {
    /// Gives the caller another password. Their other sessions end.
    ///
    /// # Errors
    /// `Forbidden` with code `wrong_password`, `Validation` with every rule that the new one breaks, `RateLimited` after
    /// too many attempts, and what [`Client`](crate::Client) lists.
    pub async fn change_password(self, change: &ChangePassword) -> Result<()> {
        let request = self.client.request(Method::PUT, "/api/v1/user/password").json(change);
        self.client.send(request).await?.nothing()
    }
}
