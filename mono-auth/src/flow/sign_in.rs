//! Sign in with e-mail address and password.

use super::{SESSION_HOURS, SignedIn, system};
use crate::authenticator::Authenticator;
use crate::identity::admit;
use crate::throttle;
use mono_core::Error;
use mono_core::api::auth::refused;
use mono_core::audit::Action;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::{TenantId, UserId};
use mono_core::model::user::{User, UserStatus};
use mono_core::text::{Domain, Email, Slug};
use mono_storage::db::{PlatformTx, retry};
use mono_storage::store::{Attempt, NewSession};
use secrecy::SecretString;

/// What a person gives to sign in.
pub struct SignIn {
    /// The e-mail address, as it was typed.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// The slug of the tenant to work in; without it the tenant of the domain is taken, or the oldest membership.
    pub tenant: Option<String>,
    /// The name of the host that the person signs in at: the domain of a tenant, perhaps.
    pub host: Option<String>,
}

impl SignIn {
    /// A login to the first tenant of the person.
    pub fn new(email: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self { email: email.into(), password: password.into(), tenant: None, host: None }
    }
}

impl Authenticator {
    /// Signs a person in. The answer to a wrong address, a wrong password and a suspended person is one and the same,
    /// and takes equally long.
    ///
    /// # Errors
    /// `RateLimited` with code `too_many_attempts` after five failures in fifteen minutes at one address from one
    /// network; `Unauthorized` with code `invalid_credentials`; once the password is right, `Forbidden` where the person
    /// does not belong to the tenant that was asked for, or the tenant is suspended.
    pub async fn sign_in(&self, given: SignIn, request: RequestContext) -> Result<SignedIn, Error> {
        let throttles = throttle::sign_in(&given.email, &request);
        let system = system(request);
        // Written down before anything is looked at: fifty guesses at once cost five.
        let mut tx = self.database.platform(&system).write().await?;
        let attempt = tx.throttles().reserve(&throttles).await?;
        tx.commit().await?;
        let tries = attempt.counts.get(throttle::ADDRESS).copied().unwrap_or_default();
        tokio::time::sleep(throttle::delay(tries)).await;

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
        let (slug, host) = (given.tenant.as_deref(), given.host.as_deref());
        // By itself: the whole, run once more, would count another attempt.
        retry(|| Box::pin(self.settle(&system, &attempt, user.as_ref(), verified, slug, host))).await
    }

    /// Lets a person in whose password was right, or records that somebody tried.
    async fn settle(
        &self,
        system: &Caller,
        attempt: &Attempt,
        user: Option<&User>,
        verified: bool,
        slug: Option<&str>,
        host: Option<&str>,
    ) -> Result<SignedIn, Error> {
        let mut tx = self.database.platform(system).write().await?;
        // Who was tried is written down, so that guessing at one person shows.
        let known = user.map(|user| user.id);
        let Some(user) = user.filter(|user| verified && user.status == UserStatus::Active) else {
            tx.audit_user(Action::LoginFailed, known).await?;
            tx.commit().await?;
            return Err(refused());
        };
        tx.throttles().release(attempt).await?;
        let tenant = wanted_tenant(&mut tx, user.id, slug, host).await?;
        let principal = tx.principals().load(user.id, tenant).await?.ok_or_else(refused)?;
        if let Err(refusal) = admit(&principal, tenant) {
            tx.audit_user(Action::LoginFailed, known).await?;
            tx.commit().await?;
            return Err(refusal);
        }
        let now = tx.now();
        let expires_at = now + chrono::TimeDelta::hours(SESSION_HOURS);
        let session =
            tx.sessions().open(NewSession { tenant, ..NewSession::new(user.id, expires_at) }).await?;
        tx.audit_user(Action::Login, known).await?;
        tx.commit().await?;
        self.tokens_of(&session, now)
    }
}

/// The tenant that a person who signs in works in: the one that is named, the one whose domain it is if they belong to
/// it, or the first.
pub(crate) async fn wanted_tenant(
    tx: &mut PlatformTx,
    user: UserId,
    slug: Option<&str>,
    host: Option<&str>,
) -> Result<Option<TenantId>, Error> {
    if let Some(text) = slug {
        let tenant = match Slug::parse(text) {
            Ok(slug) => tx.tenants().find_by_slug(&slug).await?,
            Err(_) => None,
        };
        // A tenant that does not exist answers as one that the person does not belong to.
        return Ok(Some(tenant.map_or(TenantId::from_u128(0), |tenant| tenant.id)));
    }
    if let Some(domain) = host.and_then(|host| Domain::parse(host).ok()) {
        let tenant = tx.principals().tenant_of_domain(&domain).await?;
        let principal = tx.principals().load(user, tenant).await?;
        if tenant.is_some() && principal.is_some_and(|principal| admit(&principal, tenant).is_ok()) {
            return Ok(tenant);
        }
    }
    tx.principals().first_tenant(user).await
}
