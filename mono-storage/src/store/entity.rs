//! The operations that a table of an application most often needs: one row for each thing, with a version and soft delete.

use super::versions::{History, Revert, Versioned};
use crate::db::{Bind, Column, FromRow, Row, TenantStatement, TenantTx, Value};
use mono_core::Error;
use mono_core::audit::Action;
use mono_core::id::Id;
use mono_core::page::{Cursor, Page, PageRequest, Placed, Slice, SliceRequest};
use mono_core::permission::{Permission, Scope};
use mono_core::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::str::FromStr;
use uuid::Uuid;

/// The fields of a thing that an application keeps in a table of tenants. Implemented by [`entity!`](crate::entity).
///
/// Each version is kept as serde writes it: a field that is added later needs a default for serde.
pub trait Entity: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its id.
    type Id: Id + Bind + Column + Serialize + DeserializeOwned + FromStr<Err = Error>;
    /// How the audit log names it.
    const NAME: &'static str;
    /// What a caller needs, at the tenant.
    const PERMISSIONS: EntityPermissions;
    /// The limit that each takes one of.
    const LIMIT: Option<&'static str>;
    /// Its SQL.
    const STATEMENTS: EntityStatements;

    /// Reads the fields.
    ///
    /// # Errors
    /// `Internal` where the row does not hold them.
    fn read(row: &Row) -> Result<Self, Error>;

    /// The fields as the statements take them.
    fn values(&self) -> Vec<Value>;
}

/// What the operations on an entity ask for.
#[derive(Debug, Clone, Copy)]
pub struct EntityPermissions {
    /// To make one.
    pub create: Permission,
    /// To see them.
    pub read: Permission,
    /// To change one.
    pub update: Permission,
    /// To delete one.
    pub delete: Permission,
    /// To bring a deleted one back.
    pub restore: Permission,
}

/// The SQL of an entity: `$2` is the id, `$3` the moment, the fields follow.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "named like the operations")]
pub struct EntityStatements {
    pub insert: TenantStatement,
    pub get: TenantStatement,
    pub hold: TenantStatement,
    pub hold_deleted: TenantStatement,
    pub count: TenantStatement,
    pub page: TenantStatement,
    pub slice: TenantStatement,
    pub update: TenantStatement,
    pub delete: TenantStatement,
    pub restore: TenantStatement,
}

/// An entity as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound = "")]
pub struct Stored<E: Entity> {
    /// Its id.
    pub id: E::Id,
    /// Its fields.
    #[serde(flatten)]
    pub fields: E,
    /// Goes up by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl<E: Entity> FromRow for Stored<E> {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            fields: E::read(row)?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

impl<E: Entity> Placed for Stored<E> {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id.into() }
    }
}

/// All of one kind in a tenant. Made by [`TenantTx::entities`].
pub struct Entities<'t, E> {
    tx: &'t mut TenantTx,
    kind: PhantomData<E>,
}

impl TenantTx {
    /// The things of one kind that an application keeps in the tenant.
    pub const fn entities<E: Entity>(&mut self) -> Entities<'_, E> {
        Entities { tx: self, kind: PhantomData }
    }
}

impl<'t, E: Entity> Entities<'t, E> {
    /// Makes one, and takes one of its limit.
    ///
    /// # Errors
    /// `Forbidden` without the permission, `Conflict` where a key is taken or what it refers to does not exist,
    /// `LimitExceeded` where the plan's are used up.
    pub async fn create(self, fields: E) -> Result<Stored<E>, Error> {
        let tx = self.tx;
        tx.authorize(E::PERMISSIONS.create, &Scope::tenant(tx.tenant())).await?;
        let id: E::Id = tx.new_id();
        let values = with_fields(id, tx.now(), &fields);
        let stored: Stored<E> = tx.query(E::STATEMENTS.insert, values).one().await?;
        tx.record(Action::Create, None, &stored).await?;
        reserve::<E>(tx).await?;
        Ok(stored)
    }

