//! One file that holds everything: catalogue, roles, and who was given what.

use super::catalogue::Catalogue;
use super::engine::Engine;
use super::grant::{Assignment, Grant, Guardrail, Principal, Subject, TenantFeatures};
use super::registry::Asked;
use super::role::{Override, Role};
use super::scope::Scope;
use crate::error::Problem;
use crate::id::TenantId;
use crate::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The format of a policy file that this version writes and reads.
pub const POLICY_FORMAT: u64 = 1;

/// The custom roles of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantRoles {
    /// The tenant.
    pub tenant: TenantId,
    /// Its own roles.
    pub roles: Vec<Role>,
}

/// A policy file. Every list may be left out; unknown fields are refused.
///
/// ```json
/// {
///   "format": 1,
///   "catalogue": { "version": "7", "permissions": [{ "name": "tenant.files.read", "description": "Read files" }],
///                  "aliases": { "files:read": "{tier}.files.read" } },
///   "roles": [{ "key": "reader", "allow": ["tenant.*.read"], "except": [], "parents": [] }],
///   "tenant_roles": [{ "tenant": "<uuid>", "roles": [] }],
///   "overrides": [{ "role": "reader", "tenant": "<uuid>", "kind": "restrict", "patterns": ["tenant.files.*"] }],
///   "assignments": [{ "subject": { "member": "<uuid>" }, "role": "reader", "scope": "tenant:<uuid>" }],
///   "grants": [{ "subject": { "group": "staff" }, "pattern": "tenant.*", "effect": "deny", "scope": "platform" }],
///   "guardrails": [{ "pattern": "tenant.files.delete", "scope": "tenant:<uuid>/account:<uuid>" }],
///   "suspended": ["tenant:<uuid>"],
///   "features": [{ "tenant": "<uuid>", "features": ["reports"] }]
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Policy {
    /// The format, [`POLICY_FORMAT`].
    pub format: u64,
    /// Every permission.
    pub catalogue: Catalogue,
    /// The system roles.
    pub roles: Vec<Role>,
    /// The custom roles of tenants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tenant_roles: Vec<TenantRoles>,
    /// What tenants change in roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// Roles given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
    /// Patterns given or forbidden.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// What is forbidden to everybody in a scope.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<Guardrail>,
    /// Suspended tenants and accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspended: Vec<Scope>,
    /// The features of tenants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<TenantFeatures>,
}

/// A policy in force.
#[derive(Debug, Clone)]
pub struct LoadedPolicy {
    /// The file.
    pub policy: Policy,
    /// Its engine, with the rules of all tenants.
    pub engine: Engine,
    /// What could not be read and therefore gives nothing (or, as a deny, closes what it concerns), with its place.
    pub problems: Vec<Problem>,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// Every item that does not have the form of the file, each with its place (`grants[2]`).
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let place = format!("{}:{}", error.line(), error.column());
            vec![Problem::new(place, "invalid_json", "the policy file is not JSON")]
        })?;
        let Value::Object(fields) = value else {
            return Err(vec![Problem::new("policy", "invalid_policy", "a policy file is a JSON object")]);
        };
        let mut reader = Reader { fields, problems: Vec::new() };
        let policy = Self {
            format: reader.one("format").unwrap_or_default(),
            catalogue: reader.catalogue(),
            roles: reader.list("roles"),
            tenant_roles: reader.list("tenant_roles"),
            overrides: reader.list("overrides"),
            assignments: reader.list("assignments"),
            grants: reader.list("grants"),
            guardrails: reader.list("guardrails"),
            suspended: reader.list("suspended"),
            features: reader.list("features"),
        };
        let Reader { fields, mut problems } = reader;
        let unknown = fields.keys();
        problems
            .extend(unknown.map(|key| Problem::new(key, "unknown_field", "a policy file has no such field")));
        if policy.format != POLICY_FORMAT {
            let message = format!("the format of the file is {POLICY_FORMAT}");
            problems.push(Problem::new("format", "unsupported_format", message));
        }
        if problems.is_empty() { Ok(policy) } else { Err(problems) }
    }

    /// Reads a policy file and puts it in force.
    ///
    /// Patterns of tenants' rules, grants and guardrails that cannot be read do not stop it: an allow gives nothing, a
    /// deny closes the set of those it concerns, and each is listed in [`LoadedPolicy::problems`].
    ///
    /// # Errors
    /// All that is wrong with the form of the file, or else all that is wrong with its catalogue and system roles.
    pub fn load(text: &str) -> Result<LoadedPolicy, Vec<Problem>> {
        Self::parse(text)?.in_force()
    }

    /// Puts the policy in force; see [`Policy::load`].
    ///
    /// # Errors
    /// All that is wrong with the catalogue and the system roles.
    pub fn in_force(self) -> Result<LoadedPolicy, Vec<Problem>> {
        let engine = Engine::build(self.catalogue.clone(), self.roles.clone())?;
        let mut problems = Vec::new();
        let mut resolved_rules = Vec::new();
        let tenants: BTreeSet<TenantId> = (self.tenant_roles.iter().map(|item| item.tenant))
            .chain(self.overrides.iter().map(|item| item.tenant))
            .collect();
        for tenant in tenants {
            let lists = self.tenant_roles.iter().enumerate().filter(|(_, item)| item.tenant == tenant);
            let places: Vec<String> = lists
                .clone()
                .flat_map(|(i, item)| {
                    (0..item.roles.len()).map(move |j| format!("tenant_roles[{i}].roles[{j}]"))
                })
                .collect();
            let roles = lists.flat_map(|(_, item)| item.roles.iter().cloned()).collect();
            let resolved = engine.tenant_rules(tenant, roles, &self.overrides);
            problems.extend(resolved.problems().iter().map(|problem| renamed(problem, &places)));
            resolved_rules.push(resolved);
        }
        let engine = engine.with_tenants(resolved_rules);
        let everything = Principal {
            assignments: self.assignments.clone(),
            grants: self.grants.clone(),
            guardrails: self.guardrails.clone(),
            ..Principal::default()
        };
        problems.extend(engine.inspect(&everything));
        Ok(LoadedPolicy { policy: self, engine, problems })
    }
}

