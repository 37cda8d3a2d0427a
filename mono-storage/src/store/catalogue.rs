//! The catalogue: which permissions, roles, features, limits and plans there are.

use super::catalogue_uses;
use super::definitions::{
    ADD_ONS, ALIASES, Definitions, FEATURE_SETS, FEATURES, LIMITS, PERMISSIONS, PLANS, ROLES, TEMPLATES,
    aliases, find, load, save, table,
};
use crate::db::{Bind, PlatformTx};
use crate::platform_sql;
use mono_core::audit::{Action, FieldChange, changes};
use mono_core::permission::{Permission, Role, Scope};
use mono_core::seed::Seed;
use mono_core::subscription::{CatalogueItem, ItemKind, Key, Limit, Window};
use mono_core::{Error, ErrorKind, Problem, permission};
use std::collections::BTreeMap;

/// What is needed for one kind of definition.
#[derive(Debug, Clone, Copy)]
pub struct Rights {
    /// To make one.
    pub create: Permission,
    /// To see them.
    pub read: Permission,
    /// To change one.
    pub update: Permission,
    /// To delete one.
    pub delete: Permission,
}

/// For what is sold.
const PLAN_RIGHTS: Rights = Rights {
    create: permission!("platform.plans.create"),
    read: permission!("platform.plans.read"),
    update: permission!("platform.plans.update"),
    delete: permission!("platform.plans.delete"),
};
/// For what it is made of.
const FEATURE_RIGHTS: Rights = Rights {
    create: permission!("platform.features.create"),
    read: permission!("platform.features.read"),
    update: permission!("platform.features.update"),
    delete: permission!("platform.features.delete"),
};
/// For what new tenants start from.
const TEMPLATE_RIGHTS: Rights = Rights {
    create: permission!("platform.templates.update"),
    read: permission!("platform.templates.read"),
    update: permission!("platform.templates.update"),
    delete: permission!("platform.templates.update"),
};
const READ: Permission = PLAN_RIGHTS.read;
const UPDATE: Permission = PLAN_RIGHTS.update;
pub(super) const REQUIRED: &[Permission] = &[
    PLAN_RIGHTS.create,
    PLAN_RIGHTS.read,
    PLAN_RIGHTS.update,
    PLAN_RIGHTS.delete,
    FEATURE_RIGHTS.create,
    FEATURE_RIGHTS.read,
    FEATURE_RIGHTS.update,
    FEATURE_RIGHTS.delete,
    TEMPLATE_RIGHTS.read,
    TEMPLATE_RIGHTS.update,
];

/// What the operations on a kind of item ask for.
pub const fn catalogue_rights(kind: ItemKind) -> &'static Rights {
    match kind {
        ItemKind::Plan | ItemKind::AddOn => &PLAN_RIGHTS,
        ItemKind::Feature | ItemKind::FeatureSet | ItemKind::Limit => &FEATURE_RIGHTS,
        ItemKind::Template => &TEMPLATE_RIGHTS,
    }
}

