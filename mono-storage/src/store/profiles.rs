//! Profiles: what members show of themselves, in the fields of the tenant's schemas.

use super::versions::{Revert, Versioned};
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::id::{Id, MemberId, ProfileId};
use mono_core::model::profile::{Profile, ProfileChange, ProfileFilter, ProfileSort, ProfileStatus};
use mono_core::model::tenant::Document;
use mono_core::page::{Page, PageRequest, Slice, SliceRequest};
use mono_core::permission::{Permission, Scope};
use mono_core::subscription::Key;
use mono_core::{Error, ErrorKind, permission};
use uuid::Uuid;

const READ_OWN: Permission = permission!("user.profile.read");
const UPDATE_OWN: Permission = permission!("user.profile.update");
const PUBLISH_OWN: Permission = permission!("user.profile.publish");
const READ: Permission = permission!("tenant.members.read");
const UPDATE: Permission = permission!("tenant.members.update");
pub(super) const REQUIRED: &[Permission] = &[READ_OWN, UPDATE_OWN, PUBLISH_OWN, READ, UPDATE];

/// The most profiles of a member, deleted ones included.
const MOST: i64 = 50;

macro_rules! columns {
    () => {
        "tenant_id, id, member_id, kind, data, status, version, created_at, updated_at"
    };
}

/// Which profiles a list is about: `$2` is the member, `$3` the schema, `$4` the status.
macro_rules! matching {
    () => {
        " FROM profiles WHERE tenant_id = $1 AND deleted_at IS NULL AND ($2 IS NULL OR member_id = $2)
          AND ($3 IS NULL OR kind = $3) AND ($4 IS NULL OR status = $4)"
    };
}

impl FromRow for Profile {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tenant_id: row.get("tenant_id")?,
            id: row.get("id")?,
            member_id: row.get("member_id")?,
            kind: row.parse("kind")?,
            data: serde_json::from_value(row.get("data")?).map_err(Error::internal)?,
            status: row.parse("status")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// The profiles of the members of a tenant.
///
/// For a profile of one's own one needs `user.profile.read`, `.update` or `.publish`; for somebody else's
/// `tenant.members.read` or `.update`. A role that gives `user.*` in the whole tenant opens nobody else's.
pub struct Profiles<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The profiles of the members of the tenant.
    pub const fn profiles(&mut self) -> Profiles<'_> {
        Profiles { tx: self }
    }
}

