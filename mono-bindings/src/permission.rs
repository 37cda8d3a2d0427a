//! Permission checks without a server.

use crate::error::{MonoError, Result};
use crate::json::json;
use crate::time::moment;
use mono_core::id::Uuid;
use mono_core::permission::{Engine, Principal, Scope};
use mono_core::seed::Seed;
use mono_core::{Error, ErrorKind, permission};
use std::sync::Arc;
use std::time::SystemTime;

/// Decides who may do what, without a server: a catalogue of permissions with its roles.
#[derive(Debug, uniffi::Object)]
pub struct PermissionEngine {
    engine: Engine,
}

#[uniffi::export]
impl PermissionEngine {
    /// Makes an engine from a catalogue, `{"permissions": [{"name": "tenant.accounts.read"}]}`, and its roles,
    /// `[{"key": "viewer", "allow": ["tenant.*.read"]}]`, both as JSON.
    ///
    /// # Errors
    /// `Validation` names everything that is wrong at once, each with its place.
    #[uniffi::constructor]
    pub fn new(catalogue: String, roles: String) -> Result<Arc<Self>> {
        let engine = Engine::build(json("catalogue", &catalogue)?, json("roles", &roles)?)?;
        Ok(Arc::new(Self { engine }))
    }

    /// Makes an engine from the text of a seed file, as the server reads it.
    ///
    /// # Errors
    /// `Validation` names everything that is wrong at once, each with its line.
    #[uniffi::constructor]
    pub fn from_seed(seed: String) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { engine: Seed::parse(&seed)?.engine }))
    }

    /// Compiles the facts about one principal, as JSON:
    /// `{"assignments": [{"role": "viewer", "scope": "tenant:<id>"}]}`.
    ///
    /// # Errors
    /// `Validation` where the JSON does not fit.
    pub fn compile(&self, principal: String) -> Result<Arc<PermissionSet>> {
        let principal: Principal = json("principal", &principal)?;
        Ok(Arc::new(PermissionSet { set: self.engine.compile(&principal) }))
    }

    /// Writes the facts about one principal (as for `compile`) and the rules that concern them into a snapshot, signed
    /// with a secret Ed25519 key of 32 bytes, for a device that then decides without a server.
    ///
    /// # Errors
    /// `Validation` where key, JSON or moments make no sense.
    pub fn snapshot(&self, request: SnapshotRequest, secret: Vec<u8>) -> Result<Vec<u8>> {
        let facts: Principal = json("principal", &request.facts)?;
        let request = permission::SnapshotRequest {
            principal: &request.principal,
            tenant: request.tenant.into(),
            facts: &facts,
            issued_at: moment("issued_at", request.issued_at)?,
            expires_at: moment("expires_at", request.expires_at)?,
        };
        Ok(self.engine.snapshot(&request, &key("secret", &secret)?).map_err(Error::internal)?)
    }
}

/// What one principal may do; made by `PermissionEngine.compile`.
#[derive(Debug, uniffi::Object)]
pub struct PermissionSet {
    set: permission::PermissionSet,
}

#[uniffi::export]
impl PermissionSet {
    /// Whether the permission is allowed at the scope (`platform`, `tenant:<id>`, `tenant:<id>/account:<id>`) at that
    /// moment. A permission that the catalogue does not have is refused.
    ///
    /// # Errors
    /// `Validation` where scope or moment make no sense.
    pub fn check(&self, permission: String, scope: String, now: SystemTime) -> Result<bool> {
        Ok(self.set.check(permission.as_str(), &scope.parse::<Scope>()?, moment("now", now)?))
    }

    /// As `check`, for many permissions at one scope at once, in their order. Most of what a check costs is the way over to
    /// the library, which is taken once here.
    ///
    /// # Errors
    /// `Validation` where scope or moment make no sense.
    pub fn check_all(&self, permissions: Vec<String>, scope: String, now: SystemTime) -> Result<Vec<bool>> {
        let (scope, now) = (scope.parse::<Scope>()?, moment("now", now)?);
        Ok(permissions.iter().map(|name| self.set.check(name.as_str(), &scope, now)).collect())
    }

    /// Why `check` answers as it does, as JSON with `reason` for programs and `message` for people.
    ///
    /// # Errors
    /// `Validation` where scope or moment make no sense.
    pub fn explain(&self, permission: String, scope: String, now: SystemTime) -> Result<String> {
        let explanation =
            self.set.explain(permission.as_str(), &scope.parse::<Scope>()?, moment("now", now)?);
        Ok(serde_json::to_string(&explanation).map_err(Error::internal)?)
    }
}

