//! Request a mail: what every flow begins with that starts at somebody who has shown nothing yet.

use super::system;
use crate::authenticator::Authenticator;
use crate::mail::{Composed, active_user};
use crate::throttle;
use mono_core::Error;
use mono_core::caller::RequestContext;
use mono_core::model::mail::MailKind;
use mono_core::text::Email;
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, NewMail, TokenPurpose};
use serde_json::json;

impl Authenticator {
    /// Lets a mail go to an address, whoever's it is and whether or not it is anybody's: that is looked up when the mail
    /// is composed, so that answer, work and time are the same. An address is sent five in a quarter of an hour, however
    /// many networks ask for more.
    pub(crate) async fn request_mail(
        &self,
        kind: MailKind,
        email: &str,
        request: RequestContext,
    ) -> Result<(), Error> {
        let address = Email::parse(email)?;
        let throttles = throttle::attempts(kind.as_str(), email, &request);
        let system = system(request);
        let mut tx = self.inner.database.platform(&system).write().await?;
        let attempt = tx.throttles().count(&throttles).await?;
        if throttle::is_within(&attempt) {
            tx.mails().enqueue(NewMail::new(kind, address)).await?;
        }
        tx.commit().await
    }

    /// The mail with the link that was asked for, or `None` where no person who may sign in has the address.
    pub(crate) async fn compose_requested(
        &self,
        tx: &mut PlatformTx,
        mail: &Mail,
        purpose: TokenPurpose,
    ) -> Result<Option<Composed>, Error> {
        let Some(user) = active_user(tx, &mail.address).await? else { return Ok(None) };
        let (id, composed) = (user.id, Composed::to(user));
        self.add_link(tx, (mail, purpose), Some(id), json!({}), composed).await.map(Some)
    }
}
