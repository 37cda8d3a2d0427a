//! What the platform and a tenant ask of who signs in, held against a session.

use super::{Catalogue, Identities, ended};
use chrono::TimeDelta;
use mono_core::model::auth_policy::{AuthPolicy, SignInMethod};
use mono_core::model::session::Session;
use mono_core::permission::{Effect, Role};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::store::Principal;
use std::collections::BTreeMap;
use std::time::Duration;

impl Identities {
    /// What the platform and the tenant together ask of who signs in.
    pub(crate) fn policy(&self, principal: &Principal) -> AuthPolicy {
        let platform = &self.settings.policy;
        principal
            .tenant
            .as_ref()
            .map_or_else(|| platform.clone(), |part| platform.tightened(&part.auth_policy))
    }

    /// Refuses a session that is too old for where it works, or began in a way that is not taken there; gives when it
    /// ends there at the latest.
    pub(crate) fn hold(&self, principal: &Principal, session: &Session) -> Result<Timestamp, Error> {
        let (policy, now) = (self.policy(principal), self.database.now());
        let ends = session.created_at + TimeDelta::hours(i64::from(policy.session_hours));
        let ends = session.expires_at.min(ends);
        if session.impersonator_id.is_some() {
            return Ok(ends);
        }
        let idle = policy.idle_minutes.map(|minutes| TimeDelta::minutes(i64::from(minutes)));
        if now >= ends || idle.is_some_and(|idle| now >= session.last_used_at + idle) {
            return Err(ended());
        }
        self.take(principal, session.method)?;
        Ok(ends)
    }

    /// Refuses a way to sign in that is not taken where the person wants to work.
    pub(crate) fn take(&self, principal: &Principal, method: SignInMethod) -> Result<(), Error> {
        if self.policy(principal).sign_in_methods.contains(&method) {
            return Ok(());
        }
        let message = format!("a sign-in by {method} is not taken here");
        Err(Error::new(ErrorKind::Forbidden, "sign_in_method_not_allowed", message))
    }

    /// Refuses a person whose role asks for a second factor that the session has not shown.
    pub(super) fn require_second_factor(
        &self,
        catalogue: &Catalogue,
        principal: &Principal,
        session: &Session,
    ) -> Result<(), Error> {
        let needed = self.policy(principal).second_factor_roles;
        // Support staff have shown their own when they began.
        if needed.is_empty() || session.second_factor_at.is_some() || session.impersonator_id.is_some() {
            return Ok(());
        }
        let part = principal.tenant.as_ref();
        let own_roles = part.map(|part| part.roles.as_slice()).unwrap_or_default();
        let roles: BTreeMap<&str, &Role> =
            catalogue.engine.roles().iter().chain(own_roles).map(|role| (role.key.as_str(), role)).collect();
        let assignments = principal.assignments.iter().chain(part.iter().flat_map(|part| &part.assignments));
        let mut held: Vec<&str> = assignments.map(|assignment| assignment.role.as_str()).collect();
        let mut place = 0;
        while let Some(key) = held.get(place).copied() {
            let parents = roles.get(key).into_iter().flat_map(|role| &role.parents);
            let parents: Vec<&str> = parents.map(String::as_str).filter(|key| !held.contains(key)).collect();
            held.extend(parents);
            place += 1;
        }
        // Who was given everything without any role may do all that those of the role may.
        let mut grants = principal.grants.iter().chain(part.iter().flat_map(|part| &part.grants));
        let holds_all = grants.any(|grant| grant.effect == Effect::Allow && grant.pattern == "*");
        if !holds_all && !held.iter().any(|key| needed.contains(*key)) {
            return Ok(());
        }
        let (code, message) = if principal.second_factor {
            ("second_factor_required", "your role asks for the second factor: show its code")
        } else {
            ("second_factor_enrolment_required", "your role asks for a second factor: enrol one")
        };
        Err(Error::new(ErrorKind::Forbidden, code, message))
    }
}

/// Until when a person counts as one who has just proven who they are: with the second factor, where there is one.
pub(crate) fn fresh_until(session: &Session, second_factor: bool, fresh_for: Duration) -> Timestamp {
    let at = if second_factor { session.second_factor_at } else { Some(session.authenticated_at) };
    at.map_or(Timestamp::UNIX_EPOCH, |at| at + fresh_for)
}