/// What a snapshot is made for.
#[derive(Debug, Clone, uniffi::Record)]
pub struct SnapshotRequest {
    /// Who the principal is, for the device to show and compare.
    pub principal: String,
    /// The id of the tenant in which the snapshot answers; elsewhere it refuses everything.
    pub tenant: Uuid,
    /// The facts about the principal, as JSON.
    pub facts: String,
    /// The present moment.
    pub issued_at: SystemTime,
    /// The moment from which on it is refused.
    pub expires_at: SystemTime,
}

/// The permissions of one principal, signed by a server and decided on this device, without network, by the same code.
#[derive(Debug, uniffi::Object)]
pub struct PermissionSnapshot {
    snapshot: Arc<permission::Snapshot>,
}

#[cfg(feature = "client")]
impl From<Arc<permission::Snapshot>> for PermissionSnapshot {
    fn from(snapshot: Arc<permission::Snapshot>) -> Self {
        Self { snapshot }
    }
}

#[uniffi::export]
impl PermissionSnapshot {
    /// Verifies the bytes of a snapshot with any of some public keys of 32 bytes (two, while keys are changed).
    ///
    /// # Errors
    /// `Unauthorized` with code `snapshot_refused` for bytes that are malformed, changed, signed by another key,
    /// expired, or of a future version; the text says which.
    #[uniffi::constructor]
    pub fn verify(bytes: Vec<u8>, public_keys: Vec<Vec<u8>>, now: SystemTime) -> Result<Arc<Self>> {
        let keys = public_keys.iter().map(|bytes| key("public_keys", bytes)).collect::<Result<Vec<_>>>()?;
        let snapshot = permission::Snapshot::verify(&bytes, &keys, moment("now", now)?)
            .map_err(|error| Error::new(ErrorKind::Unauthorized, "snapshot_refused", error.to_string()))?;
        Ok(Arc::new(Self { snapshot: Arc::new(snapshot) }))
    }

    /// Whether the permission is allowed at the scope; outside of the tenant and after the expiry nothing is.
    ///
    /// # Errors
    /// `Validation` where scope or moment make no sense.
    pub fn check(&self, permission: String, scope: String, now: SystemTime) -> Result<bool> {
        Ok(self.snapshot.check(permission.as_str(), &scope.parse::<Scope>()?, moment("now", now)?))
    }

    /// As `check`, for many permissions at one scope at once, in their order. Most of what a check costs is the way over to
    /// the library, which is taken once here.
    ///
    /// # Errors
    /// `Validation` where scope or moment make no sense.
    pub fn check_all(&self, permissions: Vec<String>, scope: String, now: SystemTime) -> Result<Vec<bool>> {
        let (scope, now) = (scope.parse::<Scope>()?, moment("now", now)?);
        Ok(permissions.iter().map(|name| self.snapshot.check(name.as_str(), &scope, now)).collect())
    }

    /// Why `check` answers as it does, as JSON; none outside of the tenant and after the expiry.
    ///
    /// # Errors
    /// `Validation` where scope or moment make no sense.
    pub fn explain(&self, permission: String, scope: String, now: SystemTime) -> Result<Option<String>> {
        let explanation =
            self.snapshot.explain(permission.as_str(), &scope.parse::<Scope>()?, moment("now", now)?);
        Ok(explanation
            .map(|explanation| serde_json::to_string(&explanation))
            .transpose()
            .map_err(Error::internal)?)
    }

    /// Whose permissions they are.
    pub fn principal(&self) -> String {
        self.snapshot.principal().to_owned()
    }

    /// The id of the tenant in which they answer.
    pub fn tenant(&self) -> Uuid {
        self.snapshot.tenant().into()
    }

    /// The version of the catalogue that they were issued with.
    pub fn catalogue_version(&self) -> String {
        self.snapshot.catalogue_version().to_owned()
    }

    /// When they were issued.
    pub fn issued_at(&self) -> SystemTime {
        self.snapshot.issued_at().into()
    }

    /// From when on it is refused.
    pub fn expires_at(&self) -> SystemTime {
        self.snapshot.expires_at().into()
    }
}

/// The public key that verifies what a secret key of 32 bytes signs.
///
/// # Errors
/// `Validation` for a key of another length.
#[uniffi::export]
pub fn snapshot_public_key(secret: Vec<u8>) -> Result<Vec<u8>> {
    Ok(permission::snapshot_public_key(&key("secret", &secret)?).to_vec())
}

