//! Snapshots: what a person may do in a tenant, signed, for a phone or browser that decides without asking.

use crate::authenticator::Authenticator;
use crate::flow::person;
use crate::identity::admit;
use crate::key_ring::{KeyRing, Purpose};
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::permission::{SnapshotRequest, snapshot_public_key};
use secrecy::{ExposeSecret, SecretSlice};
use std::time::Duration;

/// The longest time that a snapshot is good for: what was taken away since then, it still allows.
const LONGEST: Duration = Duration::from_hours(24);

/// The key that signs snapshots (Ed25519, RFC 8032).
pub(crate) struct SnapshotKey(SecretSlice<u8>);

impl SnapshotKey {
    pub(crate) fn new(keys: &KeyRing) -> Result<Self, Error> {
        keys.derive(Purpose::Snapshot).map(Self)
    }

    fn secret(&self) -> Result<&[u8; 32], Error> {
        self.0.expose_secret().try_into().map_err(Error::internal)
    }
}

impl Authenticator {
    /// Writes what the caller may do in its tenant into a signed snapshot, which the same engine evaluates on another
    /// device, without network.
    ///
    /// # Errors
    /// `Validation` where the caller has chosen no tenant, or the time is longer than a day; `Forbidden` where the
    /// person may not work at all, or with code `people_only` or `impersonated` for anybody but the person: a snapshot does
    /// not say who acts.
    pub async fn snapshot(&self, caller: &Caller, good_for: Duration) -> Result<Vec<u8>, Error> {
        let tenant = caller.tenant()?;
        let (_, user, _) = person(caller)?;
        let lifetime = chrono::TimeDelta::from_std(good_for).ok().filter(|_| good_for <= LONGEST);
        let Some(lifetime) = lifetime else {
            return Err(Error::invalid("good_for", "out_of_range", "a snapshot is good for a day at most"));
        };
        let system = Caller::system(SystemReason::Authentication);
        let principal =
            self.inner.database.platform(&system).read().await?.principals().load(user, Some(tenant)).await?;
        let principal = principal.ok_or_else(|| Error::not_found("a user"))?;
        admit(&principal, Some(tenant))?;
        let catalogue = self.inner.identities.catalogue().await?;
        let rights = self.inner.identities.rights(&catalogue, &principal);
        let issued_at = self.inner.database.now();
        let request = SnapshotRequest {
            principal: &user.to_string(),
            tenant,
            facts: &rights.facts,
            issued_at,
            expires_at: issued_at + lifetime,
        };
        rights.engine.snapshot(&request, self.inner.snapshots.secret()?).map_err(Error::internal)
    }

    /// The public key that verifies the snapshots of this installation; a device keeps it.
    ///
    /// # Errors
    /// `Internal` never in practice: the key has the length that Ed25519 asks for.
    pub fn snapshot_public_key(&self) -> Result<[u8; 32], Error> {
        self.inner.snapshots.secret().map(snapshot_public_key)
    }
}
