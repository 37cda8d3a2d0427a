//! What a person may do in a tenant, kept for a few seconds.

use crate::api_key::{ApiKeyTexts, ShownKey};
use crate::flow::api_keys::{expired, invalid, revoked};
use crate::flow::impersonate::IMPERSONATE;
use crate::secret;
use crate::settings::AuthSettings;
use chrono::TimeDelta;
use moka::future::Cache;
use mono_core::caller::{Actor, Caller, Freshness, Identity, SystemReason};
use mono_core::error::Problem;
use mono_core::id::{AccountId, MemberId, SessionId, TenantId, UserId};
use mono_core::model::api_key::ApiKey;
use mono_core::model::auth_policy::{AuthPolicy, SignInMethod};
use mono_core::model::session::Session;
use mono_core::model::tenant::TenantStatus;
use mono_core::model::user::UserStatus;
use mono_core::permission::{
    self, Engine, KeyRestriction, Permission, RateLimitTier, Role, Scope, TenantFeatures,
};
use mono_core::subscription::{Entitlements, PlanCatalogue};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::bus::{Stamp, Tag};
use mono_storage::db::Database;
use mono_storage::store::{Definitions, Principal, TenantPart};
use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// How long each of the two caches may be out of date. A person is worked out from a catalogue that is as old already:
/// together they stay within the five seconds that the security rules allow.
const STALE_FOR: Duration = Duration::from_millis(2500);
/// How often the use of an API key is noted at most.
const NOTED_EVERY: Duration = Duration::from_mins(1);
/// How many people's rights are kept at most.
const CAPACITY: u64 = 100_000;

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
    known: Cache<Key, Kept<Arc<Identity>>>,
    /// By the hash of the whole text: another secret is another entry.
    keys: Cache<String, Kept<KnownKey>>,
    catalogue: Cache<(), Kept<Arc<Catalogue>>>,
}

/// What was loaded, with the state of its tags from before the load.
#[derive(Clone)]
struct Kept<V> {
    stamp: Stamp,
    value: V,
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
            database,
            settings: Arc::default(),
            known: Cache::builder().max_capacity(CAPACITY).time_to_live(STALE_FOR).build(),
            keys: Cache::builder().max_capacity(CAPACITY).time_to_live(STALE_FOR).build(),
            catalogue: Cache::builder().max_capacity(1).time_to_live(STALE_FOR).build(),
        }
    }

    pub(crate) fn with_settings(mut self, settings: AuthSettings) -> Self {
        self.settings = Arc::new(settings);
        self
    }

    pub(crate) fn forget(&self) {
        self.known.invalidate_all();
        self.keys.invalidate_all();
        self.catalogue.invalidate_all();
    }

    /// The catalogue as it is stored.
    pub(crate) async fn catalogue(&self) -> Result<Arc<Catalogue>, Error> {
        let load = || async {
            let stamp = self.database.bus().stamp([(None, &Tag::RIGHTS)]);
            let system = Caller::system(SystemReason::Authentication);
            let definitions = self.database.platform(&system).read().await?.catalogue().load().await?;
            Ok(Kept { stamp, value: Catalogue::build(definitions).map(Arc::new)? })
        };
        self.kept(&self.catalogue, (), load).await
    }

    /// Gives what is kept or loads it; what was changed since it was loaded is loaded again.
    async fn kept<K, V, F>(&self, cache: &Cache<K, Kept<V>>, key: K, load: impl Fn() -> F) -> Result<V, Error>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        F: Future<Output = Result<Kept<V>, Error>>,
    {
        let kept = cache.try_get_with(key.clone(), Box::pin(load())).await.map_err(shared)?;
        if self.database.bus().holds(&kept.stamp) {
            return Ok(kept.value);
        }
        // Also where the load of somebody else was joined, which had begun before the change.
        cache.invalidate(&key).await;
        let kept = cache.try_get_with(key, Box::pin(load())).await.map_err(shared)?;
        Ok(kept.value)
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
            Ok(Kept { stamp, value: Arc::new(Identity { freshness, ..identity }) })
        };
        self.kept(&self.known, (session, user, place), load).await
    }

    /// What the platform and the tenant together ask of who signs in.
    pub(crate) fn policy(&self, principal: &Principal) -> AuthPolicy {
        let platform = &self.settings.policy;
        principal
            .tenant
            .as_ref()
            .map_or_else(|| platform.clone(), |part| platform.tightened(&part.auth_policy))
    }

    /// Refuses a session that is too old for where it works, or began in a way that is not taken there; gives when it
    /// ends there at the latest.
    pub(crate) fn hold(&self, principal: &Principal, session: &Session) -> Result<Timestamp, Error> {
        let (policy, now) = (self.policy(principal), self.database.now());
        let ends = session.created_at + TimeDelta::hours(i64::from(policy.session_hours));
        let ends = session.expires_at.min(ends);
        if session.impersonator_id.is_some() {
            return Ok(ends);
        }
        let idle = policy.idle_minutes.map(|minutes| TimeDelta::minutes(i64::from(minutes)));
        if now >= ends || idle.is_some_and(|idle| now >= session.last_used_at + idle) {
            return Err(ended());
        }
        self.take(principal, session.method)?;
        Ok(ends)
    }

    /// Refuses a way to sign in that is not taken where the person wants to work.
    pub(crate) fn take(&self, principal: &Principal, method: SignInMethod) -> Result<(), Error> {
        if self.policy(principal).sign_in_methods.contains(&method) {
            return Ok(());
        }
        let message = format!("a sign-in by {method} is not taken here");
        Err(Error::new(ErrorKind::Forbidden, "sign_in_method_not_allowed", message))
    }

    /// Refuses a person whose role asks for a second factor that the session has not shown.
    fn require_second_factor(
        &self,
        catalogue: &Catalogue,
        principal: &Principal,
        session: &Session,
    ) -> Result<(), Error> {
        let needed = self.policy(principal).second_factor_roles;
        // Support staff have shown their own when they began.
        if needed.is_empty() || session.second_factor_at.is_some() || session.impersonator_id.is_some() {
            return Ok(());
        }
        let part = principal.tenant.as_ref();
        let own_roles = part.map(|part| part.roles.as_slice()).unwrap_or_default();
        let roles: BTreeMap<&str, &Role> =
            catalogue.engine.roles().iter().chain(own_roles).map(|role| (role.key.as_str(), role)).collect();
        let assignments = principal.assignments.iter().chain(part.iter().flat_map(|part| &part.assignments));
        let mut held: Vec<&str> = assignments.map(|assignment| assignment.role.as_str()).collect();
        let mut place = 0;
        while let Some(key) = held.get(place).copied() {
            if needed.contains(key) {
                let (code, message) = if principal.second_factor {
                    ("second_factor_required", "your role asks for the second factor: show its code")
                } else {
                    ("second_factor_enrolment_required", "your role asks for a second factor: enrol one")
                };
                return Err(Error::new(ErrorKind::Forbidden, code, message));
            }
            let parents = roles.get(key).into_iter().flat_map(|role| &role.parents);
            let parents: Vec<&str> = parents.map(String::as_str).filter(|key| !held.contains(key)).collect();
            held.extend(parents);
            place += 1;
        }
        Ok(())
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
            Ok(Kept { stamp, value })
        };
        self.kept(&self.keys, secret::hash(text), load).await
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

    /// What the permission engine is told about a principal, and the engine with the rules of the tenant.
    pub(crate) fn rights(&self, catalogue: &Catalogue, principal: &Principal) -> Rights {
        let Some(part) = &principal.tenant else {
            let entitlements = Entitlements::none();
            return Rights {
                engine: catalogue.engine.clone(),
                facts: facts(principal, &entitlements),
                entitlements,
                account_entitlements: BTreeMap::new(),
            };
        };
        let (entitlements, account_entitlements) = entitlements(catalogue, part, self.database.now());
        let rules = catalogue.engine.tenant_rules(part.tenant, part.roles.clone(), &part.overrides);
        for problem in rules.problems() {
            tracing::error!(tenant = %part.tenant, "a stored rule cannot be read and gives nothing: {problem}");
        }
        let engine = catalogue.engine.with_tenants([rules]);
        Rights { engine, facts: facts(principal, &entitlements), entitlements, account_entitlements }
    }
}

