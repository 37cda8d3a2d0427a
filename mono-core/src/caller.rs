//! Who asks, in which tenant, with which permissions and entitlements.

use crate::error::{Error, ErrorKind};
use crate::id::{AccountId, ApiKeyId, MemberId, SessionId, TenantId, UserId};
use crate::idempotency::IdempotencyKey;
use crate::permission::{Decision, Permission, PermissionSet, Principal, Reason, Scope};
use crate::subscription::{Entitlements, Source};
use crate::time::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who asks. Holding a `Caller` is the proof that a credential was checked: only `mono-auth` makes one.
///
/// Cheap to clone. All checks of one request see the same permissions and entitlements.
#[derive(Debug, Clone)]
pub struct Caller {
    identity: Arc<Identity>,
    request: Arc<RequestContext>,
    /// The limit that the call counts against, and whether it has been counted.
    metered_call: Option<(&'static str, Arc<AtomicBool>)>,
    /// The version that the request takes for the current one of what it changes.
    expected_version: Option<i64>,
    /// Shared by all clones, which stand for one request.
    wrote: Arc<AtomicBool>,
    /// The key under which the request is done at most once.
    idempotency_key: Option<IdempotencyKey>,
}

/// What is known of a caller apart from the request at hand; it can be kept for a few seconds.
#[derive(Debug)]
pub struct Identity {
    /// Who it is.
    pub actor: Actor,
    /// The tenant that it works in.
    pub tenant: Option<TenantId>,
    /// What it may do; `None` for the program itself, which is not asked.
    pub permissions: Option<PermissionSet>,
    /// What the permissions were compiled from, to compile them again under rules that have changed meanwhile.
    pub facts: Principal,
    /// Whether dangerous permissions may be used.
    pub freshness: Freshness,
    /// What the tenant has subscribed to.
    pub entitlements: Entitlements,
    /// What holds in those accounts for which something else was agreed.
    pub account_entitlements: BTreeMap<AccountId, Entitlements>,
}

/// Whether somebody who acts may use the permissions that the catalogue calls dangerous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Nobody is there to prove anything: the program itself, or an API key, which was given the permission on purpose.
    Exempt,
    /// A person who has proven lately who they are, until this moment.
    Until(Timestamp),
    /// Somebody who acts as another person. Nothing dangerous is done in the name of somebody else.
    Impersonated,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A person who signed in.
    User {
        /// The person.
        user: UserId,
        /// The membership in the tenant; platform staff may have none.
        member: Option<MemberId>,
        /// The session.
        session: SessionId,
        /// Support staff who act as the person, for a while and for a reason.
        impersonator: Option<UserId>,
    },
    /// A program with an API key: it acts with the rights of the key's owner, as far as the scopes of the key reach.
    ApiKey {
        /// The key.
        key: ApiKeyId,
        /// The owner of the key.
        user: UserId,
        /// The owner's membership in the tenant; platform staff may have none.
        member: Option<MemberId>,
    },
    /// The program itself, for a named reason. It may do everything, and the audit log names it.
    System(SystemReason),
}

impl Actor {
    /// The person who acts, or whose API key does.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User { user, .. } | Self::ApiKey { user, .. } => Some(user),
            Self::System(_) => None,
        }
    }

    /// The membership of the person who acts, or whose API key does.
    pub const fn member(self) -> Option<MemberId> {
        match self {
            Self::User { member, .. } | Self::ApiKey { member, .. } => member,
            Self::System(_) => None,
        }
    }
}

/// Why the program acts by itself. A closed list: each use is found by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemReason {
    /// Checks a credential before anybody is known.
    Authentication,
    /// Loads the catalogue and the first data.
    Seed,
    /// Writes metered use that was counted in memory.
    Metering,
    /// Compares counters with what they count, for the operator.
    Recount,
    /// Removes for good what was deleted long ago.
    Purge,
    /// Answers the operator who asks on the command line what somebody may do. It only reads.
    Inspection,
    /// Reads what the cache keeps for everybody who may see it.
    Cache,
    /// Gives numbers to events, and tells them.
    Events,
    /// Sends mails.
    Mail,
    /// Makes somebody a member who was invited, with the rights of who invited them.
    Invitation,
    /// Compares master keys with those that a database knows, and turns them, for the operator.
    Keys,
    /// Writes entries of the audit log that were kept in memory, and removes those whose time has passed.
    Audit,
    /// Copies the database and brings it back, for the operator.
    Backup,
}