    /// One of them.
    ///
    /// # Errors
    /// `Forbidden` without the permission, `NotFound` where there is none in this tenant.
    pub async fn get(self, id: E::Id) -> Result<Stored<E>, Error> {
        let tx = self.tx;
        tx.authorize(E::PERMISSIONS.read, &Scope::tenant(tx.tenant())).await?;
        tx.query(E::STATEMENTS.get, vec![id.into_value()]).optional().await?.ok_or_else(not_found::<E>)
    }

    /// One page of them, the newest first.
    ///
    /// # Errors
    /// `Forbidden` without the permission.
    pub async fn list(self, page: PageRequest) -> Result<Page<Stored<E>>, Error> {
        let tx = self.tx;
        tx.authorize(E::PERMISSIONS.read, &Scope::tenant(tx.tenant())).await?;
        let total: i64 = tx.query(E::STATEMENTS.count, Vec::new()).row().await?.get("total")?;
        let offset = i64::try_from(page.offset()).unwrap_or(i64::MAX);
        let values = vec![page.limit().into_value(), offset.into_value()];
        let items = tx.query(E::STATEMENTS.page, values).all().await?;
        Ok(Page::new(items, page, total.unsigned_abs()))
    }

    /// Those that a cursor has not come past yet, newest first. However deep it stands, a slice costs the same, where the
    /// table has an index on `(tenant_id, created_at DESC, id DESC) WHERE deleted_at IS NULL`.
    ///
    /// # Errors
    /// `Forbidden` without the permission.
    pub async fn list_after(self, slice: SliceRequest) -> Result<Slice<Stored<E>>, Error> {
        let tx = self.tx;
        tx.authorize(E::PERMISSIONS.read, &Scope::tenant(tx.tenant())).await?;
        let after = slice.after();
        let values = vec![after.created_at.into_value(), after.id.into_value(), slice.to_read().into_value()];
        Ok(Slice::new(tx.query(E::STATEMENTS.slice, values).all().await?, slice))
    }

    /// Puts other fields in the place of those of version `seen`.
    ///
    /// # Errors
    /// `Forbidden` without the permission, `NotFound` where there is none in this tenant, `Conflict` where a key is
    /// taken or the version is stale (`details.currentVersion` says which is current).
    pub async fn update(self, id: E::Id, seen: i64, fields: E) -> Result<Stored<E>, Error> {
        change(self.tx, Action::Update, id, Some(seen), fields).await
    }

    /// The versions of one, for a caller who may read it.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn history(self, id: E::Id) -> Result<History<'t, Stored<E>>, Error> {
        self.tx.history(&id).await
    }

    /// Gives one the fields of an earlier version; with `seen` only where that is the current version.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`update`](Self::update); `NotFound` with code `version_not_found` where this version is
    /// not kept.
    pub async fn revert(self, id: E::Id, version: i64, seen: Option<i64>) -> Result<Stored<E>, Error> {
        self.tx.revert(&id, version, seen).await
    }

    /// Deletes one, and gives its place in the limit back. It can be restored.
    ///
    /// # Errors
    /// `Forbidden` without the permission, `NotFound` where there is none in this tenant.
    pub async fn delete(self, id: E::Id) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(E::PERMISSIONS.delete, &Scope::tenant(tx.tenant())).await?;
        let old = hold::<E>(tx, E::STATEMENTS.hold, id).await?;
        tx.require_version("this", None, old.version)?;
        let values = vec![id.into_value(), tx.now().into_value()];
        let stored: Stored<E> = tx.query(E::STATEMENTS.delete, values).one().await?;
        tx.record(Action::Delete, Some(&old), &stored).await?;
        match E::LIMIT {
            Some(limit) => tx.release(limit, 1).await,
            None => Ok(()),
        }
    }

    /// Brings a deleted one back, and takes one of its limit again.
    ///
    /// # Errors
    /// `Forbidden` without the permission, `NotFound` where none that is deleted has this id, `Conflict` where a key is
    /// taken meanwhile, `LimitExceeded` where the plan's are used up.
    pub async fn restore(self, id: E::Id) -> Result<Stored<E>, Error> {
        let tx = self.tx;
        tx.authorize(E::PERMISSIONS.restore, &Scope::tenant(tx.tenant())).await?;
        let deleted = hold::<E>(tx, E::STATEMENTS.hold_deleted, id).await?;
        tx.require_version("this", None, deleted.version)?;
        let values = vec![id.into_value(), tx.now().into_value()];
        let stored: Stored<E> = tx.query(E::STATEMENTS.restore, values).one().await?;
        tx.record(Action::Restore, None, &stored).await?;
        reserve::<E>(tx).await?;
        Ok(stored)
    }
}

