//! Templates: what a new tenant of an industry starts from.

use super::schema::{OptionSet, Schema};
use crate::error::{Error, Problem};
use crate::id::TenantId;
use crate::permission::{Engine, Role};
use crate::subscription::Key;
use crate::text::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a new tenant of an industry starts from: a plan, schemas and option sets for its profiles, and roles of its own.
///
/// A tenant is given copies. What happens to the template later does not concern it.
///
/// ```
/// use mono_core::model::template::Template;
/// let template: Template = serde_json::from_str(
///     r#"{"key": "marina", "name": "Marina", "plan": "starter",
///         "schemas": [{"key": "berth_holder", "name": "Berth holder", "fields": [
///             {"key": "club", "label": "Club", "type": {"option": {"set": "clubs"}}}]}]}"#,
/// ).unwrap();
/// let problems = template.problems_at("templates[0]");
/// assert_eq!(problems[0].field, "templates[0].schemas[0].fields");
/// assert_eq!(problems[0].code, "unknown_option_set");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The name by which a new tenant asks for it.
    pub key: Key,
    /// What people call it.
    pub name: Name,
    /// For whom it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The plan that a tenant begins with, with its trial.
    pub plan: Key,
    /// What fields choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub option_sets: Vec<OptionSet>,
    /// The kinds of profiles. They name option sets of the template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<Schema>,
    /// Roles beside those of the platform, which they may inherit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
}

impl Template {
    /// What is wrong with it by itself, with places below `place`. Whether there is such a plan is for
    /// [`PlanCatalogue`](crate::subscription::PlanCatalogue), and what its roles give for [`role_problems`].
    pub fn problems_at(&self, place: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut adopt = |list: &str, position: usize, found: Vec<Problem>| {
            problems.extend(found.into_iter().map(|problem| Problem {
                field: format!("{place}.{list}[{position}].{}", problem.field),
                ..problem
            }));
        };
        let found =
            |result: Result<(), Error>| result.err().map(|error| error.problems()).unwrap_or_default();
        let mut sets = BTreeSet::new();
        for (i, set) in self.option_sets.iter().enumerate() {
            adopt("option_sets", i, found(set.require_whole()));
            if !sets.insert(&set.key) {
                adopt("option_sets", i, vec![twice(set.key.as_str())]);
            }
        }
        let mut schemas = BTreeSet::new();
        for (i, schema) in self.schemas.iter().enumerate() {
            adopt("schemas", i, found(schema.require_whole()));
            if !schemas.insert(&schema.key) {
                adopt("schemas", i, vec![twice(schema.key.as_str())]);
            }
            for set in schema.sets().into_iter().filter(|set| !sets.contains(set)) {
                let message = format!("the template has no option set {set}");
                adopt("schemas", i, vec![Problem::new("fields", "unknown_option_set", message)]);
            }
        }
        for (i, role) in self.roles.iter().enumerate() {
            adopt("roles", i, role.problems_in_tenant());
        }
        for (list, count, most) in [
            ("option_sets", self.option_sets.len(), OptionSet::MOST),
            ("schemas", self.schemas.len(), Schema::MOST),
            ("roles", self.roles.len(), Self::MOST_ROLES),
        ] {
            if count > most {
                let message = format!("there are {count} of at most {most}");
                problems.push(Problem::new(format!("{place}.{list}"), "too_long", message));
            }
        }
        problems
    }

    /// The most roles of a template: every request of every member compiles the tenant's.
    pub const MOST_ROLES: usize = 50;
}

fn twice(key: &str) -> Problem {
    Problem::new("key", "duplicate_key", format!("an earlier one has the key `{key}` already"))
}

/// What the roles of templates say that the platform does not know: permissions, parents, and keys that it has itself.
/// Places are such as `templates[1].roles[0].allow[2]`.
pub fn role_problems(templates: &[Template], engine: &Engine) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (i, template) in templates.iter().enumerate() {
        let place = format!("templates[{i}]");
        for (j, role) in template.roles.iter().enumerate() {
            if engine.roles().iter().any(|system| system.key == role.key) {
                let message = format!("the platform has a role {}", role.key);
                problems.push(Problem::new(format!("{place}.roles[{j}].key"), "duplicate_role", message));
            }
        }
        let rules = engine.tenant_rules(TenantId::from_u128(0), template.roles.clone(), &[]);
        let found = rules.problems().iter().cloned().chain(engine.unknown_names(&template.roles));
        problems
            .extend(found.map(|problem| Problem { field: format!("{place}.{}", problem.field), ..problem }));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::{Catalogue, PermissionEntry};
    use serde_json::{Value, json};

    fn template(more: &Value) -> Template {
        let mut value = json!({"key": "marina", "name": "Marina", "plan": "starter"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let set = json!({"key": "clubs", "name": "Clubs", "options": []});
        let schema = json!({"key": "holder", "name": " ", "fields": []});
        let role =
            json!({"key": "Harbour Master", "name": "x", "allow": ["platform.tenants.read", "tenant.*"]});
        let wrong =
            template(&json!({"option_sets": [set, set], "schemas": [schema, schema], "roles": [role]}));
        let problems = wrong.problems_at("t");
        let told: Vec<_> = problems.iter().map(|p| (p.field.as_str(), p.code.as_str())).collect();
        assert_eq!(
            told,
            [
                ("t.option_sets[1].key", "duplicate_key"),
                ("t.schemas[0].name", "invalid_label"),
                ("t.schemas[1].name", "invalid_label"),
                ("t.schemas[1].key", "duplicate_key"),
                ("t.roles[0].key", "invalid_key"),
                ("t.roles[0].allow[0]", "outside_tenant"),
            ]
        );
    }

    #[test]
    fn roles_name_what_the_platform_knows() {
        let catalogue = Catalogue::new("1").with(PermissionEntry::new("tenant.berths.read", "See berths"));
        let engine = Engine::build(catalogue, vec![Role::new("clerk").allow(["tenant.*.read"])]).unwrap();
        let role = |key, allow, parent| json!({"key": key, "allow": [allow], "parents": [parent]});
        let good = template(&json!({"roles": [role("mate", "tenant.berths.read", "clerk")]}));
        assert_eq!(role_problems(&[good], &engine), []);
        let wrong = template(&json!({"roles": [role("clerk", "tenant.berths.sell", "boss")]}));
        let codes: Vec<_> = role_problems(&[wrong], &engine).into_iter().map(|p| p.code).collect();
        for code in ["duplicate_role", "unknown_permission", "unknown_role"] {
            assert!(codes.iter().any(|known| known == code), "{code}: {codes:?}");
        }
    }
}
