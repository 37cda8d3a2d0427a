//! Reset the password, by a link that a mail brings.

use crate::authenticator::Authenticator;
use mono_core::Error;
use mono_core::caller::RequestContext;
use mono_core::model::mail::MailKind;
use mono_storage::store::TokenPurpose;
use secrecy::SecretString;

impl Authenticator {
    /// Sends the person whose address it is a link to set another password; nobody is told whether there is one.
    ///
    /// # Errors
    /// `Validation` for what is no address; `RateLimited` with code `too_many_attempts`.
    pub async fn request_password_reset(&self, email: &str, request: RequestContext) -> Result<(), Error> {
        self.request_mail(MailKind::ResetPassword, email, request).await
    }

    /// Sets another password with the token of the link, and ends every session of the person.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`, or with every rule that the password breaks: the token can
    /// then be used again.
    pub async fn reset_password(
        &self,
        token: &str,
        password: SecretString,
        request: RequestContext,
    ) -> Result<(), Error> {
        self.set_password_by_token(TokenPurpose::ResetPassword, token, password, request).await
    }
}
