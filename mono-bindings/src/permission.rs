//! Permission checks without a server.

use crate::error::{MonoError, Result};
use crate::time::moment;
use mono_core::permission::{Engine, Principal, Scope};
use mono_core::seed::Seed;
use mono_core::{Error, permission};
use serde::de::DeserializeOwned;
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
        Ok(self.set.check(permission.as_str(), &scope.parse::<Scope>()?, moment(now)?))
    }

    /// Why `check` answers as it does, as JSON with `reason` for programs and `message` for people.
    ///
    /// # Errors
    /// `Validation` where scope or moment make no sense.
    pub fn explain(&self, permission: String, scope: String, now: SystemTime) -> Result<String> {
        let explanation = self.set.explain(permission.as_str(), &scope.parse::<Scope>()?, moment(now)?);
        Ok(serde_json::to_string(&explanation).map_err(Error::internal)?)
    }
}

fn json<T: DeserializeOwned>(field: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| MonoError::from(Error::invalid(field, "invalid_json", error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const CATALOGUE: &str = r#"{"permissions":[{"name":"tenant.accounts.read"}]}"#;

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
            let explanation = set.explain(permission, place.into(), UNIX_EPOCH).unwrap();
            assert_eq!(explanation.contains(r#""reason":"allowed""#), allowed, "{explanation}");
        }
        assert!(matches!(
            set.check("x".into(), "nowhere".into(), UNIX_EPOCH),
            Err(MonoError::Validation { code, .. }) if code == "invalid_scope"
        ));
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
