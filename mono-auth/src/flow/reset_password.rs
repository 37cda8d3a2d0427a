//! Reset the password, by a link that a mail brings.

use crate::authenticator::Authenticator;
use crate::mail::{Composed, active_user};
use mono_core::Error;
use mono_core::caller::RequestContext;
use mono_core::model::mail::MailKind;
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, TokenPurpose};
use secrecy::SecretString;
use serde_json::json;

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

    /// The mail with the link, or `None` where no person who may sign in has the address.
    pub(crate) async fn compose_reset_password(
        &self,
        tx: &mut PlatformTx,
        mail: &Mail,
    ) -> Result<Option<Composed>, Error> {
        let Some(user) = active_user(tx, &mail.address).await? else { return Ok(None) };
        let (id, composed) = (user.id, Composed::to(user));
        self.add_link(tx, (mail, TokenPurpose::ResetPassword), Some(id), json!({}), composed).await.map(Some)
    }
}