/// The problem with the place in the file in place of the one in the list of the tenant's roles.
fn renamed(problem: &Problem, places: &[String]) -> Problem {
    let inner = problem.field.strip_prefix("roles[").and_then(|rest| rest.split_once(']'));
    let place = inner.and_then(|(number, rest)| {
        let place = number.parse::<usize>().ok().and_then(|number| places.get(number))?;
        Some(format!("{place}{rest}"))
    });
    Problem { field: place.unwrap_or_else(|| problem.field.clone()), ..problem.clone() }
}

impl LoadedPolicy {
    /// The facts about a principal who is all of `subjects`: a member and its groups, say.
    pub fn facts(&self, subjects: &[Subject], home: Option<TenantId>) -> Principal {
        let mine =
            |subject: &Option<Subject>| subject.as_ref().is_some_and(|subject| subjects.contains(subject));
        let policy = &self.policy;
        Principal {
            home,
            assignments: policy.assignments.iter().filter(|item| mine(&item.subject)).cloned().collect(),
            grants: policy.grants.iter().filter(|item| mine(&item.subject)).cloned().collect(),
            guardrails: policy.guardrails.clone(),
            suspended: policy.suspended.clone(),
            features: policy.features.clone(),
            key: None,
        }
    }

    /// Who of those named in the file may do something: members, users, keys and groups, each by itself.
    pub fn who_can(&self, permission: impl Asked, scope: &Scope, now: Timestamp) -> Vec<Subject> {
        let policy = &self.policy;
        let assigned = policy.assignments.iter().filter_map(|item| item.subject.clone());
        let granted = policy.grants.iter().filter_map(|item| item.subject.clone());
        let subjects: BTreeSet<Subject> = assigned.chain(granted).collect();
        let can = |subject: &Subject| {
            let facts = self.facts(std::slice::from_ref(subject), None);
            self.engine.compile(&facts).check(&permission, scope, now)
        };
        subjects.into_iter().filter(can).collect()
    }
}

