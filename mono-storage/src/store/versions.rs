//! History: a snapshot of a thing for each of its versions, written in the transaction of the change.
//!
//! Any store may keep one: [`TenantTx::keep_version`] after each change, and [`TenantTx::versions`] and
//! [`TenantTx::version`] to read it, behind the permission that reading the thing itself needs.

use crate::db::{Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::history::Version;
use mono_core::id::Id;
use mono_core::page::{Page, PageRequest};
use mono_core::{Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

impl TenantTx {
    /// Keeps a thing as it is now, under the number of its version. The snapshot is whole, so that the thing can go back
    /// to it; nothing in it is masked.
    ///
    /// # Errors
    /// `Conflict` where this version is kept already, and what the database refuses.
    pub async fn keep_version<I: Id, T: Serialize>(
        &mut self,
        action: Action,
        entity: &'static str,
        id: I,
        version: i64,
        state: &T,
    ) -> Result<(), Error> {
        let id: Uuid = id.into();
        let snapshot = serde_json::to_value(state).map_err(Error::internal)?;
        let (at, actor) = (self.now(), self.caller().actor().to_string());
        sql!(
            self,
            "INSERT INTO entity_versions (tenant_id, entity, entity_id, version, action, snapshot, at, actor)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            entity,
            id,
            version,
            action.as_str(),
            snapshot,
            at,
            actor
        )
        .execute()
        .await?;
        Ok(())
    }

    /// One page of the versions of a thing, newest first. It asks for no permission: whoever calls it has asked for the
    /// one that reading the thing needs.
    ///
    /// # Errors
    /// `Internal` where a snapshot is not of this type, and what the database refuses.
    pub async fn versions<I: Id, T: DeserializeOwned>(
        &mut self,
        entity: &'static str,
        id: I,
        page: PageRequest,
    ) -> Result<Page<Version<T>>, Error> {
        let id: Uuid = id.into();
        let total: i64 = sql!(
            self,
            "SELECT count(*) AS total FROM entity_versions WHERE tenant_id = $1 AND entity = $2 AND entity_id = $3",
            entity,
            id
        )
        .row()
        .await?
        .get("total")?;
        let rows = sql!(
            self,
            "SELECT version, action, at, actor, snapshot FROM entity_versions
             WHERE tenant_id = $1 AND entity = $2 AND entity_id = $3 ORDER BY version DESC LIMIT $4 OFFSET $5",
            entity,
            id,
            page.limit(),
            i64::try_from(page.offset()).unwrap_or(i64::MAX)
        )
        .rows()
        .await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page::new(items, page, u64::try_from(total).unwrap_or_default()))
    }

    /// One version of a thing. It asks for no permission, as [`versions`](Self::versions).
    ///
    /// # Errors
    /// `NotFound` where this version is not kept.
    pub async fn version<I: Id, T: DeserializeOwned>(
        &mut self,
        entity: &'static str,
        id: I,
        version: i64,
    ) -> Result<Version<T>, Error> {
        let id: Uuid = id.into();
        let rows = sql!(
            self,
            "SELECT version, action, at, actor, snapshot FROM entity_versions
             WHERE tenant_id = $1 AND entity = $2 AND entity_id = $3 AND version = $4",
            entity,
            id,
            version
        )
        .rows()
        .await?;
        let row = rows.first().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "version_not_found", format!("version {version} is not kept"))
        })?;
        read(row)
    }
}

fn read<T: DeserializeOwned>(row: &Row) -> Result<Version<T>, Error> {
    Ok(Version {
        version: row.get("version")?,
        action: row.parse("action")?,
        at: row.get("at")?,
        actor: row.get("actor")?,
        snapshot: serde_json::from_value(row.get("snapshot")?).map_err(Error::internal)?,
    })
}
