//! Reads a whole seed and looks at what its parts say about each other.

use super::Seed;
use super::items::Item;
use super::reader::{Fields, Reader};
use crate::error::Problem;
use crate::model::template::role_problems;
use crate::permission::{Catalogue, Engine, Name, Pattern, PermissionEntry, Role};
use crate::subscription::{Feature, PlanCatalogue, PlanDefinitions};
use crate::text::Slug;
use std::collections::{BTreeMap, BTreeSet};

/// The seed, if all of it could be read. That nothing was reported is for the caller to see.
pub(super) fn seed(reader: &mut Reader<'_>) -> Option<Seed> {
    let mut root = reader.root()?;
    let name: Option<Slug> = root.required(reader, "catalogue");
    let version: Option<u32> = root.required(reader, "version");
    let permissions = Catalogue {
        version: version.map(|version| version.to_string()).unwrap_or_default(),
        permissions: section(reader, &mut root, "permissions", true),
        aliases: root.map(reader, "aliases"),
    };
    let roles: Vec<Role> = section(reader, &mut root, "roles", true);
    let definitions = PlanDefinitions {
        features: section(reader, &mut root, "features", false),
        feature_sets: section(reader, &mut root, "feature_sets", false),
        limits: section(reader, &mut root, "limits", false),
        plans: section(reader, &mut root, "plans", false),
        add_ons: section(reader, &mut root, "add_ons", false),
        templates: section(reader, &mut root, "templates", false),
    };
    root.finish(reader);

    reader.adopt(check_owners(&permissions.permissions, &definitions.features));
    let names: BTreeSet<String> = permissions.permissions.iter().map(|entry| entry.name.clone()).collect();
    check_wildcards(reader, &roles, &names);
    let engine = Engine::build(permissions, roles).map_err(|problems| reader.adopt(in_file(problems))).ok();
    if let Some(engine) = &engine {
        reader.adopt(role_problems(&definitions.templates, engine));
    }
    let plans = PlanCatalogue::build(definitions, |name| names.contains(name));
    let plans = plans.map_err(|problems| reader.adopt(problems)).ok();
    Some(Seed { name: name?, version: version?, engine: engine?, plans: plans? })
}

fn section<'t, T: Item>(
    reader: &mut Reader<'t>,
    root: &mut Fields<'t>,
    name: &'static str,
    required: bool,
) -> Vec<T> {
    let raw = if required { root.required_raw(reader, name) } else { root.raw(name) };
    raw.map(|raw| reader.list(name, raw, T::read)).unwrap_or_default()
}

/// In the file the lists of the permission catalogue stand at the root.
fn in_file(mut problems: Vec<Problem>) -> Vec<Problem> {
    for problem in &mut problems {
        if let Some(path) = problem.field.strip_prefix("catalogue.") {
            problem.field = path.to_owned();
        }
    }
    problems
}

/// What contradicts that a permission names its feature and the feature names the permission: the engine reads the one,
/// a page of prices the other.
pub fn check_owners(permissions: &[PermissionEntry], features: &[Feature]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let by_key: BTreeMap<&str, &Feature> =
        features.iter().map(|feature| (feature.key.as_str(), feature)).collect();
    for (i, entry) in permissions.iter().enumerate() {
        let Some(key) = &entry.feature else { continue };
        let place = format!("permissions[{i}].feature");
        match by_key.get(key.as_str()) {
            None => {
                problems.push(Problem::new(place, "unknown_feature", format!("there is no feature `{key}`")));
            }
            Some(feature) if !feature.permissions.contains(&entry.name) => {
                let message = format!("the feature `{key}` does not list `{}`", entry.name);
                problems.push(Problem::new(place, "feature_mismatch", message));
            }
            Some(_) => {}
        }
    }
    let free: BTreeSet<&str> =
        permissions.iter().filter(|entry| entry.feature.is_none()).map(|entry| entry.name.as_str()).collect();
    for (i, feature) in features.iter().enumerate() {
        for (j, name) in
            feature.permissions.iter().enumerate().filter(|(_, name)| free.contains(name.as_str()))
        {
            let message = format!("`{name}` does not say that it belongs to `{}`", feature.key);
            problems.push(Problem::new(
                format!("features[{i}].permissions[{j}]"),
                "feature_mismatch",
                message,
            ));
        }
    }
    problems
}

/// That every wildcard of a role covers something. The engine takes one that covers nothing yet; in a file that holds
/// the whole catalogue it is a slip.
fn check_wildcards(reader: &mut Reader<'_>, roles: &[Role], names: &BTreeSet<String>) {
    let mut problems = Vec::new();
    for (i, role) in roles.iter().enumerate() {
        for (field, texts) in [("allow", &role.allow), ("except", &role.except)] {
            for (j, text) in texts.iter().enumerate() {
                let wildcard = Pattern::parse(text)
                    .ok()
                    .filter(|pattern| text.contains('*') && !pattern.is_everything());
                if wildcard.is_some_and(|pattern| !covers_any(&pattern, names)) {
                    let message = format!("`{text}` covers no permission of the catalogue");
                    problems.push(Problem::new(
                        format!("roles[{i}].{field}[{j}]"),
                        "matches_nothing",
                        message,
                    ));
                }
            }
        }
    }
    reader.adopt(problems);
}

fn covers_any(pattern: &Pattern, names: &BTreeSet<String>) -> bool {
    let start = pattern.as_str().split('*').next().unwrap_or_default();
    let near = names.range(start.to_owned()..).take_while(|name| name.starts_with(start));
    near.filter_map(|name| Name::parse(name).ok()).any(|name| pattern.covers_name(&name))
}