impl std::fmt::Display for Actor {
    /// As the audit log names it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User { user, impersonator: Some(staff), .. } => write!(f, "user:{staff} as user:{user}"),
            Self::User { user, .. } => write!(f, "user:{user}"),
            Self::ApiKey { key, user, .. } => write!(f, "api_key:{key} of user:{user}"),
            Self::System(SystemReason::Authentication) => f.write_str("system:authentication"),
            Self::System(SystemReason::Seed) => f.write_str("system:seed"),
            Self::System(SystemReason::Metering) => f.write_str("system:metering"),
            Self::System(SystemReason::Recount) => f.write_str("system:recount"),
            Self::System(SystemReason::Purge) => f.write_str("system:purge"),
            Self::System(SystemReason::Inspection) => f.write_str("system:inspection"),
            Self::System(SystemReason::Cache) => f.write_str("system:cache"),
            Self::System(SystemReason::Events) => f.write_str("system:events"),
            Self::System(SystemReason::Mail) => f.write_str("system:mail"),
            Self::System(SystemReason::Invitation) => f.write_str("system:invitation"),
            Self::System(SystemReason::Keys) => f.write_str("system:keys"),
            Self::System(SystemReason::Audit) => f.write_str("system:audit"),
            Self::System(SystemReason::Backup) => f.write_str("system:backup"),
        }
    }
}

/// Where a request comes from, for the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// The address of the client.
    pub ip_address: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// Ties everything together that one request causes.
    pub correlation_id: Option<String>,
}

impl Caller {
    /// Makes a caller of a checked credential. Only for `mono-auth`, and for an application that brings its own
    /// authentication: whoever calls this says that the identity is proven.
    pub fn mint(identity: Arc<Identity>, request: Arc<RequestContext>) -> Self {
        Self {
            identity,
            request,
            metered_call: None,
            expected_version: None,
            idempotency_key: None,
            wrote: Arc::default(),
        }
    }

    /// The program itself, outside any tenant.
    pub fn system(reason: SystemReason) -> Self {
        Self::system_actor(reason, None)
    }

    /// The program itself, inside one tenant.
    pub fn system_in(reason: SystemReason, tenant: TenantId) -> Self {
        Self::system_actor(reason, Some(tenant))
    }

    fn system_actor(reason: SystemReason, tenant: Option<TenantId>) -> Self {
        let identity = Identity {
            actor: Actor::System(reason),
            tenant,
            permissions: None,
            facts: Principal::default(),
            freshness: Freshness::Exempt,
            entitlements: Entitlements::unlimited(),
            account_entitlements: BTreeMap::new(),
        };
        let (request, wrote) = (Arc::default(), Arc::default());
        Self {
            identity: Arc::new(identity),
            request,
            metered_call: None,
            expected_version: None,
            idempotency_key: None,
            wrote,
        }
    }

    /// The same caller with another request.
    pub fn with_request(mut self, request: Arc<RequestContext>) -> Self {
        self.request = request;
        self.wrote = Arc::default();
        self
    }

    /// The same caller, whose request is done at most once under this key: a transaction that writes
    /// does not begin where one was committed under it before, and has to keep its answer.
    pub fn once(mut self, key: IdempotencyKey) -> Self {
        self.idempotency_key = Some(key);
        self
    }

    /// The key under which the request is done at most once.
    pub const fn idempotency_key(&self) -> Option<&IdempotencyKey> {
        self.idempotency_key.as_ref()
    }

    /// The same caller, whose call counts as one of this limit as soon as it is found to be allowed.
    pub fn metered(mut self, limit: &'static str) -> Self {
        self.metered_call = Some((limit, Arc::default()));
        self
    }

    /// The same caller, whose request takes this version for the current one of what it changes: the header `If-Match`. A
    /// storage refuses the change where it is not, and where it changes nothing that has a version.
    pub const fn expecting(mut self, version: Option<i64>) -> Self {
        self.expected_version = version;
        self
    }

    /// The version that the request takes for the current one of what it changes.
    pub const fn expected_version(&self) -> Option<i64> {
        self.expected_version
    }

    /// Remembers, for every clone of this caller, that the call was counted.
    pub fn note_counted_call(&self) {
        if let Some((_, counted)) = &self.metered_call {
            counted.store(true, Ordering::Relaxed);
        }
    }