/// Reads a key of Ed25519.
pub(crate) fn key(field: &str, bytes: &[u8]) -> Result<[u8; 32]> {
    let wrong = |_| MonoError::from(Error::invalid(field, "invalid_key", "the key has 32 bytes"));
    bytes.try_into().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const CATALOGUE: &str = r#"{"version":"7","permissions":[{"name":"tenant.accounts.read"}]}"#;

    fn engine() -> Arc<PermissionEngine> {
        PermissionEngine::new(CATALOGUE.into(), r#"[{"key":"viewer","allow":["tenant.*.read"]}]"#.into())
            .unwrap()
    }

    #[test]
    fn a_check_and_its_explanation_agree() {
        let scope = "tenant:00000000-0000-7000-8000-000000000001";
        let principal = format!(r#"{{"assignments":[{{"role":"viewer","scope":"{scope}"}}]}}"#);
        let set = engine().compile(principal).unwrap();
        for (place, allowed) in [(scope, true), ("platform", false)] {
            let permission = "tenant.accounts.read".to_owned();
            assert_eq!(set.check(permission.clone(), place.into(), UNIX_EPOCH).unwrap(), allowed);
            let both = vec![permission.clone(), "tenant.nothing.read".to_owned()];
            assert_eq!(set.check_all(both, place.into(), UNIX_EPOCH).unwrap(), [allowed, false]);
            let explanation = set.explain(permission, place.into(), UNIX_EPOCH).unwrap();
            assert_eq!(explanation.contains(r#""reason":"allowed""#), allowed, "{explanation}");
        }
        assert!(matches!(
            set.check("x".into(), "nowhere".into(), UNIX_EPOCH),
            Err(MonoError::Validation { code, .. }) if code == "invalid_scope"
        ));
    }

    #[test]
    fn a_snapshot_answers_as_the_set_and_a_changed_one_is_refused() {
        let tenant = Uuid::from_u128(0x7000_8000_0000_0000_0001);
        let scope = format!("tenant:{tenant}");
        let facts = format!(r#"{{"assignments":[{{"role":"viewer","scope":"{scope}"}}]}}"#);
        let later = UNIX_EPOCH + std::time::Duration::from_secs(60);
        let principal = "ana".to_owned();
        let request = SnapshotRequest { principal, tenant, facts, issued_at: UNIX_EPOCH, expires_at: later };
        let bytes = engine().snapshot(request.clone(), vec![7; 32]).unwrap();
        let keys = vec![snapshot_public_key(vec![7; 32]).unwrap()];
        let snapshot = PermissionSnapshot::verify(bytes.clone(), keys.clone(), UNIX_EPOCH).unwrap();
        let name = || "tenant.accounts.read".to_owned();
        assert!(snapshot.check(name(), scope.clone(), UNIX_EPOCH).unwrap());
        assert!(!snapshot.check(name(), "platform".into(), UNIX_EPOCH).unwrap());
        assert!(!snapshot.check(name(), scope.clone(), later).unwrap());
        let both = || vec!["tenant.nothing.read".to_owned(), name()];
        assert_eq!(snapshot.check_all(both(), scope.clone(), UNIX_EPOCH).unwrap(), [false, true]);
        assert_eq!(snapshot.check_all(both(), scope.clone(), later).unwrap(), [false, false]);
        assert!(snapshot.explain(name(), scope, UNIX_EPOCH).unwrap().unwrap().contains("allowed"));
        assert_eq!((snapshot.principal(), snapshot.tenant()), ("ana".to_owned(), tenant));
        assert_eq!((snapshot.issued_at(), snapshot.expires_at()), (UNIX_EPOCH, later));
        assert_eq!(snapshot.catalogue_version(), "7");

        let refused = |bytes: Vec<u8>, keys: Vec<Vec<u8>>, now| matches!(PermissionSnapshot::verify(bytes, keys, now), Err(MonoError::Unauthorized { code, .. }) if code == "snapshot_refused");
        assert!(refused(bytes.clone(), keys.clone(), later), "expired");
        assert!(
            refused(bytes.clone(), vec![snapshot_public_key(vec![8; 32]).unwrap()], UNIX_EPOCH),
            "another key"
        );
        assert!(refused(Vec::new(), keys.clone(), UNIX_EPOCH), "nothing");
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            assert!(refused(changed, keys.clone(), UNIX_EPOCH), "byte {i}");
        }
        assert!(engine().snapshot(request, vec![7; 31]).is_err());
    }

    #[test]
    fn malformed_input_names_its_place() {
        let text = |result: Result<Arc<PermissionEngine>>| result.unwrap_err().to_string();
        assert!(text(PermissionEngine::new("{".into(), "[]".into())).starts_with("catalogue: "));
        assert!(text(PermissionEngine::new(CATALOGUE.into(), "{}".into())).starts_with("roles: "));
        let circle = r#"[{"key":"a","parents":["a"]}]"#;
        assert!(text(PermissionEngine::new(CATALOGUE.into(), circle.into())).contains("roles[0]"));
        assert!(engine().compile("[1]".into()).unwrap_err().to_string().starts_with("principal: "));
        assert!(PermissionEngine::from_seed("{}".into()).is_err());
    }

    #[test]
    fn the_engine_reads_the_seed_file_of_the_server() {
        PermissionEngine::from_seed(Seed::STARTER.into()).unwrap();
    }
}