/// What putting a definition did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// There was none with its key.
    Created,
    /// It took the place of another, or is as it was.
    Updated,
}

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
        hold(tx).await?;
        let mut together = tx.catalogue().load().await?;
        let limits = together.plans.limits.clone();
        together.merge(Definitions::from(seed));
        let problems = window_problems(&limits, &together.plans.limits);
        if !problems.is_empty() {
            return Err(Error::validation(problems));
        }
        require_whole(&together)?;
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
        save(tx, &TEMPLATES, plans.templates(), |template| template.key.as_str()).await?;
        let changes = serde_json::json!([{ "field": "catalogue", "new": seed.name.as_str() }]);
        tx.audit(Action::Update, "catalogue", None, changes).await
    }

    /// Every definition of one kind, by key.
    ///
    /// # Errors
    /// `Forbidden` without `platform.plans.read` for plans and add-ons, `platform.templates.read` for templates,
    /// `platform.features.read` for the rest.
    pub async fn list<T: CatalogueItem>(self) -> Result<Vec<T>, Error> {
        self.tx.authorize(catalogue_rights(T::KIND).read)?;
        load(self.tx, table(T::KIND)).await
    }

    /// One definition.
    ///
    /// # Errors
    /// As [`list`](Self::list); `NotFound` where there is none with this key.
    pub async fn get<T: CatalogueItem>(self, key: &Key) -> Result<T, Error> {
        self.tx.authorize(catalogue_rights(T::KIND).read)?;
        find(self.tx, key).await?.ok_or_else(|| not_found(T::KIND, key))
    }

    /// Puts a definition in the place of the one with its key, or adds it. It holds for everybody at once; whoever has
    /// bought a plan has what the plan then gives.
    ///
    /// # Errors
    /// `Forbidden` without `platform.plans.create` or `platform.plans.update`, and `platform.features.…` likewise, or
    /// without `platform.templates.update` for a template;
    /// `Validation` with everything that would be wrong with the catalogue as a whole.
    pub async fn put<T: CatalogueItem>(self, item: &T) -> Result<Put, Error> {
        let tx = self.tx;
        let (rights, table) = (catalogue_rights(T::KIND), table(T::KIND));
        // Whoever may write nothing does not get as far as the lock.
        tx.authorize(rights.read)?;
        // Asked of the caller: who may change and not make is not recorded as refused.
        if tx.caller().authorize(rights.create, &Scope::platform(), tx.now()).is_err() {
            tx.authorize(rights.update)?;
        }
        hold(tx).await?;
        let old: Option<T> = find(tx, item.key()).await?;
        tx.authorize(if old.is_some() { rights.update } else { rights.create })?;
        let mut together = Definitions::load(tx).await?;
        let limits = together.plans.limits.clone();
        let list = T::list(&mut together.plans);
        list.retain(|other| other.key() != item.key());
        list.push(item.clone());
        let mut problems = item.problems();
        problems.extend(window_problems(&limits, &together.plans.limits));
        problems.extend(together.problems());
        if !problems.is_empty() {
            return Err(Error::validation(problems));
        }
        if old.as_ref() != Some(item) {
            save(tx, table, std::slice::from_ref(item), |item| item.key().as_str()).await?;
            audit(tx, old.as_ref(), Some(item)).await?;
        }
        Ok(if old.is_some() { Put::Updated } else { Put::Created })
    }

    /// Deletes a definition that nothing needs.
    ///
    /// # Errors
    /// `Forbidden` without `platform.plans.delete`, `platform.features.delete` or `platform.templates.update`; `NotFound`
    /// where there is none;
    /// `Conflict` with code `in_use`, and with the places in the details as `uses`, where another definition, a
    /// subscription or an override names it.
    pub async fn delete<T: CatalogueItem>(self, key: &Key) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(catalogue_rights(T::KIND).delete)?;
        hold(tx).await?;
        let old: T = find(tx, key).await?.ok_or_else(|| not_found(T::KIND, key))?;
        let mut rest = Definitions::load(tx).await?;
        T::list(&mut rest.plans).retain(|other| other.key() != key);
        let mut uses: Vec<String> = rest.problems().into_iter().map(|problem| problem.field).collect();
        uses.extend(catalogue_uses::find(tx, T::KIND, key).await?);
        if !uses.is_empty() {
            return Err(in_use(T::KIND, key, &uses));
        }
        tx.query(table(T::KIND).delete, vec![key.as_str().into_value()]).execute().await?;
        audit(tx, Some(&old), None).await
    }
}

/// The number of the lock on PostgreSQL that stands for the whole catalogue; any that nothing else in the database uses.
const LOCK: i64 = 7_310_011;

/// Lets nobody else change the catalogue until the transaction ends: two changes, each right by itself, could be wrong
/// together. What is read after this statement is the present state.
async fn hold(tx: &mut PlatformTx) -> Result<(), Error> {
    // On SQLite one transaction writes at a time.
    platform_sql!(tx, pg: "SELECT pg_advisory_xact_lock($1)", lite: "SELECT $1", LOCK).rows().await.map(drop)
}