    /// The limit that the call still has to be counted against: that of a member, where the tenant has such a limit in
    /// force.
    pub fn metered_call(&self) -> Option<&'static str> {
        let (limit, counted) = self.metered_call.as_ref()?;
        if counted.load(Ordering::Relaxed) {
            return None;
        }
        let member = self.actor().member().is_some();
        // Who has no subscription in force has nothing to count against, and may still see what is theirs.
        let source = &self.entitlements().limit(limit).source;
        (member && !matches!(source, Source::Undeclared | Source::NotInForce)).then_some(*limit)
    }

    /// Remembers, for every clone of this caller, that the request writes. A storage with replicas then reads from where
    /// it wrote: a replica may be a moment behind.
    pub fn note_write(&self) {
        self.wrote.store(true, Ordering::Relaxed);
    }

    /// Whether the request has begun to write.
    pub fn has_written(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.identity.actor
    }

    /// The tenant that the caller works in.
    ///
    /// # Errors
    /// `Validation` with code `tenant_required` where none is chosen.
    pub fn tenant(&self) -> Result<TenantId, Error> {
        self.identity
            .tenant
            .ok_or_else(|| Error::invalid("tenant", "tenant_required", "choose a tenant: sign in to one"))
    }

    /// What the tenant has subscribed to.
    pub fn entitlements(&self) -> &Entitlements {
        &self.identity.entitlements
    }

    /// What holds in an account of the tenant; without one, in the tenant itself.
    pub fn entitlements_of(&self, account: Option<AccountId>) -> &Entitlements {
        let own = account.and_then(|account| self.identity.account_entitlements.get(&account));
        own.unwrap_or(&self.identity.entitlements)
    }

    /// What the caller may do; `None` for the program itself, which is not asked.
    pub fn permissions(&self) -> Option<&PermissionSet> {
        self.identity.permissions.as_ref()
    }

    /// What the permissions were compiled from.
    pub fn facts(&self) -> &Principal {
        &self.identity.facts
    }

    /// Whether the program itself acts.
    pub fn is_system(&self) -> bool {
        self.identity.permissions.is_none()
    }

    /// Refuses everybody but the program itself.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn require_system(&self) -> Result<(), Error> {
        if self.is_system() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forbidden, "system_only", "only the program itself does this"))
    }

    /// Where the request comes from.
    pub fn request(&self) -> &RequestContext {
        &self.request
    }

    /// Refuses unless the caller holds the permission at the scope. An answer [`Pass::Privileged`] has to be audited.
    ///
    /// # Errors
    /// `Forbidden` that names the permission and says what was missing; for a dangerous permission also with code
    /// `step_up_required` where the caller has not proven lately who they are, or `impersonated`. Only who holds the permission is told, with the
    /// code `feature_missing` and the feature in the details, that its feature is not part of the subscription.
    pub fn authorize(&self, permission: Permission, scope: &Scope, now: Timestamp) -> Result<Pass, Error> {
        let Some(permissions) = &self.identity.permissions else { return Ok(Pass::Ordinary) };
        let pass = match permissions.decide(permission, scope, now) {
            Decision { allowed: true, audited: false } => Pass::Ordinary,
            Decision { allowed: true, audited: true } => Pass::Privileged,
            Decision { allowed: false, .. } => return Err(refusal(permissions, permission, scope, now)),
        };
        // After the decision: nobody learns from this what they may not do anyway.
        if permissions.is_dangerous(permission) {
            self.identity.freshness.check(permission, now)?;
        }
        Ok(pass)
    }
}

impl Freshness {
    fn check(self, permission: Permission, now: Timestamp) -> Result<(), Error> {
        let details = json!({ "permission": permission.name() });
        match self {
            Self::Exempt => Ok(()),
            Self::Until(until) if now < until => Ok(()),
            Self::Until(_) => Err(step_up_required().with_details(details)),
            Self::Impersonated => {
                let message =
                    format!("{permission} is dangerous, and not used while acting as somebody else");
                Err(Error::new(ErrorKind::Forbidden, "impersonated", message).with_details(details))
            }
        }
    }
}

/// The code of a refusal whose reason is that the person has not proven lately who they are.
pub const STEP_UP_REQUIRED: &str = "step_up_required";

/// The refusal to do something dangerous for somebody who has not proven lately who they are.
pub fn step_up_required() -> Error {
    let message = "prove again who you are: this is dangerous, and your sign-in is not fresh any more";
    Error::new(ErrorKind::Forbidden, STEP_UP_REQUIRED, message)
}

/// The code of a refusal whose reason is that the account is suspended.
pub const ACCOUNT_SUSPENDED: &str = "account_suspended";

/// How a caller passed a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// By a right of its own, or as the program itself.
    Ordinary,
    /// As super admin, outside of its home tenant: each such pass is audited.
    Privileged,
}

/// The refusal, with the reason that the permission engine gives. Only who is refused pays for finding it.
fn refusal(permissions: &PermissionSet, permission: Permission, scope: &Scope, now: Timestamp) -> Error {
    let explanation = permissions.explain(permission, scope, now);
    let name = permission.name();
    let mut code = explanation.code();
    let suspended = explanation.fact.as_ref().filter(|_| explanation.reason == Reason::Suspended);
    let (message, details) = match (&explanation.feature, suspended.and_then(|fact| fact.scope.account_id()))
    {
        (Some(feature), _) => {
            (format!("this needs the feature `{feature}`"), json!({ "permission": name, "feature": feature }))
        }
        (None, Some(account)) => {
            code = ACCOUNT_SUSPENDED;
            let message = "this account is suspended; its data is kept".to_owned();
            (message, json!({ "permission": name, "account": account }))
        }
        (None, None) => (format!("this needs the permission {name}"), json!({ "permission": name })),
    };
    Error::new(ErrorKind::Forbidden, code, message).with_details(details)
}
