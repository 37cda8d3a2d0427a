//! What a person may do in a tenant, kept for a few seconds.

mod facts;
mod layer;
mod policy;

pub(crate) use policy::fresh_until;

use crate::api_key::{ApiKeyTexts, ShownKey};
use crate::flow::api_keys::{expired, invalid, revoked};
use crate::flow::impersonate::IMPERSONATE;
use crate::secret;
use crate::settings::AuthSettings;
use facts::weight;
use layer::{Kept, Layer};
use mono_core::caller::{Actor, Caller, Freshness, Identity, SystemReason};
use mono_core::error::Problem;
use mono_core::id::{MemberId, SessionId, TenantId, UserId};
use mono_core::model::api_key::ApiKey;
use mono_core::model::tenant::TenantStatus;
use mono_core::model::user::UserStatus;
use mono_core::permission::{Engine, KeyRestriction, Permission, RateLimitTier, Scope};
use mono_core::subscription::PlanCatalogue;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::bus::Tag;
use mono_storage::cache::LayerCounts;
use mono_storage::db::Database;
use mono_storage::store::{Definitions, Principal, TenantPart};
use std::sync::Arc;
use std::time::Duration;

/// How long each of the two caches may be out of date, from the begin of its load on. A person is worked out from a
/// catalogue that is as old already: together they stay within the five seconds that the security rules allow.
const STALE_FOR: Duration = Duration::from_millis(2500);
/// How often the use of an API key is noted at most.
const NOTED_EVERY: Duration = Duration::from_mins(1);
/// How many bytes the rights of people take up at most, and those of API keys.
const CAPACITY: u64 = 128 << 20;

type Key = (SessionId, UserId, Place);

/// Where a person acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// In a tenant, or above all of them.
    Tenant(Option<TenantId>),
    /// Nowhere: they look after their own sign-in.
    Person,
}

/// The people who have called within the last seconds.
#[derive(Clone)]
pub(crate) struct Identities {
    database: Database,
    pub(crate) settings: Arc<AuthSettings>,
    known: Layer<Key, Arc<Identity>>,
    /// By the hash of the whole text: another secret is another entry.
    keys: Layer<String, KnownKey>,
    catalogue: Layer<(), Arc<Catalogue>>,
}

/// An API key that was found to be right.
#[derive(Clone)]
pub(crate) struct KnownKey {
    pub(crate) identity: Arc<Identity>,
    /// Looked at with every use: a key ends to the second.
    pub(crate) expires_at: Timestamp,
}

/// The stored catalogue, made ready for questions.
pub(crate) struct Catalogue {
    engine: Engine,
    plans: PlanCatalogue,
}

impl Catalogue {
    fn build(definitions: Definitions) -> Result<Self, Error> {
        let (engine, plans) = definitions.compile().map_err(|problems| {
            let list = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
            let message = format!("the stored catalogue is not whole:\n  {list}");
            Error::new(ErrorKind::Internal, "catalogue_broken", message)
        })?;
        Ok(Self { engine, plans })
    }

    pub(crate) fn rate_limit_tier(&self, permission: &str) -> Option<RateLimitTier> {
        self.engine.entry(permission).map(|entry| entry.rate_limit)
    }

    /// The permissions that the catalogue lacks, each with the place that asks for it.
    pub(crate) fn missing(&self, required: &[Permission]) -> Vec<Problem> {
        self.engine.require(required).err().unwrap_or_default()
    }
}

