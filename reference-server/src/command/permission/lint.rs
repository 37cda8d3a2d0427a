//! `mono permission lint`: everything that is wrong, and everything that looks like a mistake.

use super::arguments::Lint;
use super::outcome::Outcome;
use super::policy_file;
use super::stored::{self, TenantPart};
use crate::config::Config;
use mono_core::id::TenantId;
use mono_core::permission::{Engine, LoadedPolicy, Policy, Principal, Subject};
use mono_core::time::Timestamp;
use mono_core::{Error, Problem};
use mono_storage::store::{Definitions, required_permissions};
use std::collections::BTreeMap;

pub(super) async fn run(config: &Config, asked: &Lint) -> Result<Outcome, Error> {
    let findings = if let Some(file) = &asked.policy {
        of_policy(&policy_file::read(file)?, asked.when.moment())
    } else {
        let (definitions, tenants) = stored::definitions(config).await?;
        of_stored(definitions, &tenants)
    };
    let lines = findings.iter().map(|found| format!("{found} [{}]", found.code)).collect();
    Ok(Outcome { lines, positive: findings.is_empty() })
}

/// The findings in a policy file. Where its form is broken there is nothing more to look at.
fn of_policy(text: &str, now: Timestamp) -> Vec<Problem> {
    let loaded = match Policy::load(text) {
        Ok(loaded) => loaded,
        Err(problems) => return problems,
    };
    let assigned = loaded.policy.assignments.iter().map(|item| item.role.as_str());
    let in_roles = loaded.engine.lint(assigned).into_iter().map(|found| Problem {
        field: place_in_file(&loaded.policy, &found.field).unwrap_or(found.field),
        ..found
    });
    loaded.problems.iter().cloned().chain(in_roles).chain(in_facts(&loaded, now)).collect()
}

/// The findings in the stored catalogue, and in what each tenant adds to it. Which roles are in use is not asked.
fn of_stored(definitions: Definitions, tenants: &[TenantPart]) -> Vec<Problem> {
    let roles: Vec<String> = definitions.roles.iter().map(|role| role.key.clone()).collect();
    let (engine, _) = match definitions.compile() {
        Ok(compiled) => compiled,
        Err(problems) => return problems,
    };
    let mut findings = engine.require(&required_permissions()).err().unwrap_or_default();
    findings.extend(engine.lint(roles.iter().map(String::as_str)));
    findings.extend(tenants.iter().flat_map(|part| of_tenant(&engine, part)));
    findings
}

/// The findings in what a stored tenant adds, each with the slug of the tenant: `tenants[harbour].roles[0]`.
fn of_tenant(engine: &Engine, part: &TenantPart) -> Vec<Problem> {
    let (id, slug) = (part.tenant.id, &part.tenant.slug);
    let rules = part.rules(engine);
    let unreadable = rules.problems().to_vec().into_iter();
    let unreadable =
        unreadable.map(|found| Problem { field: format!("tenants[{slug}].{}", found.field), ..found });
    let own = format!("tenants[{id}].");
    let in_roles = engine.with_tenants([rules]).lint(part.roles.iter().map(|role| role.key.as_str()));
    let in_roles = in_roles.into_iter().filter_map(|found| {
        let place = found.field.strip_prefix(&own)?;
        Some(Problem { field: format!("tenants[{slug}].{place}"), ..found })
    });
    unreadable.chain(in_roles).collect()
}

/// The findings in assignments and grants, in the order of the file.
///
/// Only what one subject was given can stand in its own way, so each subject is looked at by itself.
fn in_facts(loaded: &LoadedPolicy, now: Timestamp) -> Vec<Problem> {
    let policy = &loaded.policy;
    let mut subjects: BTreeMap<&Subject, Given> = BTreeMap::new();
    let mut findings = Vec::new();
    for (number, item) in policy.assignments.iter().enumerate() {
        match &item.subject {
            Some(subject) => subjects.entry(subject).or_default().assignments.push(number),
            None => findings.push(("assignments", number, nobody())),
        }
    }
    for (number, item) in policy.grants.iter().enumerate() {
        match &item.subject {
            Some(subject) => subjects.entry(subject).or_default().grants.push(number),
            None => findings.push(("grants", number, nobody())),
        }
    }
    for given in subjects.values() {
        for found in loaded.engine.lint_facts(&given.facts(policy), now) {
            findings.extend(given.place(&found.field).map(|(list, number)| (list, number, found)));
        }
    }
    findings.sort_by_key(|(list, number, _)| (*list, *number));
    let placed = |(list, number, found)| Problem { field: format!("{list}[{number}]"), ..found };
    findings.into_iter().map(placed).collect()
}

fn nobody() -> Problem {
    Problem::new("", "no_subject", "it has no subject, so nobody is given it")
}

/// The places in the file of what one subject was given.
#[derive(Default)]
struct Given {
    assignments: Vec<usize>,
    grants: Vec<usize>,
}

impl Given {
    fn facts(&self, policy: &Policy) -> Principal {
        let assignments = self.assignments.iter().filter_map(|number| policy.assignments.get(*number));
        let grants = self.grants.iter().filter_map(|number| policy.grants.get(*number));
        Principal {
            assignments: assignments.cloned().collect(),
            grants: grants.cloned().collect(),
            ..Principal::default()
        }
    }

    /// The place in the file of a place among the facts, such as `grants[2]`.
    fn place(&self, field: &str) -> Option<(&'static str, usize)> {
        let (list, number, _) = parts(field)?;
        let number: usize = number.parse().ok()?;
        match list {
            "assignments" => Some(("assignments", *self.assignments.get(number)?)),
            _ => Some(("grants", *self.grants.get(number)?)),
        }
    }
}

/// The place in the file of a custom role, which the engine calls `tenants[ID].roles[NUMBER]`.
fn place_in_file(policy: &Policy, field: &str) -> Option<String> {
    let ("tenants", tenant, rest) = parts(field)? else { return None };
    let tenant: TenantId = tenant.parse().ok()?;
    let (_, number, rest) = parts(rest.strip_prefix('.')?)?;
    let lists = policy.tenant_roles.iter().enumerate().filter(|(_, item)| item.tenant == tenant);
    let mut places = lists.flat_map(|(list, item)| (0..item.roles.len()).map(move |role| (list, role)));
    let (list, role) = places.nth(number.parse().ok()?)?;
    Some(format!("tenant_roles[{list}].roles[{role}]{rest}"))
}

/// `list[number]rest` in its parts.
fn parts(field: &str) -> Option<(&str, &str, &str)> {
    let (list, rest) = field.split_once('[')?;
    let (number, rest) = rest.split_once(']')?;
    Some((list, number, rest))
}
