//! Option sets: what fields of profiles choose from.

use super::catalogue::Put;
use super::versions::{Revert, Versioned, id_of_key};
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::model::schema::{OptionSet, Schema};
use mono_core::permission::Scope;
use mono_core::subscription::Key;
use mono_core::{Error, ErrorKind};
use std::collections::BTreeSet;
use uuid::Uuid;

impl FromRow for OptionSet {
    fn from_row(row: &Row) -> Result<Self, Error> {
        serde_json::from_value(row.get("definition")?).map_err(Error::internal)
    }
}

/// The option sets of a tenant.
pub struct OptionSets<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The option sets of the tenant.
    pub const fn option_sets(&mut self) -> OptionSets<'_> {
        OptionSets { tx: self }
    }
}

impl OptionSets<'_> {
    /// Every set, by key.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.read`.
    pub async fn list(self) -> Result<Vec<OptionSet>, Error> {
        let tx = self.tx;
        tx.authorize(super::schemas::READ, &Scope::tenant(tx.tenant())).await?;
        sql!(tx, "SELECT definition FROM option_sets WHERE tenant_id = $1 ORDER BY key").all().await
    }

    /// One set.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.read`, `NotFound` where there is none with this key.
    pub async fn get(self, key: &Key) -> Result<OptionSet, Error> {
        let tx = self.tx;
        tx.authorize(super::schemas::READ, &Scope::tenant(tx.tenant())).await?;
        find(tx, key, false).await?.ok_or_else(not_found)
    }

    /// Puts a set in the place of the one with its key, or adds it. A profile with an option that is gone keeps it until
    /// its data are next written.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.update`; `Validation` with everything that is wrong with the set; `Conflict`
    /// with code `too_many` beyond 200 sets.
    pub async fn put(self, set: &OptionSet) -> Result<Put, Error> {
        put(self.tx, Action::Update, set, None).await
    }

    /// Deletes a set that no schema names.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.update`; `NotFound` where there is none with this key; `Conflict` with code
    /// `in_use` where a schema names it.
    pub async fn delete(self, key: &Key) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(super::schemas::UPDATE, &Scope::tenant(tx.tenant())).await?;
        let old = find(tx, key, true).await?.ok_or_else(not_found)?;
        tx.require_latest::<OptionSet>(key, None).await?;
        // After the set is held, which a schema that names it holds too.
        let schemas: Vec<Schema> =
            sql!(tx, "SELECT definition FROM schemas WHERE tenant_id = $1 ORDER BY key").all().await?;
        if let Some(schema) = schemas.iter().find(|schema| schema.sets().contains(key)) {
            let message = format!("the option set {key} is in use: the schema {} names it", schema.key);
            return Err(Error::new(ErrorKind::Conflict, "in_use", message));
        }
        sql!(tx, "DELETE FROM option_sets WHERE tenant_id = $1 AND key = $2", key.as_str()).execute().await?;
        tx.record(Action::Delete, Some(&old), &old).await
    }
}

impl Versioned for OptionSet {
    type Id = Key;
    const ENTITY: &'static str = "option_set";

    fn id(&self) -> Key {
        self.key.clone()
    }

    fn uuid(key: &Key) -> Uuid {
        id_of_key(Self::ENTITY, key.as_str())
    }

    fn version(&self) -> Option<i64> {
        None
    }

    async fn require_read(tx: &mut TenantTx, key: &Key) -> Result<(), Error> {
        let read = tx.option_sets().get(key).await;
        tx.forgive_gone(key, read).await
    }
}

impl Revert for OptionSet {
    async fn put_back(tx: &mut TenantTx, earlier: Self, seen: Option<i64>) -> Result<Self, Error> {
        put(tx, Action::Revert, &earlier, seen).await?;
        Ok(earlier)
    }
}

/// Puts an option set in the place of the one with its key, or adds it.
async fn put(tx: &mut TenantTx, action: Action, set: &OptionSet, seen: Option<i64>) -> Result<Put, Error> {
    tx.authorize(super::schemas::UPDATE, &Scope::tenant(tx.tenant())).await?;
    set.require_whole()?;
    // A row that is not there yet cannot be held: those who put one stand in line, so that one has made it.
    tx.lock(id_of_key(OptionSet::ENTITY, &tx.tenant().to_string())).await?;
    let old = find(tx, &set.key, true).await?;
    tx.require_latest::<OptionSet>(&set.key, seen).await?;
    if old.as_ref() == Some(set) {
        // Nothing changes: no new version, and nothing to record.
        return Ok(Put::Updated);
    }
    let (definition, now) = (serde_json::to_value(set).map_err(Error::internal)?, tx.now());
    sql!(
        tx,
        "INSERT INTO option_sets (tenant_id, key, definition, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, key) DO UPDATE SET definition = $3, updated_at = $4",
        set.key.as_str(),
        definition,
        now
    )
    .execute()
    .await?;
    let count = sql!(tx, "SELECT count(*) AS present FROM option_sets WHERE tenant_id = $1").row();
    if count.await?.get::<i64>("present")?.unsigned_abs() > OptionSet::MOST as u64 {
        let message = format!("a tenant has at most {} option sets", OptionSet::MOST);
        tx.forbid_commit();
        return Err(Error::new(ErrorKind::Conflict, "too_many", message));
    }
    let action = if old.is_none() && action == Action::Update { Action::Create } else { action };
    tx.record(action, old.as_ref(), set).await?;
    Ok(if old.is_some() { Put::Updated } else { Put::Created })
}

/// The sets that a schema names and that there are, in the order of their keys; with `hold` until the transaction ends.
pub(super) async fn named(
    tx: &mut TenantTx,
    keys: &BTreeSet<&Key>,
    hold: bool,
) -> Result<Vec<OptionSet>, Error> {
    let mut sets = Vec::with_capacity(keys.len());
    for key in keys {
        sets.extend(find(tx, key, hold).await?);
    }
    Ok(sets)
}

async fn find(tx: &mut TenantTx, key: &Key, hold: bool) -> Result<Option<OptionSet>, Error> {
    const FIND: &str = "SELECT definition FROM option_sets WHERE tenant_id = $1 AND key = $2";
    if hold {
        return sql!(
            tx,
            pg: "SELECT definition FROM option_sets WHERE tenant_id = $1 AND key = $2 FOR UPDATE",
            lite: FIND,
            key.as_str()
        )
        .optional()
        .await;
    }
    sql!(tx, FIND, key.as_str()).optional().await
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "not_found", "the tenant has no such option set")
}
