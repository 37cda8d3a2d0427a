//! The one rule of passing rights on: nobody gives, changes or takes away what they do not hold themselves.

use crate::db::TenantTx;
use crate::sql;
use mono_core::permission::{Engine, Guardrail, Override, Pattern, PermissionSet, Principal, Role, Scope};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};

/// The tenant's rules as they are now, held until the transaction ends, and what the caller holds under them.
pub(super) struct Rules {
    pub(super) roles: Vec<Role>,
    pub(super) overrides: Vec<Override>,
    /// `None` for the program itself, which is not asked.
    held: Option<Held>,
}

struct Held {
    engine: Engine,
    facts: Principal,
    set: PermissionSet,
}

impl TenantTx {
    /// Refuses a place outside of the tenant.
    pub(super) fn require_inside(&self, scope: &Scope) -> Result<(), Error> {
        if scope.tenant_id() == Some(self.tenant()) {
            return Ok(());
        }
        Err(Error::invalid("scope", "outside_tenant", "the scope does not lie in this tenant"))
    }

    /// Waits until nobody else changes rules or gives rights in the tenant, and reads the rules. What the caller holds
    /// is worked out anew: between its sign-in and now a role may have become stronger.
    pub(super) async fn rules(&mut self) -> Result<Rules, Error> {
        sql!(
            self,
            "INSERT INTO permission_epochs (tenant_id, epoch) VALUES ($1, 1)
             ON CONFLICT (tenant_id) DO UPDATE SET epoch = permission_epochs.epoch + 1"
        )
        .execute()
        .await?;
        // Statements of their own, after the lock: they see what was committed while this one waited.
        let (roles, overrides) = (super::roles::load(self).await?, super::roles::load_overrides(self).await?);
        let held = self.caller().permissions().map(|known| {
            let engine = known.engine();
            let compiled = engine.tenant_rules(self.tenant(), roles.clone(), &overrides);
            let engine = engine.with_tenants([compiled]);
            // What is held in a suspended account is held; whether anything may be done there, `authorize` says.
            let facts = Principal { suspended: Vec::new(), ..self.caller().facts().clone() };
            Held { set: engine.compile(&facts), engine, facts }
        });
        Ok(Rules { roles, overrides, held })
    }
}

impl Rules {
    /// The engine with these rules; `None` for the program itself.
    pub(super) fn engine(&self) -> Option<&Engine> {
        self.held.as_ref().map(|held| &held.engine)
    }

    /// The same without one guardrail, to ask who may lift it.
    pub(super) fn without(mut self, guardrail: &Guardrail) -> Self {
        if let Some(held) = &mut self.held {
            held.facts.guardrails.retain(|other| other != guardrail);
            held.set = held.engine.compile(&held.facts);
        }
        self
    }

    /// Refuses unless the caller holds everything that the pattern covers, at the scope, for at least as long.
    pub(super) fn require_pattern(
        &self,
        pattern: &Pattern,
        scope: &Scope,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Error> {
        match &self.held {
            Some(held) if !held.set.covers(pattern, scope, until, now) => {
                Err(not_held(&format!("the permissions {}", pattern.as_str())))
            }
            _ => Ok(()),
        }
    }

    /// Refuses unless the caller holds everything that the role gives, at the scope, for at least as long. Nobody holds
    /// a role that does not exist.
    pub(super) fn require_role(
        &self,
        role: &str,
        scope: &Scope,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Error> {
        match &self.held {
            Some(held) if !held.set.covers_role(role, scope, until, now) => {
                Err(not_held(&format!("everything in the role {role}")))
            }
            _ => Ok(()),
        }
    }
}

/// The refusal to pass on what is not held.
pub(super) fn not_held(what: &str) -> Error {
    let message = format!("nobody passes on what they do not hold: this needs {what}, here and for as long");
    Error::new(ErrorKind::Forbidden, "not_held", message)
}
