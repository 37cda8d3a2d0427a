//! The one rule of passing rights on: nobody gives, changes or takes away what they do not hold themselves.

use crate::db::TenantTx;
use crate::sql;
use mono_core::id::TenantId;
use mono_core::permission::{
    Engine, Guardrail, Override, Pattern, PermissionSet, Principal, Role, Scope, Subject,
};
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
        let held = match self.caller().permissions().map(PermissionSet::engine) {
            None => None,
            Some(engine) => {
                let compiled = engine.tenant_rules(self.tenant(), roles.clone(), &overrides);
                let engine = engine.with_tenants([compiled]);
                let facts = self.own_facts().await?;
                Some(Held { set: engine.compile(&facts), engine, facts })
            }
        };
        Ok(Rules { roles, overrides, held })
    }

    /// What the caller was given, as it is now: of two who take each other's rights, the second has none any more.
    async fn own_facts(&mut self) -> Result<Principal, Error> {
        // What is held in a suspended account is held; whether anything may be done there, `authorize` says.
        let mut facts = Principal { suspended: Vec::new(), ..self.caller().facts().clone() };
        let guardrails = super::guardrails::all(self).await?;
        facts.guardrails = guardrails.into_iter().map(|(_, guardrail)| guardrail).collect();
        let Some(member) = self.caller().actor().member() else { return Ok(facts) };
        let elsewhere = |scope: &Scope| scope.tenant_id() != Some(self.tenant());
        facts.assignments.retain(|held| held.id.is_none() || elsewhere(&held.scope));
        facts.grants.retain(|held| held.id.is_none() || elsewhere(&held.scope));
        facts.assignments.extend(super::assignments::of(self, member).await?);
        facts.grants.extend(super::grants::of(self, member).await?);
        Ok(facts)
    }

    /// Refuses to take rights from oneself: who is left after any change is then at least as strong as who lost
    /// something, so a tenant never loses its last administrator.
    pub(super) fn require_other(&self, subject: Option<&Subject>) -> Result<(), Error> {
        match (subject, self.caller().actor().member()) {
            (Some(Subject::Member(member)), Some(own)) if *member == own => {
                let message = "nobody takes rights from themselves: ask somebody with the same rights";
                Err(Error::new(ErrorKind::Conflict, "own_membership", message))
            }
            _ => Ok(()),
        }
    }
}

impl Rules {
    /// The engine with these rules; `None` for the program itself.
    pub(super) fn engine(&self) -> Option<&Engine> {
        self.held.as_ref().map(|held| &held.engine)
    }

    /// Refuses rules under which the caller could not change them any more: perhaps nobody could.
    pub(super) fn require_way_back(&self, tenant: TenantId, now: Timestamp) -> Result<(), Error> {
        let Some(held) = &self.held else { return Ok(()) };
        let compiled = held.engine.tenant_rules(tenant, self.roles.clone(), &self.overrides);
        let set = held.engine.with_tenants([compiled]).compile(&held.facts);
        if set.check(super::roles::UPDATE, &Scope::tenant(tenant), now) {
            return Ok(());
        }
        let message = "after this you could not change roles any more, and perhaps nobody could: ask somebody who could";
        Err(Error::new(ErrorKind::Conflict, "locks_out", message))
    }

    /// The same without one guardrail, to ask who may lift it.
    pub(super) fn without(mut self, guardrail: &Guardrail) -> Self {
        if let Some(held) = &mut self.held {
            held.facts.guardrails.retain(|other| other != guardrail);
            held.set = held.engine.compile(&held.facts);
        }
        self
    }

    /// Refuses unless the caller holds everything that the pattern covers, at the scope, for at least as long. What has
    /// ended gives nothing.
    pub(super) fn require_pattern(
        &self,
        pattern: &Pattern,
        scope: &Scope,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Error> {
        match &self.held {
            Some(held) if !has_ended(until, now) && !held.set.covers(pattern, scope, until, now) => {
                Err(not_held(&format!("the permissions {}", pattern.as_str())))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a role that neither the platform nor the tenant has.
    pub(super) fn require_known(&self, role: &str) -> Result<(), Error> {
        let Some(held) = &self.held else { return Ok(()) };
        if self.roles.iter().chain(held.engine.roles()).any(|known| known.key == role) {
            return Ok(());
        }
        Err(Error::invalid(
            "role",
            "unknown_role",
            "there is no such role, neither of the platform nor of the tenant",
        ))
    }

    /// Refuses unless the caller holds everything that the role gives, at the scope, for at least as long. Nobody holds
    /// a role that does not exist; what has ended gives nothing.
    pub(super) fn require_role(
        &self,
        role: &str,
        scope: &Scope,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Error> {
        match &self.held {
            Some(held) if !has_ended(until, now) && !held.set.covers_role(role, scope, until, now) => {
                Err(not_held(&format!("everything in the role {role}")))
            }
            _ => Ok(()),
        }
    }
}

fn has_ended(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_some_and(|until| until <= now)
}

/// The refusal to pass on what is not held.
pub(super) fn not_held(what: &str) -> Error {
    let message = format!("nobody passes on what they do not hold: this needs {what}, here and for as long");
    Error::new(ErrorKind::Forbidden, "not_held", message)
}
