//! Signing up, where everybody may.

use crate::auth::Auth;
use mono_core::Result;
use mono_core::api::emails::{MailRequested, RequestMail};
use mono_core::api::sign_up::{ConfirmSignUp, SignedUp};

impl Auth<'_> {
    /// Asks for a mail with a link to go on with. The answer does not tell whether one is sent.
    ///
    /// # Errors
    /// `Forbidden` with code `sign_up_off`, `Validation` for what is no address, `RateLimited` after too many attempts,
    /// and what [`Client`](crate::Client) lists.
    pub async fn request_sign_up(self, request: &RequestMail) -> Result<MailRequested> {
        self.post("/sign-up", request).await?.data()
    }

    /// Makes the person with the token of the link. They sign in next.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`, or with what is wrong with name and password, and what
    /// [`Client`](crate::Client) lists.
    pub async fn sign_up(self, confirm: &ConfirmSignUp) -> Result<SignedUp> {
        self.post("/sign-up/confirm", confirm).await?.data()
    }
}
