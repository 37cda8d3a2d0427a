//! What the caller may do, kept on this side and decided without the server.

use crate::client::Client;
use crate::credential::{Credential, Login};
use crate::error;
use crate::system;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mono_core::api::permissions::SnapshotResponse;
use mono_core::permission::{Asked, Scope, Snapshot, SnapshotError};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind, Result};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// What one client knows of what its caller may do. Clones are the same place.
#[derive(Clone)]
pub(crate) struct Permissions {
    known: Arc<RwLock<Known>>,
    /// The keys that are believed; where there are none, the one that comes along.
    keys: Arc<[[u8; 32]]>,
}

#[derive(Default)]
struct Known {
    kept: Option<Kept>,
    /// How often the server has refused something: what was kept before may have changed.
    doubts: u64,
}

#[derive(Clone)]
struct Kept {
    identity: u64,
    snapshot: Arc<Snapshot>,
    /// How often the server had refused something when these were asked for.
    doubts: u64,
}

impl Kept {
    /// In the first half of its life it is not asked for again.
    fn is_young(&self, now: Timestamp) -> bool {
        let (begin, end) = (self.snapshot.issued_at(), self.snapshot.expires_at());
        self.snapshot.in_time(now).is_ok() && now < begin + (end - begin) / 2
    }

    /// Whether it was asked for later than another.
    fn is_newer(&self, other: &Self) -> bool {
        (self.doubts, self.snapshot.issued_at()) > (other.doubts, other.snapshot.issued_at())
    }
}

impl Permissions {
    pub(crate) fn new(keys: Vec<[u8; 32]>) -> Self {
        Self { known: Arc::default(), keys: keys.into() }
    }

    /// For another caller, or another tenant.
    pub(crate) fn other(&self) -> Self {
        Self { known: Arc::default(), keys: Arc::clone(&self.keys) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server has refused something: what is kept, or on its way, is asked for again when it is needed next.
    pub(crate) fn doubt(&self) {
        self.write().doubts += 1;
    }

    fn verify(&self, answer: &SnapshotResponse, now: Timestamp) -> Result<Snapshot> {
        let decode = |text: &str| STANDARD.decode(text).map_err(refused);
        let given;
        let keys = if self.keys.is_empty() {
            given = [decode(&answer.public_key)?.try_into().map_err(|_| refused(SnapshotError::BadKey))?];
            &given[..]
        } else {
            &self.keys
        };
        Snapshot::verify(&decode(&answer.snapshot)?, keys, now).map_err(refused)
    }
}

impl Client {
    /// What the caller may do in its tenant, as the server has signed it. It is verified and kept, so that
    /// [`can`](Self::can) decides without the server; call this after signing in, and now and then: it asks the server where
    /// half the lifetime of what is kept has passed, or where the server has refused something meanwhile. Where the server is
    /// away, busy, or in trouble, what is kept is good until it expires.
    ///
    /// # Errors
    /// `Internal` with code `snapshot_refused` where the signature does not hold, it is that of somebody else or of another
    /// tenant, or by this machine's clock it has expired or is yet to be issued; `Validation` with code `tenant_required`
    /// where the caller works in no tenant; what [`Client`] lists.
    pub async fn permissions(&self) -> Result<Arc<Snapshot>> {
        let credential = self.session.current().await?;
        let identity = credential.as_ref().map(|credential| credential.identity);
        let (kept, doubts) = {
            let known = self.permissions.read();
            (known.kept.clone().filter(|kept| Some(kept.identity) == identity), known.doubts)
        };
        if let Some(kept) = &kept
            && kept.doubts == doubts
            && kept.is_young(system::now())
        {
            return Ok(Arc::clone(&kept.snapshot));
        }
        let answer = match (self.user().permission_snapshot().await, kept) {
            (Err(error), Some(kept)) if may_pass(&error) && kept.snapshot.in_time(system::now()).is_ok() => {
                return Ok(kept.snapshot);
            }
            (answer, _) => answer?,
        };
        let snapshot = self.permissions.verify(&answer, system::now())?;
        let Some(credential) = credential else { return Err(error::signed_out()) };
        self.keep(&credential, snapshot, doubts)
    }

    /// A genuine snapshot of somebody else would be believed as well as one's own.
    fn require_own(&self, snapshot: &Snapshot, credential: &Credential) -> Result<()> {
        // Of a bare token it is not known whose it is.
        let who = credential.login().map(Login::who);
        if who.is_some_and(|(user, ..)| snapshot.principal() != user.to_string()) {
            return Err(refused("they are those of somebody else"));
        }
        let chosen = who.and_then(|(_, tenant, _)| tenant);
        if self.tenant.or(chosen).is_some_and(|tenant| snapshot.tenant() != tenant) {
            return Err(refused("they are those of another tenant"));
        }
        Ok(())
    }

    /// Keeps the permissions, where nothing newer has come meanwhile, and gives what is kept.
    fn keep(&self, credential: &Credential, snapshot: Snapshot, doubts: u64) -> Result<Arc<Snapshot>> {
        let mut known = self.permissions.write();
        if self.session.identity() != Some(credential.identity) {
            return Err(error::signed_out());
        }
        self.require_own(&snapshot, credential)?;
        let new = Kept { identity: credential.identity, snapshot: Arc::new(snapshot), doubts };
        let newest = match known.kept.take() {
            Some(kept) if kept.identity == new.identity && kept.is_newer(&new) => kept,
            _ => new,
        };
        Ok(Arc::clone(&known.kept.insert(newest).snapshot))
    }

    /// Whether the caller may do something, as far as is known here: by the [`permissions`](Self::permissions) that are kept.
    /// It takes nanoseconds and asks nobody. The server decides in the end: what was taken away meanwhile is still allowed
    /// here, until the permissions are asked for again.
    ///
    /// # Errors
    /// What is not known is never `true`, and not `false` either: `Unavailable` with code `permissions_not_loaded` before
    /// the first call of `permissions` and after signing out or choosing another tenant, or `permissions_expired`, also where
    /// the clock was put back;
    /// `Validation` with code `other_tenant` where the scope does not lie in the tenant of the caller.
    ///
    /// ```no_run
    /// # use mono_core::id::TenantId;
    /// # async fn example(client: mono_client::Client, tenant: TenantId) -> mono_core::Result<()> {
    /// use mono_core::permission;
    /// use mono_core::permission::Scope;
    /// client.permissions().await?;
    /// if client.can(permission!("tenant.accounts.create"), &Scope::tenant(tenant))? {
    ///     println!("shows the button");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn can(&self, permission: impl Asked, scope: &Scope) -> Result<bool> {
        let unknown = |code: &'static str, message: &str| Error::new(ErrorKind::Unavailable, code, message);
        let (now, identity) = (system::now(), self.session.identity());
        let known = self.permissions.read();
        let Some(kept) = known.kept.as_ref().filter(|kept| Some(kept.identity) == identity) else {
            return Err(unknown("permissions_not_loaded", "what the caller may do was not loaded"));
        };
        if kept.snapshot.in_time(now).is_err() {
            return Err(unknown("permissions_expired", "what is known of what the caller may do is too old"));
        }
        if scope.tenant_id() != Some(kept.snapshot.tenant()) {
            let message = "the permissions that are known here are those of another tenant";
            return Err(Error::invalid("scope", "other_tenant", message));
        }
        Ok(kept.snapshot.check(permission, scope, now))
    }
}

/// Whether a failure says nothing of the permissions: the server, or what stands before it, is away, busy or in trouble.
fn may_pass(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Internal)
}

