//! What is allowed but looks like a mistake.

use super::pattern::Pattern;
use super::registry::Registry;
use super::role::Role;
use crate::error::Problem;

/// Names in roles that the catalogue does not have. A wildcard that covers nothing yet may be meant for later.
pub(crate) fn unknown_names(registry: &Registry, roles: &[Role]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (i, role) in roles.iter().enumerate() {
        for (list, texts) in [("allow", &role.allow), ("except", &role.except)] {
            for (j, text) in texts.iter().enumerate() {
                let Ok(pattern) = Pattern::parse(text) else { continue };
                if !text.contains('*') && registry.covered(&pattern).is_empty() {
                    let place = format!("roles[{i}].{list}[{j}]");
                    let message = format!("the catalogue has no permission {text}");
                    problems.push(Problem::new(place, "unknown_permission", message));
                }
            }
        }
    }
    problems
}

impl super::engine::Engine {
    /// Lists everything in the facts about a principal that cannot be understood.
    pub fn inspect(&self, facts: &super::grant::Principal) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (i, item) in facts.assignments.iter().enumerate() {
            if self.world.roles_at(&item.scope).find(&item.role).is_none() {
                let message = format!("there is no role {:?} here", super::name::shown(&item.role));
                problems.push(Problem::new(format!("assignments[{i}].role"), "unknown_role", message));
            }
        }
        let grants = facts.grants.iter().map(|item| &item.pattern).enumerate();
        let guardrails = facts.guardrails.iter().map(|item| &item.pattern).enumerate();
        let places = grants.map(|item| ("grants", item)).chain(guardrails.map(|item| ("guardrails", item)));
        for (list, (i, text)) in places {
            if let Err(error) = Pattern::parse(text) {
                problems.push(Problem::new(
                    format!("{list}[{i}].pattern"),
                    "invalid_pattern",
                    error.message(),
                ));
            }
        }
        if let Some(key) = &facts.key {
            for (i, scope) in key.scopes.iter().enumerate() {
                if self.catalogue().key_pattern(scope, key.at.tier()).is_none() {
                    let message = format!("{:?} is no scope of an API key", super::name::shown(scope));
                    problems.push(Problem::new(format!("key.scopes[{i}]"), "unknown_key_scope", message));
                }
            }
        }
        problems
    }
}
