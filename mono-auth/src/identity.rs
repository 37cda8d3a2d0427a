//! What a person may do in a tenant, kept for a few seconds.

use crate::flow::impersonate::IMPERSONATE;
use mono_core::caller::{Actor, Caller, Identity, SystemReason};
use mono_core::error::Problem;
use mono_core::id::{AccountId, MemberId, SessionId, TenantId, UserId};
use mono_core::model::tenant::TenantStatus;
use mono_core::model::user::UserStatus;
use mono_core::permission::{self, Engine, Permission, RateLimitTier, Scope, TenantFeatures};
use mono_core::subscription::{Entitlements, PlanCatalogue};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::bus::Tag;
use mono_storage::cache::{Lifetime, Loaded, Memory};
use mono_storage::db::Database;
use mono_storage::store::{Definitions, Principal, TenantPart};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long each of the two is kept. Changes are told, so that this matters only where a node cannot tell or hear: a
/// person is worked out from a catalogue that is as old already, and together they stay within the five seconds that the
/// security rules allow.
const STALE_FOR: Lifetime = Lifetime { fresh: Duration::from_millis(2400), stale: Duration::ZERO };
/// How much memory the rights of people take, and what one person is reckoned to take, in bytes.
const CAPACITY: u64 = 64 << 20;
const PERSON: usize = 2048;

type Key = (SessionId, UserId, Option<TenantId>);

/// The people who have called within the last seconds.
#[derive(Clone)]
pub(crate) struct Identities {
    database: Database,
    known: Memory<Key, Arc<Identity>>,
    catalogue: Memory<(), Arc<Catalogue>>,
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
            // They go on where changes are not heard: they are never kept for long.
            known: Memory::deaf(database.bus(), CAPACITY),
            catalogue: Memory::deaf(database.bus(), CAPACITY),
            database,
        }
    }

    pub(crate) fn forget(&self) {
        self.database.bus().forget();
    }

    /// The catalogue as it is stored.
    pub(crate) async fn catalogue(&self) -> Result<Arc<Catalogue>, Error> {
        let load = || {
            let database = self.database.clone();
            async move {
                let system = Caller::system(SystemReason::Authentication);
                let definitions = database.platform(&system).read().await?.catalogue().load().await?;
                let value = Catalogue::build(definitions).map(Arc::new)?;
                Ok(Loaded { value, lifetime: STALE_FOR, weight: 0 })
            }
        };
        self.catalogue.get_or_load((), [(None, &Tag::RIGHTS)], load).await
    }

    /// Who stands behind a session, in a tenant or above all of them.
    pub(crate) async fn of_session(
        &self,
        session: SessionId,
        user: UserId,
        tenant: Option<TenantId>,
    ) -> Result<Arc<Identity>, Error> {
        let person = Tag::user(user);
        let tags = [(tenant, &Tag::RIGHTS), (None, &Tag::RIGHTS), (None, &person)];
        let load = || {
            let identities = self.clone();
            async move {
                let value = identities.load(session, user, tenant).await?;
                Ok(Loaded { value, lifetime: STALE_FOR, weight: PERSON })
            }
        };
        self.known.get_or_load((session, user, tenant), tags, load).await
    }

    async fn load(
        &self,
        session: SessionId,
        user: UserId,
        tenant: Option<TenantId>,
    ) -> Result<Arc<Identity>, Error> {
        let system = Caller::system(SystemReason::Authentication);
        let mut tx = self.database.platform(&system).read().await?;
        let live = tx.sessions().find(session).await?;
        let live = live.filter(|live| live.user_id == user && live.is_live(self.database.now()));
        let impersonator = live.ok_or_else(ended)?.impersonator_id;
        let principal = tx.principals().load(user, tenant).await?.ok_or_else(ended)?;
        let staff = match impersonator {
            Some(staff) => Some(tx.principals().load(staff, None).await?.ok_or_else(ended)?),
            None => None,
        };
        // Given back before the catalogue asks for a connection too: who holds one must not wait for another.
        drop(tx);
        let catalogue = self.catalogue().await?;
        if let Some(staff) = &staff {
            self.require_impersonation(&catalogue, staff)?;
        }
        let actor = |member| Actor::User { user, member, session, impersonator };
        self.identity(&catalogue, &principal, tenant, actor).map(Arc::new)
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

    /// Works out what a principal may do, or refuses it as a whole.
    pub(crate) fn identity(
        &self,
        catalogue: &Catalogue,
        principal: &Principal,
        tenant: Option<TenantId>,
        actor: impl FnOnce(Option<MemberId>) -> Actor,
    ) -> Result<Identity, Error> {
        let part = admit(principal, tenant)?;
        let rights = self.rights(catalogue, principal);
        let permissions = rights.engine.compile(&rights.facts);
        if permissions.is_faulty() {
            tracing::error!(?tenant, "a stored deny cannot be read: this principal may do nothing");
        }
        Ok(Identity {
            actor: actor(part.and_then(|part| part.member).map(|(id, _)| id)),
            tenant,
            permissions: Some(permissions),
            facts: rights.facts,
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
        return forbidden("not_a_member", "this user does not belong to the tenant");
    };
    if part.member.is_none() && principal.assignments.is_empty() {
        return forbidden("not_a_member", "this user does not belong to the tenant");
    }
    if part.member.is_some_and(|(_, status)| status != UserStatus::Active) {
        return forbidden("member_suspended", "this membership is suspended");
    }
    if part.status != TenantStatus::Active {
        return forbidden("tenant_suspended", "this tenant is suspended; its data is kept");
    }
    Ok(Some(part))
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

pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::Unauthorized, "session_ended", "the session has ended; sign in again")
}
