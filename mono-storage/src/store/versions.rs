//! History: a snapshot of a thing for each of its versions, written in the transaction of the change.
//!
//! A store calls [`TenantTx::record`] after each change. [`TenantTx::history`] then reads the versions of whatever is
//! [`Versioned`], and [`TenantTx::revert`] brings an earlier one back.

use crate::db::{Bind, PlatformStatement, PlatformTx, Query, Row, TenantStatement, TenantTx, Value};
use mono_core::audit::{Action, FieldChange, changes};
use mono_core::history::Version;
use mono_core::id::TenantId;
use mono_core::page::{Page, PageRequest};
use mono_core::{Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::marker::PhantomData;
use std::str::FromStr;
use uuid::Uuid;

/// A thing of a tenant of which each version is kept.
///
/// A field that is added later needs a default for serde: earlier versions lack it.
pub trait Versioned: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// By what one is named.
    type Id: Clone + FromStr<Err = Error> + Send + Sync + 'static;

    /// How the audit log and the history name it.
    const ENTITY: &'static str;

    /// The id of this one.
    fn id(&self) -> Self::Id;

    /// The id under which the audit log and the history have it: its own, or one made of its key by [`id_of_key`].
    fn uuid(id: &Self::Id) -> Uuid;

    /// The number of this version; `None` where the thing does not count and its history does.
    fn version(&self) -> Option<i64>;

    /// Refuses whoever may not read this one, or where there is none.
    fn require_read(tx: &mut TenantTx, id: &Self::Id) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A thing that can go back to an earlier version.
pub trait Revert: Versioned {
    /// Gives a thing the values of an earlier version, by the rules of a change, and records it as
    /// [`Action::Revert`]. `seen` is the version that the caller takes for the current one.
    fn put_back(
        tx: &mut TenantTx,
        earlier: Self,
        seen: Option<i64>,
    ) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// An id for what has only a key. Within a tenant no two keys of one entity have the same.
pub fn id_of_key(entity: &str, key: &str) -> Uuid {
    let hash = Sha256::new().chain_update(entity).chain_update([0]).chain_update(key).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl TenantTx {
    /// Records what a change made of a thing: its fields in the audit log, masked, and the whole of it as a version, so
    /// that it can go back. `old` is `None` where it was made or came back. After [`Action::Delete`] `new` is what was
    /// deleted, under its last version.
    ///
    /// # Errors
    /// `Conflict` where this version is kept already, and what the database refuses.
    pub async fn record<T: Versioned>(
        &mut self,
        action: Action,
        old: Option<&T>,
        new: &T,
    ) -> Result<(), Error> {
        let id = T::uuid(&new.id());
        let after = (action != Action::Delete).then_some(new);
        self.audit_change(action, T::ENTITY, id, old, after).await?;
        let snapshot = serde_json::to_value(new).map_err(Error::internal)?;
        Door::Tenant(self).keep((T::ENTITY, id), action, new.version(), snapshot).await
    }

    /// The versions of a thing, for a caller who may read it.
    ///
    /// # Errors
    /// As reading the thing itself: `NotFound`, `Forbidden`.
    pub async fn history<T: Versioned>(&mut self, id: &T::Id) -> Result<History<'_, T>, Error> {
        T::require_read(self, id).await?;
        Ok(History { door: Door::Tenant(self), entity: T::ENTITY, id: T::uuid(id), kind: PhantomData })
    }

    /// Gives a thing the values of an earlier version; that is a change like another, and a new version. With `seen` it
    /// is refused where that is not the current version any more.
    ///
    /// # Errors
    /// As reading the thing and as changing it; `NotFound` with code `version_not_found` where this version is not kept;
    /// `Conflict` where `seen` is stale (`details.currentVersion` says which is current).
    pub async fn revert<T: Revert>(
        &mut self,
        id: &T::Id,
        version: i64,
        seen: Option<i64>,
    ) -> Result<T, Error> {
        let earlier = self.history::<T>(id).await?.version(version).await?.snapshot;
        T::put_back(self, earlier, seen).await
    }

    /// [`require_version`](TenantTx::require_version) for what does not count its versions itself: the current one is the
    /// last that is kept. The thing is held by the transaction already.
    pub(super) async fn require_latest<T: Versioned>(
        &mut self,
        id: &T::Id,
        seen: Option<i64>,
    ) -> Result<(), Error> {
        if seen.is_none() && !self.expects_version() {
            return Ok(());
        }
        let latest = Door::Tenant(self).latest(T::ENTITY, T::uuid(id)).await?;
        self.require_version("this", seen, latest)
    }

    /// For what is gone for good when it is deleted: who asks for it is answered as long as there is a history.
    pub(super) async fn forgive_gone<T: Versioned>(
        &mut self,
        id: &T::Id,
        read: Result<T, Error>,
    ) -> Result<(), Error> {
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let kept = Door::Tenant(self).latest(T::ENTITY, T::uuid(id)).await? > 0;
                if kept { Ok(()) } else { Err(error) }
            }
            read => read.map(drop),
        }
    }
}

