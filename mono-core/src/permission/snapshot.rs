//! The permissions of one principal in one tenant, signed, for a device that is offline.
//!
//! A snapshot holds the facts and the rules that concern them, not answers: the device builds an engine from it and
//! decides with the same code. Its bytes are `MPS`, one byte of version, a JSON text, and 64 bytes of an Ed25519
//! signature over all before.

use super::catalogue::{Catalogue, PermissionEntry};
use super::engine::Engine;
use super::explain::Explanation;
use super::grant::Principal;
use super::registry::Asked;
use super::role::{Override, Role};
use super::scope::Scope;
use super::set::PermissionSet;
use crate::error::Problem;
use crate::id::TenantId;
use crate::time::Timestamp;
use chrono::TimeDelta;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of snapshots that this code writes and reads.
pub const SNAPSHOT_VERSION: u8 = 1;

/// How far the clock of a device may be behind that of the server. A clock that is further behind would keep a snapshot in
/// force for longer than it is good for.
const BEHIND: TimeDelta = TimeDelta::minutes(5);

const MAGIC: &[u8] = b"MPS";
/// Signed along with the bytes, so that a signature of something else is never one of a snapshot.
const PURPOSE: &[u8] = b"mono permission snapshot\0";

/// Why a snapshot is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes are not a snapshot.
    #[error("these bytes are not a snapshot of permissions")]
    Malformed,
    /// It was written by a newer version of this code.
    #[error("the snapshot has the version {0}, which is newer than {SNAPSHOT_VERSION}")]
    FutureVersion(u8),
    /// None of the keys made the signature, or the bytes were changed.
    #[error("the signature of the snapshot does not hold")]
    BadSignature,
    /// A key is not an Ed25519 public key.
    #[error("a public key is not valid")]
    BadKey,
    /// It is no longer good.
    #[error("the snapshot expired at {0}")]
    Expired(Timestamp),
    /// It is from the future: the clock of this device is behind.
    #[error("the snapshot was issued at {0}, which is yet to come: the clock of this device is behind")]
    FromTheFuture(Timestamp),
    /// It is signed, but its rules cannot be put in force.
    #[error("the rules in the snapshot cannot be put in force")]
    Unusable(Vec<Problem>),
}

/// What a snapshot is made for.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotRequest<'a> {
    /// Who the principal is, for the device to show and compare.
    pub principal: &'a str,
    /// The tenant in which the snapshot answers; elsewhere it refuses everything.
    pub tenant: TenantId,
    /// The facts about the principal.
    pub facts: &'a Principal,
    /// The present moment.
    pub issued_at: Timestamp,
    /// The moment from which on it is refused.
    pub expires_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    principal: String,
    tenant: TenantId,
    issued_at: Timestamp,
    expires_at: Timestamp,
    catalogue: String,
    /// The names, by all but their last segment: `"tenant.accounts": ["create", "read"]`.
    names: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    features: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    custom: Vec<Role>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<Override>,
    facts: Principal,
}

impl Engine {
    /// Writes and signs a snapshot with an Ed25519 secret key.
    ///
    /// ```
    /// # use mono_core::id::TenantId;
    /// # use mono_core::permission::*;
    /// # let catalogue = Catalogue::new("1").with(PermissionEntry::new("tenant.files.read", ""));
    /// # let engine = Engine::build(catalogue, vec![Role::new("reader").allow(["tenant.*"])]).unwrap();
    /// # let tenant = TenantId::from_u128(1);
    /// # let assignments = vec![Assignment::new("reader", Scope::tenant(tenant))];
    /// # let facts = Principal { assignments, ..Principal::default() };
    /// # let (issued_at, expires_at) = ("2026-01-01T00:00:00Z".parse()?, "2026-01-02T00:00:00Z".parse()?);
    /// # let now = issued_at;
    /// let request = SnapshotRequest { principal: "ana", tenant, facts: &facts, issued_at, expires_at };
    /// let secret = [7; 32];
    /// let bytes = engine.snapshot(&request, &secret)?;
    /// let snapshot = Snapshot::verify(&bytes, &[snapshot_public_key(&secret)], now)?;
    /// assert!(snapshot.check("tenant.files.read", &Scope::tenant(tenant), now));
    /// assert!(!snapshot.check("tenant.files.read", &Scope::tenant(tenant), expires_at));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Malformed` where the facts cannot be written as JSON, which does not occur with facts of this crate.
    pub fn snapshot(
        &self,
        request: &SnapshotRequest<'_>,
        secret: &[u8; 32],
    ) -> Result<Vec<u8>, SnapshotError> {
        let payload = self.payload(request);
        let mut bytes = MAGIC.to_vec();
        bytes.push(SNAPSHOT_VERSION);
        bytes.extend(serde_json::to_vec(&payload).map_err(|_| SnapshotError::Malformed)?);
        let signature = SigningKey::from_bytes(secret).sign(&[PURPOSE, &bytes].concat());
        bytes.extend_from_slice(&signature.to_bytes());
        Ok(bytes)
    }

