//! Addresses that are confirmed and changed.

use crate::auth::Auth;
use crate::user::User;
use mono_core::Result;
use mono_core::api::emails::{ChangeEmail, ConfirmToken, MailRequested, RequestMail};
use reqwest::Method;

impl Auth<'_> {
    /// Asks once more for a mail with a link to confirm the address. The answer does not tell whether one is sent.
    ///
    /// # Errors
    /// `Validation` for what is no address, `RateLimited` after too many attempts, and what
    /// [`Client`](crate::Client) lists.
    pub async fn request_verification(self, request: &RequestMail) -> Result<MailRequested> {
        self.post("/verify-email", request).await?.data()
    }

    /// Confirms the address with the token of the link.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`, and what [`Client`](crate::Client) lists.
    pub async fn verify_email(self, confirm: &ConfirmToken) -> Result<()> {
        self.post("/verify-email/confirm", confirm).await?.nothing()
    }

    /// Moves the person to the new address with the token of the link that came there.
    ///
    /// # Errors
    /// As [`verify_email`](Self::verify_email).
    pub async fn change_email(self, confirm: &ConfirmToken) -> Result<()> {
        self.post("/change-email/confirm", confirm).await?.nothing()
    }
}

impl User<'_> {
    /// Asks to move the caller to another address: a mail there brings a link to confirm it.
    ///
    /// # Errors
    /// `Forbidden` with code `wrong_password` or, without a password, `step_up_required`; `Validation` for what is no
    /// address or the present one, `RateLimited` after too many attempts, and what [`Client`](crate::Client) lists.
    pub async fn request_email_change(self, change: &ChangeEmail) -> Result<MailRequested> {
        let request = self.client.request(Method::POST, "/api/v1/user/email").json(change);
        self.client.send(request).await?.data()
    }
}
