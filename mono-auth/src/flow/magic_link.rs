//! Sign in with a link that a mail brings.

use super::open_session::{Entrance, SignInAnswer};
use super::sign_in::wanted_tenant;
use super::system;
use crate::authenticator::Authenticator;
use crate::single_use;
use mono_core::Error;
use mono_core::caller::RequestContext;
use mono_core::model::auth_policy::SignInMethod;
use mono_core::model::mail::MailKind;
use mono_core::model::user::UserStatus;
use mono_storage::store::TokenPurpose;

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
        let mut tx = self.inner.database.platform(&system).write().await?;
        let found = single_use::find(&mut tx, TokenPurpose::MagicLink, &given.token).await?;
        let id = found.user_id.ok_or_else(single_use::invalid)?;
        // The person first, then the token, then the session: a reset that comes now ends it, one that came is seen.
        let held = tx.users().hold(id).await?;
        if held.is_none_or(|held| held.user.status != UserStatus::Active) {
            return Err(single_use::invalid());
        }
        let tenant = wanted_tenant(&mut tx, id, given.tenant.as_deref(), given.host.as_deref()).await?;
        let entrance = Entrance { tenant, method: SignInMethod::MagicLink };
        // Who named the wrong tenant has not used the link up.
        let (mut tx, _) = self.admit_at(tx, id, &entrance).await?;
        single_use::consume(&mut tx, TokenPurpose::MagicLink, &given.token).await?;
        self.open_session(tx, id, entrance).await
    }
}
