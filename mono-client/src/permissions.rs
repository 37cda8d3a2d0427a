//! What the caller may do, kept on this side and decided without the server.

use crate::client::Client;
use crate::error;
use crate::system;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mono_core::api::permissions::SnapshotResponse;
use mono_core::permission::{Asked, Scope, Snapshot, SnapshotError};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind, Result};
use std::sync::{Arc, PoisonError, RwLock};

/// What one client knows of what its caller may do. Clones are the same place.
#[derive(Clone)]
pub(crate) struct Permissions {
    kept: Arc<RwLock<Option<Kept>>>,
    /// The keys that are believed; where there are none, the one that comes along.
    keys: Arc<[[u8; 32]]>,
}

#[derive(Clone)]
struct Kept {
    identity: u64,
    snapshot: Arc<Snapshot>,
    /// The server has refused what these allow, so they have changed.
    is_doubted: bool,
}

impl Kept {
    /// In the first half of its life it is not asked for again.
    fn is_young(&self, now: Timestamp) -> bool {
        let (begin, end) = (self.snapshot.issued_at(), self.snapshot.expires_at());
        !self.is_doubted && now < begin + (end - begin) / 2
    }
}

impl Permissions {
    pub(crate) fn new(keys: Vec<[u8; 32]>) -> Self {
        Self { kept: Arc::default(), keys: keys.into() }
    }

    /// For another caller, or another tenant.
    pub(crate) fn other(&self) -> Self {
        Self { kept: Arc::default(), keys: Arc::clone(&self.keys) }
    }

    fn read(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The server has refused something: what is kept is asked for again when it is needed next.
    pub(crate) fn doubt(&self) {
        if let Some(kept) = &mut *self.kept.write().unwrap_or_else(PoisonError::into_inner) {
            kept.is_doubted = true;
        }
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
    /// away, what is kept is good until it expires.
    ///
    /// # Errors
    /// `Internal` with code `snapshot_refused` where the signature does not hold, or by this machine's clock it has expired;
    /// `Validation` with code `tenant_required` where the caller works in no tenant; what [`Client`] lists.
    pub async fn permissions(&self) -> Result<Arc<Snapshot>> {
        let identity = self.session.current().await?.map(|credential| credential.identity);
        let kept = self.permissions.read().filter(|kept| Some(kept.identity) == identity);
        if let Some(kept) = &kept
            && kept.is_young(system::now())
        {
            return Ok(Arc::clone(&kept.snapshot));
        }
        match (self.load_permissions(identity).await, kept) {
            (Err(error), Some(kept))
                if error.kind() == ErrorKind::Unavailable && system::now() < kept.snapshot.expires_at() =>
            {
                Ok(kept.snapshot)
            }
            (loaded, _) => loaded,
        }
    }

    async fn load_permissions(&self, identity: Option<u64>) -> Result<Arc<Snapshot>> {
        let answer = self.user().permission_snapshot().await?;
        let snapshot = Arc::new(self.permissions.verify(&answer, system::now())?);
        let Some(identity) = identity.filter(|_| self.session.identity() == identity) else {
            return Err(error::signed_out());
        };
        let kept = Kept { identity, snapshot: Arc::clone(&snapshot), is_doubted: false };
        *self.permissions.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(snapshot)
    }

    /// Whether the caller may do something, as far as is known here: by the [`permissions`](Self::permissions) that are kept.
    /// It takes nanoseconds and asks nobody. The server decides in the end: what was taken away meanwhile is still allowed
    /// here, until the permissions are asked for again.
    ///
    /// # Errors
    /// What is not known is never `true`, and not `false` either: `Unavailable` with code `permissions_not_loaded` before
    /// the first call of `permissions` and after signing out or choosing another tenant, or `permissions_expired`;
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
        let kept = self.permissions.kept.read().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = kept.as_ref().filter(|kept| Some(kept.identity) == identity) else {
            return Err(unknown("permissions_not_loaded", "what the caller may do was not loaded"));
        };
        if kept.snapshot.expires_at() <= now {
            return Err(unknown("permissions_expired", "what is known of what the caller may do is too old"));
        }
        if scope.tenant_id() != Some(kept.snapshot.tenant()) {
            let message = "the permissions that are known here are those of another tenant";
            return Err(Error::invalid("scope", "other_tenant", message));
        }
        Ok(kept.snapshot.check(permission, scope, now))
    }
}

/// What the server gave is not what it has to be.
fn refused(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let source = source.into();
    let message = format!("the permissions that the server gave are not good: {source}");
    Error::new(ErrorKind::Internal, "snapshot_refused", message).with_source(source)
}
