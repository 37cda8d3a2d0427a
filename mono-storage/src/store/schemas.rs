//! Schemas: which fields the profiles of a tenant have.

use super::catalogue::Put;
use super::versions::{Revert, Versioned, id_of_key};
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::model::schema::Schema;
use mono_core::permission::{Permission, Scope};
use mono_core::subscription::Key;
use mono_core::{Error, ErrorKind, permission};
use uuid::Uuid;

pub(super) const READ: Permission = permission!("tenant.schemas.read");
pub(super) const UPDATE: Permission = permission!("tenant.schemas.update");
pub(super) const REQUIRED: &[Permission] = &[READ, UPDATE];

impl FromRow for Schema {
    fn from_row(row: &Row) -> Result<Self, Error> {
        serde_json::from_value(row.get("definition")?).map_err(Error::internal)
    }
}

/// The schemas of a tenant.
pub struct Schemas<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The schemas of the tenant.
    pub const fn schemas(&mut self) -> Schemas<'_> {
        Schemas { tx: self }
    }
}

impl Schemas<'_> {
    /// Every schema, by key.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.read`.
    pub async fn list(self) -> Result<Vec<Schema>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        sql!(tx, "SELECT definition FROM schemas WHERE tenant_id = $1 ORDER BY key").all().await
    }

    /// One schema.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.read`, `NotFound` where there is none with this key.
    pub async fn get(self, key: &Key) -> Result<Schema, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        find(tx, key, false).await?.ok_or_else(not_found)
    }

    /// Puts a schema in the place of the one with its key, or adds it. A profile that does not obey it any more stays as
    /// it is, and obeys it when its data are next written.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.update`; `Validation` with everything that is wrong with the schema;
    /// `Conflict` with code `too_many` beyond 100 schemas.
    pub async fn put(self, schema: &Schema) -> Result<Put, Error> {
        put(self.tx, Action::Update, schema, None).await
    }

    /// Deletes a schema of which there is no profile, not even a deleted one.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.update`; `NotFound` where there is none with this key; `Conflict` with code
    /// `in_use` where there are profiles of it.
    pub async fn delete(self, key: &Key) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(UPDATE, &Scope::tenant(tx.tenant())).await?;
        let old = find(tx, key, true).await?.ok_or_else(not_found)?;
        tx.require_latest::<Schema>(key, None).await?;
        // A profile that is made at this moment is stopped by its foreign key, or stops this.
        let used =
            sql!(tx, "SELECT id FROM profiles WHERE tenant_id = $1 AND kind = $2 LIMIT 1", key.as_str());
        if !used.rows().await?.is_empty() {
            let message = format!("the schema {key} is in use: there are profiles of it");
            return Err(Error::new(ErrorKind::Conflict, "in_use", message));
        }
        sql!(tx, "DELETE FROM schemas WHERE tenant_id = $1 AND key = $2", key.as_str()).execute().await?;
        tx.record(Action::Delete, Some(&old), &old).await
    }
}

impl Versioned for Schema {
    type Id = Key;
    const ENTITY: &'static str = "schema";

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
        let read = tx.schemas().get(key).await;
        tx.forgive_gone(key, read).await
    }
}

impl Revert for Schema {
    async fn put_back(tx: &mut TenantTx, earlier: Self, seen: Option<i64>) -> Result<Self, Error> {
        put(tx, Action::Revert, &earlier, seen).await?;
        Ok(earlier)
    }
}

/// Puts a schema in the place of the one with its key, or adds it.
async fn put(tx: &mut TenantTx, action: Action, schema: &Schema, seen: Option<i64>) -> Result<Put, Error> {
    tx.authorize(UPDATE, &Scope::tenant(tx.tenant())).await?;
    schema.require_whole()?;
    // A row that is not there yet cannot be held: those who put one stand in line, so that one has made it.
    tx.lock(id_of_key(Schema::ENTITY, &tx.tenant().to_string())).await?;
    let named = schema.sets();
    let known = super::option_sets::named(tx, &named, true).await?;
    if let Some(unknown) = named.iter().find(|key| !known.iter().any(|set| set.key == ***key)) {
        let message = format!("the tenant has no option set {unknown}");
        return Err(Error::invalid("fields", "unknown_option_set", message));
    }
    let old = find(tx, &schema.key, true).await?;
    tx.require_latest::<Schema>(&schema.key, seen).await?;
    if old.as_ref() == Some(schema) {
        // Nothing changes: no new version, and nothing to record.
        return Ok(Put::Updated);
    }
    let (definition, now) = (serde_json::to_value(schema).map_err(Error::internal)?, tx.now());
    sql!(
        tx,
        "INSERT INTO schemas (tenant_id, key, definition, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, key) DO UPDATE SET definition = $3, updated_at = $4",
        schema.key.as_str(),
        definition,
        now
    )
    .execute()
    .await?;
    let count = sql!(tx, "SELECT count(*) AS present FROM schemas WHERE tenant_id = $1").row();
    if count.await?.get::<i64>("present")?.unsigned_abs() > Schema::MOST as u64 {
        let message = format!("a tenant has at most {} schemas", Schema::MOST);
        tx.forbid_commit();
        return Err(Error::new(ErrorKind::Conflict, "too_many", message));
    }
    let action = if old.is_none() && action == Action::Update { Action::Create } else { action };
    tx.record(action, old.as_ref(), schema).await?;
    Ok(if old.is_some() { Put::Updated } else { Put::Created })
}

pub(super) async fn find(tx: &mut TenantTx, key: &Key, hold: bool) -> Result<Option<Schema>, Error> {
    const FIND: &str = "SELECT definition FROM schemas WHERE tenant_id = $1 AND key = $2";
    if hold {
        return sql!(
            tx,
            pg: "SELECT definition FROM schemas WHERE tenant_id = $1 AND key = $2 FOR UPDATE",
            lite: FIND,
            key.as_str()
        )
        .optional()
        .await;
    }
    sql!(tx, FIND, key.as_str()).optional().await
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "not_found", "the tenant has no such schema")
}
