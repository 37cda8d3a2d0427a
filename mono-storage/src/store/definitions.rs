//! The definitions of the catalogue: documents under their keys, a table for each kind.

use crate::db::{Bind, PlatformStatement, PlatformTx, Row};
use mono_core::model::template::role_problems;
use mono_core::permission::{Engine, PermissionEntry, Role};
use mono_core::seed::{Seed, check_owners};
use mono_core::subscription::{CatalogueItem, ItemKind, Key, PlanCatalogue, PlanDefinitions};
use mono_core::{Error, Problem, permission};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Everything that can be granted and sold: plain data, as it is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    /// The permissions.
    pub permissions: Vec<PermissionEntry>,
    /// What the scopes of API keys mean: `files:read` to `{tier}.files.read`.
    pub aliases: Vec<Alias>,
    /// The system roles.
    pub roles: Vec<Role>,
    /// Features, feature sets, limits, plans, add-ons and templates.
    pub plans: PlanDefinitions,
}

/// What a scope of an API key means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The scope, such as `files:read`.
    pub scope: String,
    /// The pattern, in which `{tier}` is the tier of the key.
    pub pattern: String,
}

impl From<&Seed> for Definitions {
    fn from(seed: &Seed) -> Self {
        Self {
            permissions: seed.engine.catalogue().permissions.clone(),
            aliases: aliases(seed),
            roles: seed.engine.roles().to_vec(),
            plans: PlanDefinitions {
                features: seed.plans.features().to_vec(),
                feature_sets: seed.plans.feature_sets().to_vec(),
                limits: seed.plans.limits().to_vec(),
                plans: seed.plans.plans().to_vec(),
                add_ons: seed.plans.add_ons().to_vec(),
                templates: seed.plans.templates().to_vec(),
            },
        }
    }
}

impl Definitions {
    pub(super) async fn load(tx: &mut PlatformTx) -> Result<Self, Error> {
        Ok(Self {
            permissions: load(tx, &PERMISSIONS).await?,
            aliases: load(tx, &ALIASES).await?,
            roles: load(tx, &ROLES).await?,
            plans: PlanDefinitions {
                features: load(tx, &FEATURES).await?,
                feature_sets: load(tx, &FEATURE_SETS).await?,
                limits: load(tx, &LIMITS).await?,
                plans: load(tx, &PLANS).await?,
                add_ons: load(tx, &ADD_ONS).await?,
                templates: load(tx, &TEMPLATES).await?,
            },
        })
    }

    /// Puts other definitions in place of those with the same key, and adds the rest.
    pub(super) fn merge(&mut self, other: Self) {
        merge(&mut self.permissions, other.permissions, |permission| permission.name.clone());
        merge(&mut self.aliases, other.aliases, |alias| alias.scope.clone());
        merge(&mut self.roles, other.roles, |role| role.key.clone());
        merge(&mut self.plans.features, other.plans.features, |feature| feature.key.clone());
        merge(&mut self.plans.feature_sets, other.plans.feature_sets, |set| set.key.clone());
        merge(&mut self.plans.limits, other.plans.limits, |limit| limit.key.clone());
        merge(&mut self.plans.plans, other.plans.plans, |plan| plan.key.clone());
        merge(&mut self.plans.add_ons, other.plans.add_ons, |add_on| add_on.key.clone());
        merge(&mut self.plans.templates, other.plans.templates, |template| template.key.clone());
    }

    /// Makes the definitions ready for questions.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with its place.
    pub fn compile(self) -> Result<(Engine, PlanCatalogue), Vec<Problem>> {
        let known: BTreeSet<&str> = self.permissions.iter().map(|permission| &*permission.name).collect();
        let plans = PlanCatalogue::build(self.plans, |name| known.contains(name));
        let catalogue = permission::Catalogue {
            permissions: self.permissions.clone(),
            aliases: self.aliases.into_iter().map(|alias| (alias.scope, alias.pattern)).collect(),
            ..Default::default()
        };
        match (Engine::build(catalogue, self.roles), plans) {
            (Ok(engine), Ok(plans)) => Ok((engine, plans)),
            (engine, plans) => Err([engine.err(), plans.err()].into_iter().flatten().flatten().collect()),
        }
    }

