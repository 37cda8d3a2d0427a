//! The only maker of a `Caller`.

use crate::api_key::{ApiKeyTexts, KeyEnvironment, looks_like_one};
use crate::flow::impersonate::IMPERSONATE;
use crate::flow::people_only;
use crate::identity::{Identities, Place};
use crate::key_ring::KeyRing;
use crate::mail::Links;
use crate::password::Passwords;
use crate::refresh_token::RefreshTokens;
use crate::second_factor::Authenticators;
use crate::settings::AuthSettings;
use crate::snapshot::SnapshotKey;
use crate::throttle;
use crate::token::{AccessClaims, TokenAlgorithm, Tokens};
use crate::wrong_keys::WrongKeys;
#[cfg(feature = "axum")]
use crate::{key_ring::Purpose, mac::MacKey};
use mono_core::api::jwks::JwkSet;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::TenantId;
use mono_core::model::auth_policy::AuthPolicy;
use mono_core::permission::RateLimitTier;
use mono_core::{Error, ErrorKind};
use mono_storage::cache::LayerCounts;
use mono_storage::db::Database;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Turns secrets into callers. Cheap to clone; all clones share keys and caches.
#[derive(Clone)]
pub struct Authenticator {
    /// One pointer: every request copies it several times.
    pub(crate) inner: Arc<Inner>,
}

#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) refresh_tokens: Arc<RefreshTokens>,
    #[cfg(feature = "axum")]
    pub(crate) csrf: Arc<MacKey>,
    pub(crate) snapshots: Arc<SnapshotKey>,
    pub(crate) identities: Identities,
    pub(crate) authenticators: Arc<Authenticators>,
    pub(crate) api_keys: Arc<ApiKeyTexts>,
    pub(crate) wrong_keys: WrongKeys,
    /// Places of tries that wait until others are judged.
    pub(crate) waiting: Arc<Semaphore>,
    pub(crate) links: Arc<Links>,
}

