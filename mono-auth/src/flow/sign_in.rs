//! Sign in with e-mail address and password.

use crate::authenticator::Authenticator;
use crate::identity::admit;
use mono_core::Error;
use mono_core::api::auth::refused;
use mono_core::audit::Action;
use mono_core::caller::{Caller, RequestContext, SystemReason};
use mono_core::id::{SessionId, TenantId, UserId};
use mono_core::model::user::UserStatus;
use mono_core::text::{Email, Slug};
use mono_core::time::Timestamp;
use secrecy::SecretString;
use std::sync::Arc;

/// How long a session lives, whatever happens: 24 hours.
const SESSION_HOURS: i64 = 24;

/// What a person gives to sign in.
pub struct SignIn {
    /// The e-mail address, as it was typed.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// The slug of the tenant to work in; without it the oldest membership is taken.
    pub tenant: Option<String>,
}

/// A person who signed in.
pub struct SignedIn {
    /// The access token.
    pub access_token: String,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// The person.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// The tenant that the token works in.
    pub tenant_id: Option<TenantId>,
}

impl Authenticator {
    /// Signs a person in. The answer to a wrong address, a wrong password and a suspended person is one and the same,
    /// and takes equally long.
    ///
    /// # Errors
    /// `Unauthorized` with code `invalid_credentials`; once the password is right, `Forbidden` where the person does
    /// not belong to the tenant that was asked for, or the tenant is suspended.
    pub async fn sign_in(&self, given: SignIn, request: RequestContext) -> Result<SignedIn, Error> {
        let system = Caller::system(SystemReason::Authentication).with_request(Arc::new(request));
        // An address that cannot exist costs as much as one that is unknown.
        let credentials = match Email::parse(&given.email) {
            Ok(email) => self.database.platform(&system).read().await?.users().credentials(&email).await?,
            Err(_) => None,
        };
        let (user, hash) = match credentials {
            Some(credentials) => (Some(credentials.user), credentials.password_hash),
            None => (None, None),
        };
        let verified = self.passwords.verify(given.password, hash).await?;
        let mut tx = self.database.platform(&system).write().await?;
        // Who was tried is written down, so that guessing at one person shows.
        let known = user.as_ref().map(|user| user.id);
        let Some(user) = user.filter(|user| verified && user.status == UserStatus::Active) else {
            tx.audit_user(Action::LoginFailed, known).await?;
            tx.commit().await?;
            return Err(refused());
        };
        let tenant = match &given.tenant {
            Some(text) => {
                let tenant = match Slug::parse(text) {
                    Ok(slug) => tx.tenants().find_by_slug(&slug).await?,
                    Err(_) => None,
                };
                // A tenant that does not exist answers as one that the person does not belong to.
                let unknown = TenantId::from_u128(0);
                Some(tenant.map_or(unknown, |tenant| tenant.id))
            }
            None => tx.principals().first_tenant(user.id).await?,
        };
        let principal = tx.principals().load(user.id, tenant).await?.ok_or_else(refused)?;
        let now = tx.now();
        if let Err(refusal) = admit(&principal, tenant) {
            tx.audit_user(Action::LoginFailed, known).await?;
            tx.commit().await?;
            return Err(refusal);
        }
        let session = tx.sessions().open(user.id, now + chrono::TimeDelta::hours(SESSION_HOURS)).await?;
        tx.audit_user(Action::Login, known).await?;
        tx.commit().await?;
        let (access_token, expires_at) = self.tokens.issue(user.id, session.id, tenant, now)?;
        Ok(SignedIn { access_token, expires_at, user_id: user.id, session_id: session.id, tenant_id: tenant })
    }
}