/// Lets nobody change the catalogue until the transaction ends, while others may rely on it likewise.
pub(super) async fn hold_still(tx: &mut PlatformTx) -> Result<(), Error> {
    platform_sql!(tx, pg: "SELECT pg_advisory_xact_lock_shared($1)", lite: "SELECT $1", LOCK)
        .rows()
        .await
        .map(drop)
}

fn require_whole(definitions: &Definitions) -> Result<(), Error> {
    let problems = definitions.problems();
    if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
}

fn not_found(kind: ItemKind, key: &Key) -> Error {
    let message = format!("there is no {} `{key}`", kind.name().replace('_', " "));
    Error::new(ErrorKind::NotFound, "not_found", message)
}

fn in_use(kind: ItemKind, key: &Key, uses: &[String]) -> Error {
    let more = if uses.len() > 1 { format!(" and {} more", uses.len() - 1) } else { String::new() };
    let first = uses.first().map(String::as_str).unwrap_or_default();
    let message = format!("the {} `{key}` is in use: {first}{more}", kind.name().replace('_', " "));
    Error::new(ErrorKind::Conflict, "in_use", message).with_details(serde_json::json!({ "uses": uses }))
}

/// Records what changed about a definition. The audit log knows things by their id; a definition is known by its key,
/// which therefore stands among the changes, changed or not.
async fn audit<T: CatalogueItem>(tx: &mut PlatformTx, old: Option<&T>, new: Option<&T>) -> Result<(), Error> {
    let action = match (old, new) {
        (None, _) => Action::Create,
        (_, None) => Action::Delete,
        _ => Action::Update,
    };
    let state = |item: Option<&T>| item.map(serde_json::to_value).transpose().map_err(Error::internal);
    let (old_state, new_state) = (state(old)?.unwrap_or_default(), state(new)?.unwrap_or_default());
    let mut changes = changes(&old_state, &new_state);
    if let (Some(old), Some(_)) = (old, new) {
        let key = serde_json::Value::from(old.key().as_str());
        changes.insert(0, FieldChange { field: "key".to_owned(), old: Some(key.clone()), new: Some(key) });
    }
    let changes = serde_json::to_value(changes).map_err(Error::internal)?;
    tx.audit(action, T::KIND.name(), None, changes).await
}

/// The limits that stores count by their rows.
const COUNTED: [&str; 3] = [super::accounts::LIMIT, super::members::LIMIT, super::teams::LIMIT];

/// The limits whose counters would be lost: use is counted under the start of its window, so another window begins at
/// nothing, and things that exist are counted without end.
fn window_problems(old: &[Limit], new: &[Limit]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for limit in new {
        let (key, field) = (&limit.key, format!("limits.{}.window", limit.key));
        if COUNTED.contains(&key.as_str()) && limit.window != Window::Total {
            let message = format!("`{key}` counts what exists: its window is total");
            problems.push(Problem::new(field, "window_not_total", message));
        } else if old.iter().any(|other| other.key == *key && other.window != limit.window) {
            let message = format!(
                "the window of `{key}` cannot change, its use would be forgotten: make another limit"
            );
            problems.push(Problem::new(field, "window_fixed", message));
        }
    }
    problems
}

/// Refuses a role whose key a tenant uses for one of its own: whoever has that one would have the platform's.
async fn require_free_keys(tx: &mut PlatformTx, roles: &[Role]) -> Result<(), Error> {
    let rows = platform_sql!(
        tx,
        "SELECT r.key, min(t.slug) AS slug FROM tenant_roles r JOIN tenants t ON t.id = r.tenant_id GROUP BY r.key"
    )
    .rows()
    .await?;
    let taken: BTreeMap<String, String> =
        rows.iter().map(|row| Ok((row.get("key")?, row.get("slug")?))).collect::<Result<_, Error>>()?;
    let problems: Vec<Problem> = roles
        .iter()
        .filter_map(|role| Some((role, taken.get(&role.key)?)))
        .map(|(role, tenant)| {
            let message = format!(
                "the tenant {tenant} has a role {} of its own: give the platform's another key",
                role.key
            );
            Problem::new("roles", "key_taken", message)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
}