/// Keeps the first version of what the platform made in a tenant.
pub(super) async fn keep_new<T: Versioned>(
    tx: &mut PlatformTx,
    tenant: TenantId,
    made: &T,
) -> Result<(), Error> {
    let snapshot = serde_json::to_value(made).map_err(Error::internal)?;
    let place = (T::ENTITY, T::uuid(&made.id()));
    Door::Platform(tx, tenant).keep(place, Action::Create, Some(1), snapshot).await
}

/// One text for both doors.
struct Text {
    tenant: TenantStatement,
    platform: PlatformStatement,
}

const fn text(text: &'static str) -> Text {
    Text { tenant: TenantStatement::new(text, text), platform: PlatformStatement::new(text, text) }
}

const INSERT: Text = text(
    "INSERT INTO entity_versions (tenant_id, entity, entity_id, version, action, snapshot, at, actor)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const COUNT: Text = text(
    "SELECT count(*) AS total, COALESCE(max(version), 0) AS latest FROM entity_versions
     WHERE tenant_id = $1 AND entity = $2 AND entity_id = $3",
);
const PAGE: Text = text(
    "SELECT version, action, at, actor, snapshot FROM entity_versions
     WHERE tenant_id = $1 AND entity = $2 AND entity_id = $3 ORDER BY version DESC LIMIT $4 OFFSET $5",
);
const ONE: Text = text(
    "SELECT version, action, at, actor, snapshot FROM entity_versions
     WHERE tenant_id = $1 AND entity = $2 AND entity_id = $3 AND version = $4",
);

/// The transaction through which a history is reached. That of a tenant itself stands with the tenant, and is reached
/// through the platform, as its row is.
enum Door<'t> {
    Tenant(&'t mut TenantTx),
    Platform(&'t mut PlatformTx, TenantId),
}

impl Door<'_> {
    fn query(&mut self, text: &Text, mut values: Vec<Value>) -> Query<'_> {
        match self {
            Self::Tenant(tx) => tx.query(text.tenant, values),
            Self::Platform(tx, tenant) => {
                values.insert(0, tenant.into_value());
                tx.query(text.platform, values)
            }
        }
    }

    async fn latest(&mut self, entity: &str, id: Uuid) -> Result<i64, Error> {
        self.query(&COUNT, vec![entity.into_value(), id.into_value()]).row().await?.get("latest")
    }

    async fn keep(
        mut self,
        (entity, id): (&'static str, Uuid),
        action: Action,
        version: Option<i64>,
        snapshot: serde_json::Value,
    ) -> Result<(), Error> {
        let (at, actor) = match &self {
            Self::Tenant(tx) => (tx.now(), tx.caller().actor()),
            Self::Platform(tx, _) => (tx.now(), tx.caller().actor()),
        };
        let version = match version {
            Some(version) => version,
            None => self.latest(entity, id).await?.saturating_add(1),
        };
        let values = vec![
            entity.into_value(),
            id.into_value(),
            version.into_value(),
            action.as_str().into_value(),
            snapshot.into_value(),
            at.into_value(),
            actor.to_string().into_value(),
        ];
        self.query(&INSERT, values).execute().await.map(drop)
    }
}

