//! Signing in with a link that a mail brings.

use crate::auth::Auth;
use crate::credential::Login;
use mono_core::Result;
use mono_core::api::auth::LoginAnswer;
use mono_core::api::emails::{MailRequested, RequestMail};
use mono_core::api::magic_links::ConfirmMagicLink;

impl Auth<'_> {
    /// Asks for a mail with a link to sign in with. The answer does not tell whether one is sent.
    ///
    /// # Errors
    /// `Validation` for what is no address, `RateLimited` after too many attempts, and what
    /// [`Client`](crate::Client) lists.
    pub async fn request_magic_link(self, request: &RequestMail) -> Result<MailRequested> {
        self.post("/magic-link", request).await?.data()
    }

    /// Signs in with the token of the link, or gets the challenge for the second factor. The client, and every clone of
    /// it, is signed in from then on.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`, `Forbidden` where person or tenant are suspended, and what
    /// [`Client`](crate::Client) lists.
    pub async fn magic_link(self, confirm: &ConfirmMagicLink) -> Result<LoginAnswer> {
        let answer: LoginAnswer = self.post("/magic-link/confirm", confirm).await?.data()?;
        if let LoginAnswer::SignedIn(response) = &answer {
            self.client.session.sign_in(Login::Tokens(response.clone())).await?;
        }
        Ok(answer)
    }
}