impl<E: Entity> Versioned for Stored<E> {
    type Id = E::Id;
    const ENTITY: &'static str = E::NAME;

    fn id(&self) -> E::Id {
        self.id
    }

    fn uuid(id: &E::Id) -> Uuid {
        (*id).into()
    }

    fn version(&self) -> Option<i64> {
        Some(self.version)
    }

    async fn require_read(tx: &mut TenantTx, id: &E::Id) -> Result<(), Error> {
        tx.entities::<E>().get(*id).await.map(drop)
    }
}

impl<E: Entity> Revert for Stored<E> {
    async fn put_back(tx: &mut TenantTx, earlier: Self, seen: Option<i64>) -> Result<Self, Error> {
        change(tx, Action::Revert, earlier.id, seen, earlier.fields).await
    }
}

async fn change<E: Entity>(
    tx: &mut TenantTx,
    action: Action,
    id: E::Id,
    seen: Option<i64>,
    fields: E,
) -> Result<Stored<E>, Error> {
    tx.authorize(E::PERMISSIONS.update, &Scope::tenant(tx.tenant())).await?;
    let old = hold::<E>(tx, E::STATEMENTS.hold, id).await?;
    tx.require_version("this", seen, old.version)?;
    if old.fields == fields {
        return Ok(old);
    }
    let values = with_fields(id, tx.now(), &fields);
    let stored: Stored<E> = tx.query(E::STATEMENTS.update, values).one().await?;
    tx.record(action, Some(&old), &stored).await?;
    Ok(stored)
}

fn with_fields<E: Entity>(id: E::Id, now: Timestamp, fields: &E) -> Vec<Value> {
    let mut values = vec![id.into_value(), now.into_value()];
    values.extend(fields.values());
    values
}

/// The thing, held until the transaction ends, so that what is audited is what was changed.
async fn hold<E: Entity>(
    tx: &mut TenantTx,
    statement: TenantStatement,
    id: E::Id,
) -> Result<Stored<E>, Error> {
    tx.query(statement, vec![id.into_value()]).optional().await?.ok_or_else(not_found::<E>)
}

/// The counter is written last: all writers of the tenant share its row.
async fn reserve<E: Entity>(tx: &mut TenantTx) -> Result<(), Error> {
    match E::LIMIT {
        Some(limit) => tx.reserve(limit, 1).await,
        None => Ok(()),
    }
}

fn not_found<E: Entity>() -> Error {
    Error::not_found(E::Id::ENTITY)
}

