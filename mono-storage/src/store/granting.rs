//! The one rule of passing rights on: nobody gives, changes or takes away what they do not hold themselves.

use crate::db::TenantTx;
use mono_core::caller::Caller;
use mono_core::permission::{Pattern, Scope};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};

impl TenantTx {
    /// Refuses a place outside of the tenant.
    pub(super) fn require_inside(&self, scope: &Scope) -> Result<(), Error> {
        if scope.tenant_id() == Some(self.tenant()) {
            return Ok(());
        }
        Err(Error::invalid("scope", "outside_tenant", "the scope does not lie in this tenant"))
    }
}

/// Refuses unless the caller holds everything that the pattern covers, at the scope, for at least as long.
pub(super) fn require_pattern(
    caller: &Caller,
    pattern: &Pattern,
    scope: &Scope,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    match caller.permissions() {
        Some(permissions) if !permissions.covers(pattern, scope, until, now) => {
            Err(not_held(&format!("the permissions {}", pattern.as_str())))
        }
        _ => Ok(()),
    }
}

/// Refuses unless the caller holds everything that the role gives, at the scope, for at least as long.
pub(super) fn require_role(
    caller: &Caller,
    role: &str,
    scope: &Scope,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    match caller.permissions() {
        Some(permissions) if !permissions.covers_role(role, scope, until, now) => {
            Err(not_held(&format!("everything in the role {role}")))
        }
        _ => Ok(()),
    }
}

fn not_held(what: &str) -> Error {
    let message = format!("nobody passes on what they do not hold: this needs {what}, here and for as long");
    Error::new(ErrorKind::Forbidden, "not_held", message)
}