impl Identities {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            settings: Arc::default(),
            known: Layer::new(database.bus(), CAPACITY),
            keys: Layer::new(database.bus(), CAPACITY),
            catalogue: Layer::new(database.bus(), 1),
            database,
        }
    }

    pub(crate) fn set_settings(&mut self, settings: AuthSettings) {
        self.settings = Arc::new(settings);
    }

    pub(crate) fn forget(&self) {
        self.known.forget();
        self.keys.forget();
        self.catalogue.forget();
    }

    /// What each layer has counted.
    pub(crate) fn counts(&self) -> [(&'static str, LayerCounts); 3] {
        [
            ("sessions", self.known.counts()),
            ("api_keys", self.keys.counts()),
            ("catalogue", self.catalogue.counts()),
        ]
    }

    /// The catalogue as it is stored.
    pub(crate) async fn catalogue(&self) -> Result<Arc<Catalogue>, Error> {
        let load = || async {
            let stamp = self.database.bus().stamp([(None, &Tag::RIGHTS)]);
            let system = Caller::system(SystemReason::Authentication);
            let definitions = self.database.platform(&system).read().await?.catalogue().load().await?;
            Ok(Kept { stamp, value: Catalogue::build(definitions).map(Arc::new)?, weight: 1 })
        };
        self.catalogue.get((), load).await
    }

    /// Who stands behind a session, in a tenant or above all of them.
    pub(crate) async fn of_session(
        &self,
        session: SessionId,
        user: UserId,
        place: Place,
    ) -> Result<Arc<Identity>, Error> {
        let tenant = match place {
            Place::Tenant(tenant) => tenant,
            Place::Person => None,
        };
        let person = Tag::user(user);
        let load = || async {
            let tags = [(tenant, &Tag::RIGHTS), (None, &Tag::RIGHTS), (None, &person)];
            let mut stamp = self.database.bus().stamp(tags);
            let system = Caller::system(SystemReason::Authentication);
            let mut tx = self.database.platform(&system).read().await?;
            let live = tx.sessions().find(session).await?;
            let live = live.filter(|live| live.user_id == user && live.is_live(self.database.now()));
            let live = live.ok_or_else(ended)?;
            let impersonator = live.impersonator_id;
            let principal = tx.principals().load(user, tenant).await?.ok_or_else(ended)?;
            let staff = match impersonator {
                Some(staff) => {
                    stamp = self.database.bus().widen(stamp, [(None, &Tag::user(staff))]);
                    Some(tx.principals().load(staff, None).await?.ok_or_else(ended)?)
                }
                None => None,
            };
            // Given back before the catalogue asks for a connection too: who holds one must not wait for another.
            drop(tx);
            let catalogue = self.catalogue().await?;
            if let Some(staff) = &staff {
                self.require_impersonation(&catalogue, staff)?;
            }
            // Where they began, and nowhere else: the other tenants of the person were told of nothing.
            if impersonator.is_some() && tenant.is_some() && tenant != live.chosen_tenant_id {
                return Err(not_a_member());
            }
            // A membership that has ended says so before anything is asked of it.
            admit(&principal, tenant)?;
            self.hold(&principal, &live)?;
            if place != Place::Person {
                self.require_second_factor(&catalogue, &principal, &live)?;
            }
            let freshness = if impersonator.is_some() {
                Freshness::Impersonated
            } else {
                let fresh_for = self.settings.fresh_for;
                Freshness::Until(fresh_until(&live, principal.second_factor, fresh_for))
            };
            let actor = |member| Actor::User { user, member, session, impersonator };
            let identity = self.identity(&catalogue, &principal, tenant, None, actor)?;
            let weight = weight(&principal);
            Ok(Kept { stamp, value: Arc::new(Identity { freshness, ..identity }), weight })
        };
        self.known.get((session, user, place), load).await
    }

    /// Who stands behind an API key: its owner, in its tenant.
    pub(crate) async fn of_key(
        &self,
        texts: &ApiKeyTexts,
        text: &str,
        shown: &ShownKey,
    ) -> Result<KnownKey, Error> {
        let load = || async {
            let stamp = self.database.bus().stamp([(None, &Tag::RIGHTS), (None, &Tag::api_key(shown.id))]);
            let system = Caller::system(SystemReason::Authentication);
            let mut tx = self.database.platform(&system).read().await?;
            let stored = tx.api_keys().find(shown.id).await?;
            let verified = texts.verify(shown, stored.as_ref().map(|stored| stored.hash.as_str()));
            let key = stored.filter(|_| verified).ok_or_else(invalid)?.key;
            if key.revoked_at.is_some() {
                return Err(revoked());
            }
            if !key.is_live(self.database.now()) {
                return Err(expired());
            }
            let (tenant, owner) = (Some(key.tenant_id), Tag::user(key.owner_id));
            let stamp = self.database.bus().widen(stamp, [(tenant, &Tag::RIGHTS), (None, &owner)]);
            let principal = tx.principals().load(key.owner_id, tenant).await?.ok_or_else(invalid)?;
            drop(tx);
            let catalogue = self.catalogue().await?;
            let at = key
                .account_id
                .map_or(Scope::tenant(key.tenant_id), |account| Scope::account(key.tenant_id, account));
            let restriction = KeyRestriction { scopes: key.scopes.clone(), at };
            let actor = |member| Actor::ApiKey { key: key.id, user: key.owner_id, member };
            let identity = self.identity(&catalogue, &principal, tenant, Some(restriction), actor)?;
            if let Err(error) = self.touch(&key, &texts.hash(shown)?).await {
                tracing::warn!(key = %key.id, "the use of an API key could not be noted: {error}");
            }
            let value = KnownKey { identity: Arc::new(identity), expires_at: key.expires_at };
            Ok(Kept { stamp, value, weight: weight(&principal) })
        };
        self.keys.get(secret::hash(text), load).await
    }

    /// Notes that a key was used, once a minute.
    async fn touch(&self, key: &ApiKey, hash: &str) -> Result<(), Error> {
        let since = self.database.now() - NOTED_EVERY;
        if key.last_used_at.is_some_and(|at| at >= since) {
            return Ok(());
        }
        let system = Caller::system(SystemReason::Authentication);
        let mut tx = self.database.platform(&system).write().await?;
        tx.api_keys().touch(key.id, since, hash).await?;
        tx.commit().await
    }

    /// Ends what support staff do as somebody as soon as they may do so no more.
    fn require_impersonation(&self, catalogue: &Catalogue, staff: &Principal) -> Result<(), Error> {
        admit(staff, None)?;
        let rights = self.rights(catalogue, staff);
        let permissions = rights.engine.compile(&rights.facts);
        if permissions.check(IMPERSONATE, &Scope::platform(), self.database.now()) {
            return Ok(());
        }
        Err(ended())
    }

    /// Works out what a principal may do, all of it or as far as its API key reaches, or refuses it as a whole.
    pub(crate) fn identity(
        &self,
        catalogue: &Catalogue,
        principal: &Principal,
        tenant: Option<TenantId>,
        key: Option<KeyRestriction>,
        actor: impl FnOnce(Option<MemberId>) -> Actor,
    ) -> Result<Identity, Error> {
        let part = admit(principal, tenant)?;
        let mut rights = self.rights(catalogue, principal);
        rights.facts.key = key;
        let permissions = rights.engine.compile(&rights.facts);
        if permissions.is_faulty() {
            tracing::error!(?tenant, "a stored deny cannot be read: this principal may do nothing");
        }
        Ok(Identity {
            actor: actor(part.and_then(|part| part.member).map(|(id, _)| id)),
            tenant,
            permissions: Some(permissions),
            facts: rights.facts,
            freshness: Freshness::Exempt,
            entitlements: rights.entitlements,
            account_entitlements: rights.account_entitlements,
        })
    }
}

