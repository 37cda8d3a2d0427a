//! Sign in with a link that a mail brings.

use super::open_session::{Proven, SignInAnswer};
use super::system;
use crate::authenticator::Authenticator;
use crate::mail::{Composed, active_user};
use crate::single_use;
use mono_core::Error;
use mono_core::caller::RequestContext;
use mono_core::model::auth_policy::SignInMethod;
use mono_core::model::mail::MailKind;
use mono_core::model::user::UserStatus;
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, TokenPurpose};
use serde_json::json;

/// What a person gives who signs in with a link.
pub struct MagicLink {
    /// The token of the link.
    pub token: String,
    /// The slug of the tenant to work in; without it the tenant of the domain is taken, or the oldest membership.
    pub tenant: Option<String>,
    /// The name of the host that the person signs in at: the domain of a tenant, perhaps.
    pub host: Option<String>,
}

impl Authenticator {
    /// Sends the person whose address it is a link to sign in with; nobody is told whether there is one.
    ///
    /// # Errors
    /// `Validation` for what is no address; `RateLimited` with code `too_many_attempts`.
    pub async fn request_magic_link(&self, email: &str, request: RequestContext) -> Result<(), Error> {
        self.request_mail(MailKind::MagicLink, email, request).await
    }

    /// Signs a person in with the token of the link, or asks for their second factor: the link stands for the password
    /// alone.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`; `Forbidden` as [`sign_in`](Self::sign_in).
    pub async fn magic_link(&self, given: MagicLink, request: RequestContext) -> Result<SignInAnswer, Error> {
        let system = system(request);
        let mut tx = self.database.platform(&system).write().await?;
        let found = single_use::find(&mut tx, TokenPurpose::MagicLink, &given.token).await?;
        let id = found.user_id.ok_or_else(single_use::invalid)?;
        // The person first, then the token, then the session: a reset that comes now ends it, one that came is seen.
        let held = tx.users().hold(id).await?;
        single_use::consume(&mut tx, TokenPurpose::MagicLink, &given.token).await?;
        if held.is_none_or(|held| held.user.status != UserStatus::Active) {
            return Err(single_use::invalid());
        }
        let proven = Proven {
            user: id,
            method: SignInMethod::MagicLink,
            tenant: given.tenant.as_deref(),
            host: given.host.as_deref(),
        };
        self.open_session(tx, proven).await
    }

    /// The mail with the link, or `None` where no person who may sign in has the address.
    pub(crate) async fn compose_magic_link(
        &self,
        tx: &mut PlatformTx,
        mail: &Mail,
    ) -> Result<Option<Composed>, Error> {
        let Some(user) = active_user(tx, &mail.address).await? else { return Ok(None) };
        let (id, composed) = (user.id, Composed::to(user));
        self.add_link(tx, (mail, TokenPurpose::MagicLink), Some(id), json!({}), composed).await.map(Some)
    }
}