impl Profiles<'_> {
    /// Makes a draft. What the schema requires may be missing until it is published.
    ///
    /// # Errors
    /// `Forbidden` without the right to update the member's profiles; `NotFound` where the tenant has no such member;
    /// `Validation` where it has no such schema, and with everything in the data that does not obey it; `Conflict` with
    /// code `too_many` beyond 50 profiles of one member.
    pub async fn create(self, member: MemberId, kind: Key, data: Document) -> Result<Profile, Error> {
        let tx = self.tx;
        authorize(tx, member, UPDATE_OWN, UPDATE).await?;
        hold_member(tx, member).await?;
        check(tx, &kind, &data, ProfileStatus::Draft).await?;
        let count = sql!(
            tx,
            "SELECT count(*) AS present FROM profiles WHERE tenant_id = $1 AND member_id = $2",
            member
        );
        if count.row().await?.get::<i64>("present")? >= MOST {
            let message = format!("a member has at most {MOST} profiles, deleted ones included");
            return Err(Error::new(ErrorKind::Conflict, "too_many", message));
        }
        let (id, now) = (tx.new_id::<ProfileId>(), tx.now());
        let profile: Profile = sql!(
            tx,
            concat!(
                "INSERT INTO profiles (tenant_id, id, member_id, kind, data, status, version, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, 'draft', 1, $6, $6) RETURNING ",
                columns!()
            ),
            id,
            member,
            kind.as_str(),
            to_value(&data)?,
            now
        )
        .one()
        .await?;
        tx.record(Action::Create, None, &profile).await?;
        Ok(profile)
    }

    /// One profile.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such profile, `Forbidden` without the right to read the member's.
    pub async fn get(self, id: ProfileId) -> Result<Profile, Error> {
        let tx = self.tx;
        let profile: Option<Profile> = sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                " FROM profiles WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL"
            ),
            id
        )
        .optional()
        .await?;
        let profile = profile.ok_or_else(not_found)?;
        authorize(tx, profile.member_id, READ_OWN, READ).await?;
        Ok(profile)
    }

    /// One page of the profiles of all members, or of one.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.read`.
    pub async fn page(self, filter: &ProfileFilter, page: PageRequest) -> Result<Page<Profile>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        let (kind, status) =
            (filter.kind.as_ref().map(Key::as_str), filter.status.map(ProfileStatus::as_str));
        let count =
            sql!(tx, concat!("SELECT count(*) AS total", matching!()), filter.member, kind, status).row();
        let total: i64 = count.await?.get("total")?;
        macro_rules! ordered {
            ($order:literal) => {
                sql!(
                    tx,
                    concat!("SELECT ", columns!(), matching!(), " ORDER BY ", $order, " LIMIT $5 OFFSET $6"),
                    filter.member,
                    kind,
                    status,
                    page.limit(),
                    i64::try_from(page.offset()).unwrap_or(i64::MAX)
                )
                .all()
                .await?
            };
        }
        let items = match filter.sort {
            ProfileSort::Oldest => ordered!("created_at, id"),
            _ => ordered!("created_at DESC, id DESC"),
        };
        Ok(Page::new(items, page, total.unsigned_abs()))
    }

    /// The profiles of all members, or of one, newest first, after those that a cursor has come past; however deep it
    /// stands, a slice costs the same. The order of the filter does not matter.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub async fn list_after(
        self,
        filter: &ProfileFilter,
        slice: SliceRequest,
    ) -> Result<Slice<Profile>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        let items = sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                matching!(),
                " AND (created_at, id) < ($5, $6) ORDER BY created_at DESC, id DESC LIMIT $7"
            ),
            filter.member,
            filter.kind.as_ref().map(Key::as_str),
            filter.status.map(ProfileStatus::as_str),
            slice.after().created_at,
            slice.after().id,
            slice.to_read()
        )
        .all()
        .await?;
        Ok(Slice::new(items, slice))
    }

    /// The profiles of a member, oldest first.
    ///
    /// # Errors
    /// `Forbidden` without the right to read the member's; `NotFound` where the tenant has no such member.
    pub async fn list(self, member: MemberId) -> Result<Vec<Profile>, Error> {
        let tx = self.tx;
        authorize(tx, member, READ_OWN, READ).await?;
        super::members::require(tx, member).await?;
        sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                " FROM profiles WHERE tenant_id = $1 AND member_id = $2 AND deleted_at IS NULL ORDER BY created_at, id"
            ),
            member
        )
        .all()
        .await
    }

    /// Changes a profile, publishes it, or takes it back.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such profile; `Forbidden` without the right to update the member's, or, for
    /// its status, to publish it; `Validation` with everything in the data that does not obey the schema; `Conflict`
    /// where the version is stale (`details.currentVersion` says which is current).
    pub async fn update(self, id: ProfileId, change: ProfileChange) -> Result<Profile, Error> {
        let tx = self.tx;
        let old = find_for_update(tx, id).await?;
        apply(tx, Action::Update, old, change).await
    }

    /// Deletes a profile. It can be restored.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such profile, `Forbidden` without the right to update the member's.
    pub async fn delete(self, id: ProfileId) -> Result<(), Error> {
        let tx = self.tx;
        let old = find_for_update(tx, id).await?;
        authorize(tx, old.member_id, UPDATE_OWN, UPDATE).await?;
        tx.require_version("the profile", None, old.version)?;
        let now = tx.now();
        let profile: Profile = sql!(
            tx,
            concat!(
                "UPDATE profiles SET deleted_at = $3, updated_at = $3, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            now
        )
        .one()
        .await?;
        tx.record(Action::Delete, Some(&old), &profile).await
    }

    /// Brings a deleted profile back, as a draft: the schema may have changed meanwhile.
    ///
    /// # Errors
    /// `NotFound` where no deleted profile has this id, `Forbidden` without the right to update the member's.
    pub async fn restore(self, id: ProfileId) -> Result<Profile, Error> {
        let tx = self.tx;
        let row = sql!(
            tx,
            pg: "SELECT member_id, version FROM profiles WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL FOR UPDATE",
            lite: "SELECT member_id, version FROM profiles WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL",
            id
        );
        let rows = row.rows().await?;
        let deleted = rows.first().ok_or_else(not_found)?;
        authorize(tx, deleted.get("member_id")?, UPDATE_OWN, UPDATE).await?;
        tx.require_version("the profile", None, deleted.get("version")?)?;
        let now = tx.now();
        let profile: Profile = sql!(
            tx,
            concat!(
                "UPDATE profiles SET deleted_at = NULL, status = 'draft', updated_at = $3, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            now
        )
        .one()
        .await?;
        tx.record(Action::Restore, None, &profile).await?;
        Ok(profile)
    }
}

impl Versioned for Profile {
    type Id = ProfileId;
    const ENTITY: &'static str = "profile";

    fn id(&self) -> ProfileId {
        self.id
    }

    fn uuid(id: &ProfileId) -> Uuid {
        id.uuid()
    }

    fn version(&self) -> Option<i64> {
        Some(self.version)
    }

    async fn require_read(tx: &mut TenantTx, id: &ProfileId) -> Result<(), Error> {
        tx.profiles().get(*id).await.map(drop)
    }
}

impl Revert for Profile {
    async fn put_back(tx: &mut TenantTx, earlier: Self, seen: Option<i64>) -> Result<Self, Error> {
        let old = find_for_update(tx, earlier.id).await?;
        let change = ProfileChange { version: seen, data: Some(earlier.data), status: Some(earlier.status) };
        apply(tx, Action::Revert, old, change).await
    }
}

/// Changes a profile that the transaction holds.
async fn apply(
    tx: &mut TenantTx,
    action: Action,
    old: Profile,
    change: ProfileChange,
) -> Result<Profile, Error> {
    let status = change.status.unwrap_or(old.status);
    let data = change.data.unwrap_or_else(|| old.data.clone());
    if status != old.status {
        authorize(tx, old.member_id, PUBLISH_OWN, UPDATE).await?;
    }
    if status == old.status || data != old.data {
        authorize(tx, old.member_id, UPDATE_OWN, UPDATE).await?;
    }
    tx.require_version("the profile", change.version, old.version)?;
    if status == old.status && data == old.data {
        return Ok(old);
    }
    check(tx, &old.kind, &data, status).await?;
    let now = tx.now();
    let profile: Profile = sql!(
        tx,
        concat!(
            "UPDATE profiles SET data = $3, status = $4, updated_at = $5, version = version + 1
             WHERE tenant_id = $1 AND id = $2 RETURNING ",
            columns!()
        ),
        old.id,
        to_value(&data)?,
        status.as_str(),
        now
    )
    .one()
    .await?;
    tx.record(action, Some(&old), &profile).await?;
    Ok(profile)
}

/// Asks for one right where the profile is the caller's own, and for another where it is somebody else's; who has the
/// latter needs not the former.
async fn authorize(
    tx: &mut TenantTx,
    member: MemberId,
    own: Permission,
    other: Permission,
) -> Result<(), Error> {
    let whole = Scope::tenant(tx.tenant());
    let is_own = tx.caller().actor().member() == Some(member);
    if is_own && tx.authorize(own, &whole).await.is_ok() {
        return Ok(());
    }
    tx.authorize(other, &whole).await
}

/// The member is there, and nobody else makes a profile of theirs until the transaction ends.
async fn hold_member(tx: &mut TenantTx, member: MemberId) -> Result<(), Error> {
    let rows = sql!(
        tx,
        pg: "SELECT id FROM members WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
        lite: "SELECT id FROM members WHERE tenant_id = $1 AND id = $2",
        member
    );
    if rows.rows().await?.is_empty() { Err(Error::not_found(MemberId::ENTITY)) } else { Ok(()) }
}

/// Refuses data that do not obey the schema; what is published is whole.
async fn check(tx: &mut TenantTx, kind: &Key, data: &Document, status: ProfileStatus) -> Result<(), Error> {
    let schema = super::schemas::find(tx, kind, false).await?.ok_or_else(|| {
        Error::invalid("kind", "unknown_schema", format!("the tenant has no schema {kind}"))
    })?;
    let sets = super::option_sets::named(tx, &schema.sets(), false).await?;
    schema.check(data, &sets, status == ProfileStatus::Published)
}

/// The profile, held until the transaction ends, so that what is audited is what was changed.
async fn find_for_update(tx: &mut TenantTx, id: ProfileId) -> Result<Profile, Error> {
    macro_rules! select {
        ($lock:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                " FROM profiles WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
                $lock
            )
        };
    }
    sql!(tx, pg: select!(" FOR UPDATE"), lite: select!(""), id).optional().await?.ok_or_else(not_found)
}

fn to_value(data: &Document) -> Result<serde_json::Value, Error> {
    serde_json::to_value(data).map_err(Error::internal)
}

fn not_found() -> Error {
    Error::not_found(ProfileId::ENTITY)
}