/// Makes a struct of an application an [`Entity`](crate::store::Entity): each operation of `tx.entities::<Berth>()`
/// checks `tenant.berths.create` and so on, writes, audits, and takes its place in the limit, where one is named.
///
/// The table has `tenant_id`, `id`, `version`, `created_at`, `updated_at`, `deleted_at` and a column for each field, at
/// most twenty. What goes beyond these operations is written with [`sql!`](crate::sql).
///
/// ```
/// #[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Berth {
///     name: mono_core::text::Name,
///     length: i64,
/// }
/// mono_storage::ids! {
///     /// Names a berth.
///     BerthId = "a berth";
/// }
/// mono_storage::entity! {
///     Berth { id: BerthId, name: "berth", table: "berths", permissions: "tenant.berths", limit: "berths", fields: [name, length] }
/// }
/// ```
#[macro_export]
macro_rules! entity {
    ($entity:ident {
        id: $id:ident, name: $name:literal, table: $table:literal, permissions: $permissions:literal,
        $(limit: $limit:literal,)? fields: [$($field:ident),+ $(,)?] $(,)?
    }) => {
        impl $crate::store::Entity for $entity {
            type Id = $id;
            const NAME: &'static str = $name;
            const PERMISSIONS: $crate::store::EntityPermissions = $crate::store::EntityPermissions {
                create: $crate::reexport::permission!(concat!($permissions, ".create")),
                read: $crate::reexport::permission!(concat!($permissions, ".read")),
                update: $crate::reexport::permission!(concat!($permissions, ".update")),
                delete: $crate::reexport::permission!(concat!($permissions, ".delete")),
                restore: $crate::reexport::permission!(concat!($permissions, ".restore")),
            };
            // The first: the limit, where one is named.
            const LIMIT: Option<&'static str> = [$(Some($limit),)? None][0];
            const STATEMENTS: $crate::store::EntityStatements =
                $crate::entity!(@number [4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23] [] [$($field)+] $table);

            fn read(row: &$crate::db::Row) -> ::std::result::Result<Self, $crate::reexport::Error> {
                Ok(Self { $($field: row.get(stringify!($field))?),+ })
            }

            fn values(&self) -> Vec<$crate::db::Value> {
                vec![$($crate::db::Bind::into_value(self.$field.clone())),+]
            }
        }
    };
    // Gives each field the number of its value.
    (@number [$number:literal $($numbers:literal)*] [$($done:tt)*] [$field:ident $($fields:ident)*] $table:literal) => {
        $crate::entity!(@number [$($numbers)*] [$($done)* ($number $field)] [$($fields)*] $table)
    };
    (@number [$($numbers:literal)*] [$(($number:literal $field:ident))+] [] $table:literal) => {{
        macro_rules! columns {
            () => { concat!("id, version, created_at, updated_at" $(, ", ", stringify!($field))+) };
        }
        macro_rules! select {
            ($state:literal, $lock:literal) => {
                concat!("SELECT ", columns!(), " FROM ", $table, " WHERE tenant_id = $1 AND id = $2 AND ", $state, $lock)
            };
        }
        macro_rules! statement {
            ($text:expr) => { $crate::db::TenantStatement::new($text, $text) };
        }
        $crate::store::EntityStatements {
            insert: statement!(concat!(
                "INSERT INTO ", $table, " (tenant_id, id, created_at, updated_at, version" $(, ", ", stringify!($field))+,
                ") VALUES ($1, $2, $3, $3, 1" $(, ", $", $number)+, ") RETURNING ", columns!()
            )),
            get: statement!(select!("deleted_at IS NULL", "")),
            // SQLite knows no row locks and needs none: one transaction writes at a time.
            hold: $crate::db::TenantStatement::new(
                select!("deleted_at IS NULL", " FOR UPDATE"),
                select!("deleted_at IS NULL", ""),
            ),
            hold_deleted: $crate::db::TenantStatement::new(
                select!("deleted_at IS NOT NULL", " FOR UPDATE"),
                select!("deleted_at IS NOT NULL", ""),
            ),
            count: statement!(concat!(
                "SELECT count(*) AS total FROM ", $table, " WHERE tenant_id = $1 AND deleted_at IS NULL"
            )),
            page: statement!(concat!(
                "SELECT ", columns!(), " FROM ", $table, " WHERE tenant_id = $1 AND deleted_at IS NULL",
                " ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3"
            )),
            slice: statement!(concat!(
                "SELECT ", columns!(), " FROM ", $table, " WHERE tenant_id = $1 AND deleted_at IS NULL",
                " AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4"
            )),
            update: statement!(concat!(
                "UPDATE ", $table, " SET updated_at = $3, version = version + 1" $(, ", ", stringify!($field), " = $", $number)+,
                " WHERE tenant_id = $1 AND id = $2 RETURNING ", columns!()
            )),
            delete: statement!(concat!(
                "UPDATE ", $table, " SET deleted_at = $3, updated_at = $3, version = version + 1",
                " WHERE tenant_id = $1 AND id = $2 RETURNING ", columns!()
            )),
            restore: statement!(concat!(
                "UPDATE ", $table, " SET deleted_at = NULL, updated_at = $3, version = version + 1",
                " WHERE tenant_id = $1 AND id = $2 RETURNING ", columns!()
            )),
        }
    }};
}
