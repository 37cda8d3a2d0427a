//! Sign in with e-mail address and password.

use super::open_session::{Entrance, SignInAnswer};
use super::system;
use crate::authenticator::Authenticator;
use crate::identity::admit;
use crate::throttle;
use mono_core::Error;
use mono_core::api::auth::refused;
use mono_core::audit::Action;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::{TenantId, UserId};
use mono_core::model::auth_policy::SignInMethod;
use mono_core::model::user::UserStatus;
use mono_core::text::{Domain, Email, Slug};
use mono_storage::db::{PlatformTx, retry};
use mono_storage::store::{Attempt, Credentials};
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
    /// network, or `attempts_in_flight` where it had to wait too long for others that are looked at; `Unauthorized` with
    /// code `invalid_credentials`; once the password is right, `Forbidden` where the person does not belong to the tenant
    /// that was asked for, or the tenant is suspended.
    pub async fn sign_in(&self, given: SignIn, request: RequestContext) -> Result<SignInAnswer, Error> {
        let throttles = throttle::attempts(throttle::SIGN_IN, &given.email, &request);
        let system = system(request);
        let attempt = self.reserve(&system, &throttles).await?;
        let authenticator = self.clone();
        throttle::judged(async move { authenticator.judge(given, &system, &attempt).await }).await
    }

    async fn judge(&self, given: SignIn, system: &Caller, attempt: &Attempt) -> Result<SignInAnswer, Error> {
        tokio::time::sleep(throttle::delay(attempt)).await;
        loop {
            // An address that cannot exist costs as much as one that is unknown.
            let found = match Email::parse(&given.email) {
                Ok(email) => {
                    self.inner.database.platform(system).read().await?.users().credentials(&email).await?
                }
                Err(_) => None,
            };
            let hash = found.as_ref().and_then(|found| found.password_hash.clone());
            let verified = self.inner.passwords.verify(given.password.clone(), hash.clone()).await?;
            let (slug, host) = (given.tenant.as_deref(), given.host.as_deref());
            // By itself: the whole, run once more, would count another attempt.
            let settle = || Box::pin(self.settle(system, attempt, found.as_ref(), verified, slug, host));
            let Some(answer) = retry(settle).await? else { continue };
            if let (Some(found), Some(hash)) =
                (&found, hash.filter(|hash| self.inner.passwords.is_outdated(hash)))
                && let Err(error) = self.rehash(system, found.user.id, &hash, given.password).await
            {
                tracing::warn!("a password is hashed anew at the next sign-in: {error}");
            }
            return Ok(answer);
        }
    }

    /// Lets a person in whose password was right, or records that somebody tried. `None` where the hash is another one
    /// meanwhile, perhaps of the same password: it is looked at again.
    async fn settle(
        &self,
        system: &Caller,
        attempt: &Attempt,
        found: Option<&Credentials>,
        verified: bool,
        slug: Option<&str>,
        host: Option<&str>,
    ) -> Result<Option<SignInAnswer>, Error> {
        let mut tx = self.inner.database.platform(system).write().await?;
        let Some(found) = found.filter(|found| verified && found.user.status == UserStatus::Active) else {
            tx.throttles().keep(attempt).await?;
            // Who was tried is written down, so that guessing at one person shows.
            tx.audit_user(Action::LoginFailed, found.map(|found| found.user.id)).await?;
            tx.commit().await?;
            return Err(refused());
        };
        // A change of the password that came meanwhile is seen, and one that comes now ends the session.
        let held = tx.users().hold(found.user.id).await?;
        if held.is_none_or(|held| held.password_hash != found.password_hash) {
            return Ok(None);
        }
        tx.throttles().release(attempt).await?;
        let user = found.user.id;
        let tenant = wanted_tenant(&mut tx, user, slug, host).await?;
        self.open_session(tx, user, Entrance { tenant, method: SignInMethod::Password }).await.map(Some)
    }

    /// Hashes a password as passwords are hashed today.
    async fn rehash(
        &self,
        system: &Caller,
        user: UserId,
        old: &str,
        password: SecretString,
    ) -> Result<(), Error> {
        let new = self.inner.passwords.hash(password, self.inner.database.random()).await?;
        let mut tx = self.inner.database.platform(system).write().await?;
        tx.users().rehash(user, old, &new).await?;
        tx.commit().await
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
