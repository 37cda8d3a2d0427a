//! Verify the address: a person shows that they read it.

use super::system;
use crate::authenticator::Authenticator;
use crate::mail::{Composed, active_user};
use crate::single_use;
use mono_core::Error;
use mono_core::caller::RequestContext;
use mono_core::model::mail::MailKind;
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, TokenPurpose};
use serde_json::json;

impl Authenticator {
    /// Sends the person whose address it is a link to confirm it; nobody is told whether there is one.
    ///
    /// # Errors
    /// `Validation` for what is no address; `RateLimited` with code `too_many_attempts`.
    pub async fn request_verification(&self, email: &str, request: RequestContext) -> Result<(), Error> {
        self.request_mail(MailKind::VerifyEmail, email, request).await
    }

    /// Notes with the token of the link that the person reads their address.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`.
    pub async fn verify_email(&self, token: &str, request: RequestContext) -> Result<(), Error> {
        let system = system(request);
        let mut tx = self.inner.database.platform(&system).write().await?;
        let used = single_use::consume(&mut tx, TokenPurpose::VerifyEmail, token).await?;
        tx.users().verify_email(used.user_id.ok_or_else(single_use::invalid)?).await?;
        tx.commit().await
    }

    /// The mail with the link, or `None` where no person who may sign in has the address, or they have confirmed it.
    pub(crate) async fn compose_verify_email(
        &self,
        tx: &mut PlatformTx,
        mail: &Mail,
    ) -> Result<Option<Composed>, Error> {
        let user = active_user(tx, &mail.address).await?;
        let Some(user) = user.filter(|user| user.email_verified_at.is_none()) else { return Ok(None) };
        let (id, composed) = (user.id, Composed::to(user));
        self.add_link(tx, (mail, TokenPurpose::VerifyEmail), Some(id), json!({}), composed).await.map(Some)
    }
}