/// The versions of one thing. Made by [`TenantTx::history`], for a caller who may read it.
pub struct History<'t, T> {
    door: Door<'t>,
    entity: &'static str,
    id: Uuid,
    kind: PhantomData<fn() -> T>,
}

impl<'t, T: Serialize + DeserializeOwned> History<'t, T> {
    /// The versions of a tenant itself. Whoever calls it has asked for the permission.
    pub(super) const fn of_tenant(tx: &'t mut PlatformTx, entity: &'static str, id: TenantId) -> Self {
        Self { door: Door::Platform(tx, id), entity, id: id.uuid(), kind: PhantomData }
    }

    /// Keeps a tenant itself as it is now.
    pub(super) async fn keep(self, action: Action, version: i64, state: &T) -> Result<(), Error> {
        let snapshot = serde_json::to_value(state).map_err(Error::internal)?;
        self.door.keep((self.entity, self.id), action, Some(version), snapshot).await
    }

    /// One page of the versions, newest first.
    ///
    /// # Errors
    /// `Conflict` with code `version_unreadable` where one was kept in a form that is no longer known, and what the
    /// database refuses.
    pub async fn list(mut self, page: PageRequest) -> Result<Page<Version<T>>, Error> {
        let of = vec![self.entity.into_value(), self.id.into_value()];
        let total: i64 = self.door.query(&COUNT, of.clone()).row().await?.get("total")?;
        let offset = i64::try_from(page.offset()).unwrap_or(i64::MAX);
        let values = [of, vec![page.limit().into_value(), offset.into_value()]].concat();
        let rows = self.door.query(&PAGE, values).rows().await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page::new(items, page, total.unsigned_abs()))
    }

    /// The number of the newest version.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn latest(mut self) -> Result<i64, Error> {
        self.door.latest(self.entity, self.id).await
    }

    /// The thing as it was in one version.
    ///
    /// # Errors
    /// `NotFound` with code `version_not_found` where this version is not kept, and as [`list`](Self::list).
    pub async fn version(mut self, version: i64) -> Result<Version<T>, Error> {
        read(&self.find(version).await?)
    }

    /// The fields in which two versions differ, with sensitive values masked as in the audit log.
    ///
    /// # Errors
    /// `NotFound` with code `version_not_found` where one of them is not kept.
    pub async fn diff(mut self, from: i64, to: i64) -> Result<Vec<FieldChange>, Error> {
        let (old, new) = (self.find(from).await?, self.find(to).await?);
        Ok(changes(&old.get("snapshot")?, &new.get("snapshot")?))
    }

    async fn find(&mut self, version: i64) -> Result<Row, Error> {
        let values = vec![self.entity.into_value(), self.id.into_value(), version.into_value()];
        self.door.query(&ONE, values).rows().await?.into_iter().next().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "version_not_found", format!("version {version} is not kept"))
        })
    }
}

fn read<T: DeserializeOwned>(row: &Row) -> Result<Version<T>, Error> {
    let version: i64 = row.get("version")?;
    let snapshot = serde_json::from_value(row.get("snapshot")?).map_err(|error| {
        let message = format!("version {version} was kept in a form that is no longer known");
        Error::new(ErrorKind::Conflict, "version_unreadable", message).with_source(error)
    })?;
    Ok(Version {
        version,
        action: row.parse("action")?,
        at: row.get("at")?,
        actor: row.get("actor")?,
        snapshot,
    })
}
