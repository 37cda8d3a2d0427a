//! The catalogue: which permissions, roles, features, limits and plans there are.

use crate::db::{PlatformStatement, PlatformTx, Row};
use mono_core::Error;
use mono_core::permission;
use mono_core::permission::{Permission, PermissionEntry, Role};
use mono_core::subscription::PlanDefinitions;
use serde::Serialize;
use serde::de::DeserializeOwned;

const READ: Permission = permission!("platform.plans.read");
const UPDATE: Permission = permission!("platform.plans.update");
pub(super) const REQUIRED: &[Permission] = &[READ, UPDATE];

/// Everything that can be granted and sold: plain data, as it is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    /// The permissions.
    pub permissions: Vec<PermissionEntry>,
    /// The system roles.
    pub roles: Vec<Role>,
    /// Features, feature sets, limits, plans and add-ons.
    pub plans: PlanDefinitions,
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
            "INSERT INTO ", $name, " (key, definition) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET definition = excluded.definition"
        );
        Table { select: PlatformStatement::new(SELECT, SELECT), upsert: PlatformStatement::new(UPSERT, UPSERT) }
    }};
}

const PERMISSIONS: Table = table!("permissions");
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
        let tx = self.tx;
        tx.authorize(READ)?;
        Ok(Definitions {
            permissions: load(tx, &PERMISSIONS).await?,
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

    /// Writes definitions over those with the same key; others stay. Writing the same twice changes nothing.
    ///
    /// The caller has checked them: see [`mono_core::seed`].
    ///
    /// # Errors
    /// `Forbidden` without `platform.plans.update`.
    pub async fn save(self, definitions: &Definitions) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(UPDATE)?;
        let plans = &definitions.plans;
        save(tx, &PERMISSIONS, &definitions.permissions, |permission| &permission.name).await?;
        save(tx, &ROLES, &definitions.roles, |role| &role.key).await?;
        save(tx, &FEATURES, &plans.features, |feature| feature.key.as_str()).await?;
        save(tx, &FEATURE_SETS, &plans.feature_sets, |set| set.key.as_str()).await?;
        save(tx, &LIMITS, &plans.limits, |limit| limit.key.as_str()).await?;
        save(tx, &PLANS, &plans.plans, |plan| plan.key.as_str()).await?;
        save(tx, &ADD_ONS, &plans.add_ons, |add_on| add_on.key.as_str()).await
    }
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
