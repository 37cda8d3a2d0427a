//! Reset the password, by a link that a mail brings.

use crate::authenticator::Authenticator;
use crate::mail::{Composed, active_user};
use mono_core::Error;
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, TokenPurpose};
use serde_json::json;

impl Authenticator {
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
