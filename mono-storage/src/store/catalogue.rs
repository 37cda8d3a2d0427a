//! The catalogue: which permissions, roles, features, limits and plans there are.

use crate::db::{PlatformStatement, PlatformTx, Row};
use crate::platform_sql;
use mono_core::audit::Action;
use mono_core::permission::{Engine, Permission, PermissionEntry, Role};
use mono_core::seed::Seed;
use mono_core::subscription::{PlanCatalogue, PlanDefinitions};
use mono_core::{Error, Problem, permission};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const READ: Permission = permission!("platform.plans.read");
const UPDATE: Permission = permission!("platform.plans.update");
pub(super) const REQUIRED: &[Permission] = &[READ, UPDATE];

/// Everything that can be granted and sold: plain data, as it is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    /// The permissions.
    pub permissions: Vec<PermissionEntry>,
    /// What the scopes of API keys mean: `files:read` to `{tier}.files.read`.
    pub aliases: Vec<Alias>,
    /// The system roles.
    pub roles: Vec<Role>,
    /// Features, feature sets, limits, plans and add-ons.
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
            },
        })
    }

    /// Puts other definitions in place of those with the same key, and adds the rest.
    fn merge(&mut self, other: Self) {
        merge(&mut self.permissions, other.permissions, |permission| permission.name.clone());
        merge(&mut self.aliases, other.aliases, |alias| alias.scope.clone());
        merge(&mut self.roles, other.roles, |role| role.key.clone());
        merge(&mut self.plans.features, other.plans.features, |feature| feature.key.clone());
        merge(&mut self.plans.feature_sets, other.plans.feature_sets, |set| set.key.clone());
        merge(&mut self.plans.limits, other.plans.limits, |limit| limit.key.clone());
        merge(&mut self.plans.plans, other.plans.plans, |plan| plan.key.clone());
        merge(&mut self.plans.add_ons, other.plans.add_ons, |add_on| add_on.key.clone());
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
}

fn aliases(seed: &Seed) -> Vec<Alias> {
    let aliases = seed.engine.catalogue().aliases.iter();
    aliases.map(|(scope, pattern)| Alias { scope: scope.clone(), pattern: pattern.clone() }).collect()
}

fn merge<T, K: Ord>(own: &mut Vec<T>, other: Vec<T>, key: impl Fn(&T) -> K) {
    let replaced: BTreeSet<K> = other.iter().map(&key).collect();
    own.retain(|item| !replaced.contains(&key(item)));
    own.extend(other);
}

/// A table of definitions, each a document under its key.
struct Table {
    select: PlatformStatement,
    upsert: PlatformStatement,
}

macro_rules! table {
    ($name:literal) => {{
        const SELECT: &str = concat!("SELECT definition FROM ", $name, " ORDER BY key");
        const UPSERT: &str = concat!(
            "INSERT INTO ",
            $name,
            " (key, definition) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET definition = excluded.definition"
        );
        Table {
            select: PlatformStatement::new(SELECT, SELECT),
            upsert: PlatformStatement::new(UPSERT, UPSERT),
        }
    }};
}

const PERMISSIONS: Table = table!("permissions");
const ALIASES: Table = table!("permission_aliases");
const ROLES: Table = table!("roles");
const FEATURES: Table = table!("features");
const FEATURE_SETS: Table = table!("feature_sets");
const LIMITS: Table = table!("limits");
const PLANS: Table = table!("plans");
const ADD_ONS: Table = table!("add_ons");

/// The catalogue of the platform.
pub struct Catalogue<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The catalogue of the platform.
    pub const fn catalogue(&mut self) -> Catalogue<'_> {
        Catalogue { tx: self }
    }
}

impl Catalogue<'_> {
    /// Loads all definitions.
    ///
    /// # Errors
    /// `Forbidden` without `platform.plans.read`.
    pub async fn load(self) -> Result<Definitions, Error> {
        self.tx.authorize(READ)?;
        Definitions::load(self.tx).await
    }

    /// Writes what a seed file defines over what has the same key; the rest stays. Writing it twice changes nothing.
    ///
    /// # Errors
    /// `Forbidden` without `platform.plans.update`; `Validation` where the seed contradicts what is stored already,
    /// with every problem.
    pub async fn save(self, seed: &Seed) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(UPDATE)?;
        let mut together = tx.catalogue().load().await?;
        together.merge(Definitions::from(seed));
        together.compile().map_err(Error::validation)?;
        require_free_keys(tx, seed.engine.roles()).await?;
        let (permissions, roles, plans) =
            (&seed.engine.catalogue().permissions, seed.engine.roles(), &seed.plans);
        save(tx, &PERMISSIONS, permissions, |permission| &permission.name).await?;
        save(tx, &ALIASES, &aliases(seed), |alias| &alias.scope).await?;
        save(tx, &ROLES, roles, |role| &role.key).await?;
        save(tx, &FEATURES, plans.features(), |feature| feature.key.as_str()).await?;
        save(tx, &FEATURE_SETS, plans.feature_sets(), |set| set.key.as_str()).await?;
        save(tx, &LIMITS, plans.limits(), |limit| limit.key.as_str()).await?;
        save(tx, &PLANS, plans.plans(), |plan| plan.key.as_str()).await?;
        save(tx, &ADD_ONS, plans.add_ons(), |add_on| add_on.key.as_str()).await?;
        let changes = serde_json::json!([{ "field": "catalogue", "new": seed.name.as_str() }]);
        tx.audit(Action::Update, "catalogue", None, changes).await
    }
}

/// Refuses a role whose key a tenant uses for one of its own: whoever has that one would have the platform's.
async fn require_free_keys(tx: &mut PlatformTx, roles: &[Role]) -> Result<(), Error> {
    let rows = platform_sql!(tx, "SELECT DISTINCT key FROM tenant_roles").rows().await?;
    let taken: BTreeSet<String> = rows.iter().map(|row| row.get("key")).collect::<Result<_, _>>()?;
    let problems: Vec<Problem> = roles
        .iter()
        .filter(|role| taken.contains(&role.key))
        .map(|role| {
            let message =
                format!("a tenant has a role {} of its own: give the platform's another key", role.key);
            Problem::new("roles", "key_taken", message)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
}

async fn load<T: DeserializeOwned>(tx: &mut PlatformTx, table: &Table) -> Result<Vec<T>, Error> {
    let read = |row: &Row| serde_json::from_value(row.get("definition")?).map_err(Error::internal);
    tx.query(table.select, Vec::new()).rows().await?.iter().map(read).collect()
}

async fn save<T: Serialize>(
    tx: &mut PlatformTx,
    table: &Table,
    items: &[T],
    key: impl Fn(&T) -> &str,
) -> Result<(), Error> {
    use crate::db::Bind;
    for item in items {
        let definition = serde_json::to_value(item).map_err(Error::internal)?;
        tx.query(table.upsert, vec![key(item).into_value(), definition.into_value()]).execute().await?;
    }
    Ok(())
}
