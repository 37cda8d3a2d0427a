//! What an installation decides about signing in.

use mono_core::Error;
use mono_core::model::auth_policy::AuthPolicy;
use std::time::Duration;

/// What an installation decides about signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSettings {
    /// What is asked of everybody; a tenant may ask for more.
    pub policy: AuthPolicy,
    /// The name that authenticators show beside the address of the person.
    pub issuer: String,
    /// How long somebody who has proven who they are may use dangerous permissions.
    pub fresh_for: Duration,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self { policy: AuthPolicy::default(), issuer: "mono".to_owned(), fresh_for: Duration::from_mins(15) }
    }
}

impl AuthSettings {
    /// Refuses settings that nobody could sign in with.
    ///
    /// # Errors
    /// `Validation` that names each field.
    pub fn check(&self) -> Result<(), Error> {
        let problems = self.policy.problems();
        if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
    }
}