/// Takes the fields of the file one after the other and collects what is wrong.
struct Reader {
    fields: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Reader {
    fn read<T: DeserializeOwned>(&mut self, place: &str, value: Value) -> Option<T> {
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(Problem::new(place, "invalid_item", error.to_string()));
                None
            }
        }
    }

    fn one<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let value = self.fields.remove(field)?;
        self.read(field, value)
    }

    fn list<T: DeserializeOwned>(&mut self, field: &str) -> Vec<T> {
        let Some(value) = self.fields.remove(field) else { return vec![] };
        self.items(field, value)
    }

    fn items<T: DeserializeOwned>(&mut self, place: &str, value: Value) -> Vec<T> {
        let Value::Array(items) = value else {
            self.problems.push(Problem::new(place, "invalid_item", "this is a list"));
            return vec![];
        };
        let numbered = items.into_iter().enumerate();
        numbered.filter_map(|(i, item)| self.read(&format!("{place}[{i}]"), item)).collect()
    }

    fn catalogue(&mut self) -> Catalogue {
        let Some(mut value) = self.fields.remove("catalogue") else { return Catalogue::default() };
        // The entries one by one, so that each wrong one is named.
        let entries =
            value.get_mut("permissions").map(|entries| std::mem::replace(entries, Value::Array(vec![])));
        let permissions =
            entries.map_or_else(Vec::new, |entries| self.items("catalogue.permissions", entries));
        let rest: Catalogue = self.read("catalogue", value).unwrap_or_default();
        Catalogue { permissions, ..rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::MemberId;

    const T: &str = "00000000-0000-0000-0000-000000000001";

    #[test]
    fn all_problems_of_a_file_are_listed_with_their_places() {
        let text = r#"{"format": 2, "extra": 1,
            "catalogue": {"version": "1", "permissions": [{"name": "t.a"}, {"nam": "t.b"}]},
            "grants": [{"pattern": "t.a", "effect": "allow", "scope": "platform"},
                       {"pattern": "t.a", "effect": "perhaps", "scope": "platform"},
                       {"pattern": "t.a", "effect": "allow", "scope": "everywhere"}],
            "roles": [{"key": "a", "deny": ["t.a"]}], "suspended": 1}"#;
        let problems = Policy::parse(text).unwrap_err();
        let places: BTreeSet<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        let expected = [
            "catalogue.permissions[1]",
            "extra",
            "format",
            "grants[1]",
            "grants[2]",
            "roles[0]",
            "suspended",
        ];
        assert_eq!(places, expected.into(), "{problems:?}");
    }

    #[test]
    fn stored_patterns_that_cannot_be_read_are_closed_and_reported() {
        let text = format!(
            r#"{{"format": 1, "catalogue": {{"permissions": [{{"name": "t.a"}}, {{"name": "t.b"}}]}},
            "roles": [{{"key": "r", "allow": ["t.*"]}}],
            "tenant_roles": [{{"tenant": "{T}", "roles": [{{"key": "own", "allow": ["t.a", "t.b*"]}}]}}],
            "overrides": [{{"role": "r", "tenant": "{T}", "kind": "restrict", "patterns": ["t.b", "t..x"]}}],
            "assignments": [{{"subject": {{"member": "{T}"}}, "role": "own", "scope": "tenant:{T}"}},
                            {{"subject": {{"group": "g"}}, "role": "r", "scope": "platform"}}],
            "grants": [{{"subject": {{"group": "h"}}, "pattern": "x", "effect": "deny", "scope": "tenant:{T}"}}]}}"#
        );
        let loaded = Policy::load(&text).unwrap();
        let places: Vec<_> = loaded.problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(
            places,
            ["tenant_roles[0].roles[0].allow[1]", "overrides[0].patterns[1]", "grants[0].pattern"]
        );
        let (now, at) = ("2026-01-01T00:00:00Z".parse().unwrap(), Scope::tenant(TenantId::from_u128(1)));
        let member = Subject::Member(MemberId::from_u128(1));
        assert_eq!(loaded.who_can("t.a", &at, now), std::slice::from_ref(&member));
        assert_eq!(loaded.who_can("t.b", &at, now), []);
        assert_eq!(loaded.who_can("t.b", &Scope::platform(), now), [Subject::Group("g".into())]);
        let set = loaded.engine.compile(&loaded.facts(&[member, Subject::Group("h".into())], None));
        assert_eq!(set.explain("t.a", &at, now).code(), "closed");
    }

    #[test]
    fn a_policy_reads_back_from_what_is_written() {
        let text = format!(
            r#"{{"format": 1, "catalogue": {{"version": "3", "permissions": [{{"name": "t.a", "feature": "f"}}]}},
            "roles": [], "features": [{{"tenant": "{T}", "features": ["f"]}}], "suspended": ["tenant:{T}"]}}"#
        );
        let policy = Policy::parse(&text).unwrap();
        assert_eq!(Policy::parse(&serde_json::to_string(&policy).unwrap()).unwrap(), policy);
        assert!(Policy::parse("{").unwrap_err()[0].code == "invalid_json");
        assert!(Policy::parse("[]").is_err());
    }
}
