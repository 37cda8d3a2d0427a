//! The only maker of a `Caller`.

use crate::flow::impersonate::IMPERSONATE;
use crate::identity::Identities;
use crate::key_ring::KeyRing;
use crate::mail::Links;
use crate::password::Passwords;
use crate::refresh_token::RefreshTokens;
use crate::snapshot::SnapshotKey;
use crate::token::{AccessClaims, Tokens};
#[cfg(feature = "axum")]
use crate::{key_ring::Purpose, mac::MacKey};
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::TenantId;
use mono_core::permission::RateLimitTier;
use mono_core::{Error, ErrorKind};
use mono_storage::db::Database;
use std::sync::Arc;

/// Turns secrets into callers. Cheap to clone; all clones share keys and caches.
#[derive(Clone)]
pub struct Authenticator {
    pub(crate) database: Database,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) refresh_tokens: Arc<RefreshTokens>,
    #[cfg(feature = "axum")]
    pub(crate) csrf: Arc<MacKey>,
    pub(crate) snapshots: Arc<SnapshotKey>,
    pub(crate) identities: Identities,
    pub(crate) links: Arc<Links>,
}

impl Authenticator {
    /// An authenticator over a database and a key ring.
    ///
    /// # Errors
    /// `Internal` where hashing or key derivation does not work on this machine.
    pub fn new(database: Database, keys: &KeyRing) -> Result<Self, Error> {
        Ok(Self {
            passwords: Passwords::new(database.random())?,
            tokens: Arc::new(Tokens::new(keys)?),
            refresh_tokens: Arc::new(RefreshTokens::new(keys)?),
            #[cfg(feature = "axum")]
            csrf: Arc::new(MacKey::new(keys, Purpose::Csrf)?),
            snapshots: Arc::new(SnapshotKey::new(keys)?),
            identities: Identities::new(database.clone()),
            links: Arc::default(),
            database,
        })
    }

    /// Lets the links in mails lead somewhere else than to this machine.
    pub fn with_links(mut self, links: Links) -> Self {
        self.links = Arc::new(links);
        self
    }

    /// Checks a bearer token and makes the caller that it stands for. `tenant` selects another of the person's
    /// tenants than the one in the token; it never grants.
    ///
    /// # Errors
    /// `Unauthorized` where token or session do not hold; `Forbidden` where person or tenant are suspended, or the
    /// person does not belong to the tenant.
    pub async fn authenticate(
        &self,
        token: &str,
        tenant: Option<TenantId>,
        request: RequestContext,
    ) -> Result<Caller, Error> {
        let claims = self.tokens.read(token, self.database.now())?;
        let tenant = tenant.or(claims.tid);
        self.caller_of(&claims, tenant, request).await
    }

    /// As [`authenticate`](Self::authenticate), for what concerns the person alone: in no tenant, whatever the token says.
    ///
    /// # Errors
    /// `Unauthorized` where token or session do not hold; `Forbidden` where the person is suspended.
    pub async fn authenticate_person(&self, token: &str, request: RequestContext) -> Result<Caller, Error> {
        let claims = self.tokens.read(token, self.database.now())?;
        self.caller_of(&claims, None, request).await
    }

    async fn caller_of(
        &self,
        claims: &AccessClaims,
        tenant: Option<TenantId>,
        request: RequestContext,
    ) -> Result<Caller, Error> {
        let identity = self.identities.of_session(claims.sid, claims.sub, tenant).await?;
        #[expect(clippy::disallowed_methods, reason = "token and session have just been checked")]
        Ok(Caller::mint(identity, Arc::new(request)))
    }

    /// The budget of the rate limiter that a permission draws on; `None` where the catalogue does not have it.
    ///
    /// # Errors
    /// `Unavailable` where the catalogue cannot be read.
    pub async fn rate_limit_tier(&self, permission: &str) -> Result<Option<RateLimitTier>, Error> {
        Ok(self.identities.catalogue().await?.rate_limit_tier(permission))
    }

    /// The passwords of the installation.
    pub const fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Forgets what is cached about permissions, plans and sessions, so that the next call sees the present state.
    pub fn forget(&self) {
        self.identities.forget();
    }

    /// Checks that the stored catalogue is whole and has every permission that the program asks for.
    ///
    /// # Errors
    /// `Internal` with every problem, each with its place.
    pub async fn check_catalogue(&self) -> Result<(), Error> {
        let catalogue = self.identities.catalogue().await?;
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