impl Authenticator {
    /// An authenticator over a database and a key ring.
    ///
    /// # Errors
    /// `Internal` where hashing or key derivation does not work on this machine.
    pub fn new(database: Database, keys: &KeyRing) -> Result<Self, Error> {
        let inner = Inner {
            passwords: Passwords::new(database.random())?,
            tokens: Arc::new(Tokens::new(keys, TokenAlgorithm::default())?),
            refresh_tokens: Arc::new(RefreshTokens::new(keys)?),
            #[cfg(feature = "axum")]
            csrf: Arc::new(MacKey::new(keys, Purpose::Csrf)?),
            snapshots: Arc::new(SnapshotKey::new(keys)?),
            identities: Identities::new(database.clone()),
            authenticators: Arc::new(Authenticators::new(keys.clone(), AuthSettings::default().issuer)),
            api_keys: Arc::new(ApiKeyTexts::new(keys, KeyEnvironment::default())?),
            wrong_keys: WrongKeys::new(),
            waiting: Arc::new(Semaphore::new(throttle::WAITING)),
            links: Arc::default(),
            database,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The same authenticator, which signs access tokens in another way.
    ///
    /// # Errors
    /// `Internal` where key derivation does not work on this machine.
    pub fn with_algorithm(mut self, keys: &KeyRing, algorithm: TokenAlgorithm) -> Result<Self, Error> {
        Arc::make_mut(&mut self.inner).tokens = Arc::new(Tokens::new(keys, algorithm)?);
        Ok(self)
    }

    /// The public keys with which others verify access tokens; none where they are signed with a secret.
    pub fn jwks(&self) -> JwkSet {
        self.inner.tokens.jwks()
    }

    /// Lets the links in mails lead somewhere else than to this machine.
    pub fn with_links(mut self, links: Links) -> Self {
        Arc::make_mut(&mut self.inner).links = Arc::new(links);
        self
    }

    /// The same authenticator, for an installation that decides otherwise about signing in.
    ///
    /// # Errors
    /// `Validation` that names every setting that nobody could sign in with.
    pub fn with_settings(mut self, settings: AuthSettings) -> Result<Self, Error> {
        settings.check()?;
        let inner = Arc::make_mut(&mut self.inner);
        inner.authenticators = Arc::new(inner.authenticators.named(settings.issuer.clone()));
        inner.identities.set_settings(settings);
        Ok(self)
    }

    /// What the platform asks of everybody who signs in.
    pub fn policy(&self) -> &AuthPolicy {
        &self.inner.identities.settings.policy
    }

    /// The same authenticator, for API keys of another environment.
    ///
    /// # Errors
    /// `Internal` where key derivation does not work on this machine.
    pub fn with_environment(mut self, keys: &KeyRing, environment: KeyEnvironment) -> Result<Self, Error> {
        Arc::make_mut(&mut self.inner).api_keys = Arc::new(ApiKeyTexts::new(keys, environment)?);
        Ok(self)
    }

    /// Checks a bearer token, an access token or an API key, and makes the caller that it stands for. `tenant` selects
    /// another of the person's tenants than the one in the token; it never grants.
    ///
    /// # Errors
    /// `Unauthorized` where token or session do not hold; `Forbidden` where person or tenant are suspended, or the
    /// person does not belong to the tenant. For API keys as [`authenticate_key`](Self::authenticate_key).
    pub async fn authenticate(
        &self,
        token: &str,
        tenant: Option<TenantId>,
        request: RequestContext,
    ) -> Result<Caller, Error> {
        if looks_like_one(token) {
            return self.authenticate_key(token, tenant, request).await;
        }
        self.authenticate_session(token, tenant, request).await
    }

    /// As [`authenticate`](Self::authenticate), for access tokens alone: an API key is refused as what it is not.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub async fn authenticate_session(
        &self,
        token: &str,
        tenant: Option<TenantId>,
        request: RequestContext,
    ) -> Result<Caller, Error> {
        let claims = self.inner.tokens.read(token, self.inner.database.now())?;
        let tenant = tenant.or(claims.tid);
        self.caller_of(&claims, Place::Tenant(tenant), request).await
    }

    /// As [`authenticate`](Self::authenticate), for what concerns the person alone: in no tenant, whatever the token says.
    ///
    /// # Errors
    /// `Unauthorized` where token or session do not hold; `Forbidden` where the person is suspended, or with code
    /// `people_only` for an API key.
    pub async fn authenticate_person(&self, token: &str, request: RequestContext) -> Result<Caller, Error> {
        if looks_like_one(token) {
            self.authenticate_key(token, None, request).await?;
            return Err(people_only());
        }
        let claims = self.inner.tokens.read(token, self.inner.database.now())?;
        self.caller_of(&claims, Place::Person, request).await
    }

    async fn caller_of(
        &self,
        claims: &AccessClaims,
        place: Place,
        request: RequestContext,
    ) -> Result<Caller, Error> {
        let identity = self.inner.identities.of_session(claims.sid, claims.sub, place).await?;
        #[expect(clippy::disallowed_methods, reason = "token and session have just been checked")]
        Ok(Caller::mint(identity, Arc::new(request)))
    }

    /// Tells which budget of the rate limiter a permission draws on; `None` where the catalogue does not have it.
    ///
    /// # Errors
    /// `Unavailable` where the catalogue cannot be read.
    pub async fn rate_limit_tiers(&self) -> Result<impl Fn(&str) -> Option<RateLimitTier> + use<>, Error> {
        let catalogue = self.inner.identities.catalogue().await?;
        Ok(move |permission: &str| catalogue.rate_limit_tier(permission))
    }

    /// The passwords of the installation.
    pub fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    /// Forgets what is cached about permissions, plans and sessions, so that the next call sees the present state.
    pub fn forget(&self) {
        self.inner.identities.forget();
    }

    /// What the layers have counted that keep what people and API keys may do, and the catalogue, each with its name.
    pub fn cache_counts(&self) -> [(&'static str, LayerCounts); 3] {
        self.inner.identities.counts()
    }

    /// Checks that the stored catalogue is whole and has every permission that the program asks for.
    ///
    /// # Errors
    /// `Internal` with every problem, each with its place.
    pub async fn check_catalogue(&self) -> Result<(), Error> {
        let catalogue = self.inner.identities.catalogue().await?;
        let required = [mono_storage::store::required_permissions(), vec![IMPERSONATE]].concat();
        let problems = catalogue.missing(&required);
        if problems.is_empty() {
            return Ok(());
        }
        let list = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
        let message = format!("the catalogue lacks permissions that the program asks for:\n  {list}");
        Err(Error::new(ErrorKind::Internal, "catalogue_incomplete", message))
    }
}