/// What decides about a principal, before it is compiled.
pub(crate) struct Rights {
    pub(crate) engine: Engine,
    pub(crate) facts: permission::Principal,
    entitlements: Entitlements,
    account_entitlements: BTreeMap<AccountId, Entitlements>,
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
    if part.status != TenantStatus::Active {
        return forbidden("tenant_suspended", "this tenant is suspended; its data is kept");
    }
    Ok(Some(part))
}

fn not_a_member() -> Error {
    Error::new(ErrorKind::Forbidden, "not_a_member", "this user does not belong to the tenant")
}

/// Everything that the permission engine needs to know about a principal.
fn facts(principal: &Principal, entitlements: &Entitlements) -> permission::Principal {
    let mut facts = permission::Principal {
        assignments: principal.assignments.clone(),
        grants: principal.grants.clone(),
        ..Default::default()
    };
    if let Some(part) = &principal.tenant {
        facts.home = part.member.map(|_| part.tenant);
        facts.assignments.extend_from_slice(&part.assignments);
        facts.grants.extend_from_slice(&part.grants);
        facts.guardrails.clone_from(&part.guardrails);
        facts.suspended = part.suspended.iter().map(|id| Scope::account(part.tenant, *id)).collect();
        facts.features = vec![TenantFeatures {
            tenant: part.tenant,
            features: entitlements.features().map(|(key, _)| key.as_str().to_owned()).collect(),
        }];
    }
    facts
}

/// What the tenant may use, and what those of its accounts may use for which something else was agreed.
fn entitlements(
    catalogue: &Catalogue,
    part: &TenantPart,
    now: Timestamp,
) -> (Entitlements, BTreeMap<AccountId, Entitlements>) {
    let Some(subscription) = &part.subscription else { return (Entitlements::none(), BTreeMap::new()) };
    let (plans, exceptions) = (&catalogue.plans, &part.entitlement_overrides);
    let tenant = Entitlements::of_tenant(plans, subscription, exceptions, now);
    (tenant, Entitlements::of_accounts(plans, subscription, exceptions, now))
}

/// Until when a person counts as one who has just proven who they are: with the second factor, where there is one.
pub(crate) fn fresh_until(session: &Session, second_factor: bool, fresh_for: Duration) -> Timestamp {
    let at = if second_factor { session.second_factor_at } else { Some(session.authenticated_at) };
    at.map_or(Timestamp::UNIX_EPOCH, |at| at + fresh_for)
}

pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::Unauthorized, "session_ended", "the session has ended; sign in again")
}

/// An error that several waiters of one load are given; it is told again for each.
fn shared(error: Arc<Error>) -> Error {
    let again = Error::new(error.kind(), error.code().to_owned(), error.message());
    let again = match error.details() {
        Some(details) => again.with_details(details.clone()),
        None => again,
    };
    again.with_source(error)
}
