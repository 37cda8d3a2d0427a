//! Schemas: which fields the profiles of a tenant have.

use super::catalogue::Put;
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::model::schema::Schema;
use mono_core::permission::{Permission, Scope};
use mono_core::subscription::Key;
use mono_core::{Error, ErrorKind, permission};

pub(super) const READ: Permission = permission!("tenant.schemas.read");
pub(super) const UPDATE: Permission = permission!("tenant.schemas.update");
pub(super) const REQUIRED: &[Permission] = &[READ, UPDATE];

/// How the audit log names a schema.
const ENTITY: &str = "schema";
/// The most schemas of a tenant: they are read with every list.
const MOST: i64 = 100;

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
        find(tx, key).await?.ok_or_else(not_found)
    }

    /// Puts a schema in the place of the one with its key, or adds it. A profile that does not obey it any more stays as
    /// it is, and obeys it when its data are next written.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.update`; `Validation` with everything that is wrong with the schema;
    /// `Conflict` with code `too_many` beyond 100 schemas.
    pub async fn put(self, schema: &Schema) -> Result<Put, Error> {
        let tx = self.tx;
        tx.authorize(UPDATE, &Scope::tenant(tx.tenant())).await?;
        schema.require_whole()?;
        let named = schema.sets();
        let known = super::option_sets::named(tx, &named, true).await?;
        if let Some(unknown) = named.iter().find(|key| !known.iter().any(|set| set.key == ***key)) {
            let message = format!("the tenant has no option set {unknown}");
            return Err(Error::invalid("fields", "unknown_option_set", message));
        }
        let old = find(tx, &schema.key).await?;
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
        if count.await?.get::<i64>("present")? > MOST {
            let message = format!("a tenant has at most {MOST} schemas");
            tx.forbid_commit();
            return Err(Error::new(ErrorKind::Conflict, "too_many", message));
        }
        let action = if old.is_some() { Action::Update } else { Action::Create };
        tx.audit_change(action, ENTITY, tx.tenant(), old.as_ref(), Some(schema)).await?;
        Ok(if old.is_some() { Put::Updated } else { Put::Created })
    }

    /// Deletes a schema of which there is no profile, not even a deleted one.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.update`; `NotFound` where there is none with this key; `Conflict` with code
    /// `in_use` where there are profiles of it.
    pub async fn delete(self, key: &Key) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(UPDATE, &Scope::tenant(tx.tenant())).await?;
        let old = find(tx, key).await?.ok_or_else(not_found)?;
        // A profile that is made at this moment is stopped by its foreign key, or stops this.
        let used =
            sql!(tx, "SELECT id FROM profiles WHERE tenant_id = $1 AND kind = $2 LIMIT 1", key.as_str());
        if !used.rows().await?.is_empty() {
            let message = format!("the schema {key} is in use: there are profiles of it");
            return Err(Error::new(ErrorKind::Conflict, "in_use", message));
        }
        sql!(tx, "DELETE FROM schemas WHERE tenant_id = $1 AND key = $2", key.as_str()).execute().await?;
        tx.audit_change(Action::Delete, ENTITY, tx.tenant(), Some(&old), None).await
    }
}

pub(super) async fn find(tx: &mut TenantTx, key: &Key) -> Result<Option<Schema>, Error> {
    sql!(tx, "SELECT definition FROM schemas WHERE tenant_id = $1 AND key = $2", key.as_str())
        .optional()
        .await
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "not_found", "the tenant has no such schema")
}