    /// Everything that is wrong with definitions that are about to be stored, each with its place by key, such as
    /// `plans.gold.features[0]`: nobody sees the order in which they are stored.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = check_owners(&self.permissions, &self.plans.features);
        match self.clone().compile() {
            Ok((engine, _)) => problems.extend(role_problems(&self.plans.templates, &engine)),
            Err(found) => problems.extend(found),
        }
        for problem in &mut problems {
            if let Some(place) = self.place_by_key(&problem.field) {
                problem.field = place;
            }
        }
        problems
    }

    fn place_by_key(&self, place: &str) -> Option<String> {
        let (section, rest) = place.split_once('[')?;
        let (position, rest) = rest.split_once(']')?;
        let position: usize = position.parse().ok()?;
        let plans = &self.plans;
        let key = match section {
            "permissions" => &self.permissions.get(position)?.name,
            "features" => plans.features.get(position)?.key.as_str(),
            "feature_sets" => plans.feature_sets.get(position)?.key.as_str(),
            "limits" => plans.limits.get(position)?.key.as_str(),
            "plans" => plans.plans.get(position)?.key.as_str(),
            "add_ons" => plans.add_ons.get(position)?.key.as_str(),
            "templates" => plans.templates.get(position)?.key.as_str(),
            _ => return None,
        };
        Some(format!("{section}.{key}{rest}"))
    }
}

pub(super) fn aliases(seed: &Seed) -> Vec<Alias> {
    let aliases = seed.engine.catalogue().aliases.iter();
    aliases.map(|(scope, pattern)| Alias { scope: scope.clone(), pattern: pattern.clone() }).collect()
}

fn merge<T, K: Ord>(own: &mut Vec<T>, other: Vec<T>, key: impl Fn(&T) -> K) {
    let replaced: BTreeSet<K> = other.iter().map(&key).collect();
    own.retain(|item| !replaced.contains(&key(item)));
    own.extend(other);
}

/// A table of definitions, each a document under its key.
pub(super) struct Table {
    select: PlatformStatement,
    find: PlatformStatement,
    upsert: PlatformStatement,
    pub(super) delete: PlatformStatement,
}

macro_rules! table {
    ($name:literal) => {{
        const SELECT: &str = concat!("SELECT definition FROM ", $name, " ORDER BY key");
        const FIND: &str = concat!("SELECT definition FROM ", $name, " WHERE key = $1");
        const DELETE: &str = concat!("DELETE FROM ", $name, " WHERE key = $1");
        const UPSERT: &str = concat!(
            "INSERT INTO ",
            $name,
            " (key, definition) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET definition = excluded.definition"
        );
        Table {
            select: PlatformStatement::new(SELECT, SELECT),
            find: PlatformStatement::new(FIND, FIND),
            upsert: PlatformStatement::new(UPSERT, UPSERT),
            delete: PlatformStatement::new(DELETE, DELETE),
        }
    }};
}

pub(super) const PERMISSIONS: Table = table!("permissions");
pub(super) const ALIASES: Table = table!("permission_aliases");
pub(super) const ROLES: Table = table!("roles");
pub(super) const FEATURES: Table = table!("features");
pub(super) const FEATURE_SETS: Table = table!("feature_sets");
pub(super) const LIMITS: Table = table!("limits");
pub(super) const PLANS: Table = table!("plans");
pub(super) const ADD_ONS: Table = table!("add_ons");
pub(super) const TEMPLATES: Table = table!("templates");

pub(super) const fn table(kind: ItemKind) -> &'static Table {
    match kind {
        ItemKind::Feature => &FEATURES,
        ItemKind::FeatureSet => &FEATURE_SETS,
        ItemKind::Limit => &LIMITS,
        ItemKind::Plan => &PLANS,
        ItemKind::AddOn => &ADD_ONS,
        ItemKind::Template => &TEMPLATES,
    }
}

pub(super) async fn find<T: CatalogueItem>(tx: &mut PlatformTx, key: &Key) -> Result<Option<T>, Error> {
    let rows = tx.query(table(T::KIND).find, vec![key.as_str().into_value()]).rows().await?;
    rows.first().map(definition).transpose()
}

pub(super) async fn load<T: DeserializeOwned>(tx: &mut PlatformTx, table: &Table) -> Result<Vec<T>, Error> {
    tx.query(table.select, Vec::new()).rows().await?.iter().map(definition).collect()
}

fn definition<T: DeserializeOwned>(row: &Row) -> Result<T, Error> {
    serde_json::from_value(row.get("definition")?).map_err(Error::internal)
}

pub(super) async fn save<T: Serialize>(
    tx: &mut PlatformTx,
    table: &Table,
    items: &[T],
    key: impl Fn(&T) -> &str,
) -> Result<(), Error> {
    for item in items {
        let definition = serde_json::to_value(item).map_err(Error::internal)?;
        tx.query(table.upsert, vec![key(item).into_value(), definition.into_value()]).execute().await?;
    }
    Ok(())
}