    /// What concerns the principal in the tenant, and nothing else.
    fn payload(&self, request: &SnapshotRequest<'_>) -> Payload {
        let core = &self.world.core;
        let here = Scope::tenant(request.tenant);
        let near = |scope: &Scope| scope.contains(&here) || here.contains(scope);
        let mut facts = request.facts.clone();
        facts.assignments.retain(|item| near(&item.scope));
        // A deny that cannot be read closes the set wherever it stands.
        let readable = |pattern: &str| super::pattern::Pattern::parse(pattern).is_ok();
        facts.grants.retain(|item| near(&item.scope) || !readable(&item.pattern));
        facts.guardrails.retain(|item| near(&item.scope) || !readable(&item.pattern));
        facts.suspended.retain(near);
        facts.features.retain(|item| item.tenant == request.tenant);
        if let Some(key) = &mut facts.key {
            let read = |scope: &String| core.catalogue.key_pattern(scope, key.at.tier());
            key.scopes = key.scopes.iter().filter_map(read).map(String::from).collect();
        }
        let rules = self.tenant(request.tenant);
        let custom = rules.map_or(&[][..], |rules| rules.roles());
        // By the keys as they are stored, so that a circle in stored roles is a circle in the snapshot too.
        let mut keys: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = facts.assignments.iter().map(|item| &*item.role).collect();
        while let Some(key) = open.pop() {
            if keys.insert(key) {
                let named = core.role_sources.iter().chain(custom).filter(|role| role.key == key);
                open.extend(named.flat_map(|role| &role.parents).map(String::as_str));
            }
        }
        let chosen = |roles: &[Role]| -> Vec<Role> {
            roles.iter().filter(|role| keys.contains(&*role.key)).map(bare).collect()
        };
        let overrides = rules.map_or(&[][..], |rules| rules.overrides());
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, name) in core.registry.iter() {
            let (head, last) = name.rsplit_once('.').unwrap_or((name, ""));
            names.entry(head.to_owned()).or_default().push(last.to_owned());
        }
        let gated = core.catalogue.permissions.iter();
        Payload {
            principal: request.principal.to_owned(),
            tenant: request.tenant,
            issued_at: request.issued_at,
            expires_at: request.expires_at,
            catalogue: core.catalogue.version.clone(),
            names,
            features: gated.filter_map(|entry| Some((entry.name.clone(), entry.feature.clone()?))).collect(),
            roles: chosen(&core.role_sources),
            custom: chosen(custom),
            overrides: overrides.iter().filter(|item| keys.contains(&*item.role)).cloned().collect(),
            facts,
        }
    }
}

/// The role without what is only for people.
fn bare(role: &Role) -> Role {
    Role { name: String::new(), description: String::new(), ..role.clone() }
}

/// The public key that verifies what a secret key signs.
pub fn snapshot_public_key(secret: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(secret).verifying_key().to_bytes()
}

/// A verified snapshot. It answers as the server did when it was issued, in its tenant and until it expires.
#[derive(Debug)]
pub struct Snapshot {
    principal: String,
    catalogue: String,
    tenant: TenantId,
    issued_at: Timestamp,
    expires_at: Timestamp,
    set: PermissionSet,
}