/// What the server gave is not what it has to be.
fn refused(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let source = source.into();
    let message = format!("the permissions that the server gave are not good: {source}");
    Error::new(ErrorKind::Internal, "snapshot_refused", message).with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mono_core::id::TenantId;
    use mono_core::permission::{
        Assignment, Catalogue, Engine, PermissionEntry, Principal, Role, SnapshotRequest, snapshot_public_key,
    };

    const TENANT: TenantId = TenantId::from_u128(1);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Good for an hour from a moment on.
    fn issued(issued_at: Timestamp) -> Arc<Snapshot> {
        let catalogue = Catalogue::new("1").with(PermissionEntry::new("tenant.files.read", ""));
        let engine = Engine::build(catalogue, vec![Role::new("reader").allow(["tenant.*"])]).unwrap();
        let assignments = vec![Assignment::new("reader", Scope::tenant(TENANT))];
        let facts = Principal { assignments, ..Principal::default() };
        let expires_at = issued_at + chrono::TimeDelta::hours(1);
        let request =
            SnapshotRequest { principal: "ana", tenant: TENANT, facts: &facts, issued_at, expires_at };
        let bytes = engine.snapshot(&request, &[7; 32]).unwrap();
        Arc::new(Snapshot::verify(&bytes, &[snapshot_public_key(&[7; 32])], issued_at).unwrap())
    }

    #[test]
    fn it_is_young_for_half_of_its_life() {
        let kept = Kept { identity: 1, snapshot: issued(at("2026-01-01T12:00:00Z")), doubts: 0 };
        for (now, is_young) in [
            ("2026-01-01T11:54:59Z", false),
            ("2026-01-01T11:55:00Z", true),
            ("2026-01-01T12:29:59Z", true),
            ("2026-01-01T12:30:00Z", false),
        ] {
            assert_eq!(kept.is_young(at(now)), is_young, "{now}");
        }
    }

    #[test]
    fn what_was_asked_for_later_is_newer() {
        let kept = |minute: i64, doubts| Kept {
            identity: 1,
            snapshot: issued(at("2026-01-01T12:00:00Z") + chrono::TimeDelta::minutes(minute)),
            doubts,
        };
        assert!(kept(1, 0).is_newer(&kept(0, 0)) && !kept(0, 0).is_newer(&kept(1, 0)));
        // Of two servers with clocks of their own.
        assert!(kept(0, 1).is_newer(&kept(1, 0)) && !kept(1, 0).is_newer(&kept(0, 1)));
    }

    #[test]
    fn what_has_expired_or_is_yet_to_come_decides_nothing() {
        let client = Client::builder("http://host").build().unwrap().with_token("token");
        let identity = client.session.identity().unwrap();
        let hours = chrono::TimeDelta::hours;
        for (issued_at, expected) in [
            (system::now(), Ok(true)),
            (system::now() - hours(2), Err("permissions_expired".to_owned())),
            (system::now() + hours(2), Err("permissions_expired".to_owned())),
        ] {
            client.permissions.write().kept = Some(Kept { identity, snapshot: issued(issued_at), doubts: 0 });
            let answer = client.can("tenant.files.read", &Scope::tenant(TENANT));
            assert_eq!(answer.map_err(|error| error.code().to_owned()), expected);
        }
    }
}