/// Refuses a principal that may not work at all; gives the part of it that lies in the tenant.
pub(crate) fn admit(principal: &Principal, tenant: Option<TenantId>) -> Result<Option<&TenantPart>, Error> {
    let forbidden = |code: &'static str, message: &str| Err(Error::new(ErrorKind::Forbidden, code, message));
    if principal.status != UserStatus::Active {
        return forbidden("user_suspended", "this user is suspended");
    }
    if tenant.is_none() {
        return Ok(None);
    }
    let Some(part) = &principal.tenant else {
        return Err(not_a_member());
    };
    if part.member.is_none() && principal.assignments.is_empty() {
        return Err(not_a_member());
    }
    if part.member.is_some_and(|(_, status)| status != UserStatus::Active) {
        return forbidden("member_suspended", "this membership is suspended");
    }
    match part.status {
        TenantStatus::Active => Ok(Some(part)),
        TenantStatus::Archived => forbidden("tenant_archived", "this tenant is archived; its data is kept"),
        _ => forbidden("tenant_suspended", "this tenant is suspended; its data is kept"),
    }
}

fn not_a_member() -> Error {
    Error::new(ErrorKind::Forbidden, "not_a_member", "this user does not belong to the tenant")
}

pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::Unauthorized, "session_ended", "the session has ended; sign in again")
}