impl Snapshot {
    /// Verifies the bytes of a snapshot with any of some public keys (two, while keys are changed).
    ///
    /// # Errors
    /// A snapshot that is malformed, of a future version, changed, signed by another key, expired, or issued more than five
    /// minutes after `now`.
    pub fn verify(bytes: &[u8], keys: &[[u8; 32]], now: Timestamp) -> Result<Self, SnapshotError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::Malformed)?;
        let (version, rest) = rest.split_first().ok_or(SnapshotError::Malformed)?;
        match *version {
            SNAPSHOT_VERSION => {}
            0 => return Err(SnapshotError::Malformed),
            version => return Err(SnapshotError::FutureVersion(version)),
        }
        let (text, signature) = rest.split_last_chunk::<64>().ok_or(SnapshotError::Malformed)?;
        let signed = bytes.get(..bytes.len() - signature.len()).ok_or(SnapshotError::Malformed)?;
        let message = [PURPOSE, signed].concat();
        let signature = Signature::from_bytes(signature);
        let keys: Result<Vec<_>, _> = keys.iter().map(VerifyingKey::from_bytes).collect();
        let keys = keys.map_err(|_| SnapshotError::BadKey)?;
        if !keys.iter().any(|key| key.verify_strict(&message, &signature).is_ok()) {
            return Err(SnapshotError::BadSignature);
        }
        let payload: Payload = serde_json::from_slice(text).map_err(|_| SnapshotError::Malformed)?;
        let snapshot = Self::open(payload)?;
        snapshot.in_time(now).map(|()| snapshot)
    }

    fn open(payload: Payload) -> Result<Self, SnapshotError> {
        let mut catalogue = Catalogue::new(payload.catalogue);
        for (head, lasts) in &payload.names {
            for last in lasts {
                let name = format!("{head}.{last}");
                let feature = payload.features.get(&name).cloned();
                catalogue.permissions.push(PermissionEntry { feature, ..PermissionEntry::new(name, "") });
            }
        }
        let version = catalogue.version.clone();
        let engine = Engine::build(catalogue, payload.roles).map_err(SnapshotError::Unusable)?;
        let rules = engine.tenant_rules(payload.tenant, payload.custom, &payload.overrides);
        let set = engine.with_tenants([rules]).compile(&payload.facts);
        Ok(Self {
            principal: payload.principal,
            catalogue: version,
            tenant: payload.tenant,
            issued_at: payload.issued_at,
            expires_at: payload.expires_at,
            set,
        })
    }

    /// Whether it is in force by this clock.
    ///
    /// # Errors
    /// `Expired`; `FromTheFuture` where it was issued more than five minutes after `now`.
    pub fn in_time(&self, now: Timestamp) -> Result<(), SnapshotError> {
        if self.expires_at <= now {
            Err(SnapshotError::Expired(self.expires_at))
        } else if now < self.issued_at && self.issued_at - now > BEHIND {
            Err(SnapshotError::FromTheFuture(self.issued_at))
        } else {
            Ok(())
        }
    }

    /// Whether the permission is allowed at the scope; outside of the tenant and of its [time](Self::in_time) nothing is.
    pub fn check(&self, permission: impl Asked, scope: &Scope, now: Timestamp) -> bool {
        self.in_time(now).is_ok()
            && scope.tenant_id() == Some(self.tenant)
            && self.set.check(permission, scope, now)
    }

    /// Explains a check; `None` outside of the tenant and of its time, where the snapshot knows nothing.
    pub fn explain(&self, permission: impl Asked, scope: &Scope, now: Timestamp) -> Option<Explanation> {
        let inside = self.in_time(now).is_ok() && scope.tenant_id() == Some(self.tenant);
        inside.then(|| self.set.explain(permission, scope, now))
    }

    /// Whose permissions they are.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// The version of the catalogue that they were issued with.
    pub fn catalogue_version(&self) -> &str {
        &self.catalogue
    }

    /// The tenant in which they answer.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// When it was issued.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// From when on it is refused.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}
