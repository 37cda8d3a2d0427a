//! Members: which person works in the tenant.

use super::accounts::contains;
use super::granting::Rules;
use super::versions::Versioned;
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::id::{Id, MemberId};
use mono_core::model::member::{Member, MemberFilter, MemberSort};
use mono_core::model::user::{User, UserStatus};
use mono_core::page::{Page, PageRequest, Slice, SliceRequest};
use mono_core::permission::{Permission, Scope};
use mono_core::{Error, ErrorKind, permission};
use uuid::Uuid;

pub(super) const INVITE: Permission = permission!("tenant.members.invite");
const READ: Permission = permission!("tenant.members.read");
const SUSPEND: Permission = permission!("tenant.members.suspend");
const REMOVE: Permission = permission!("tenant.members.remove");
pub(super) const REQUIRED: &[Permission] = &[INVITE, READ, SUSPEND, REMOVE];

/// The limit that each member takes one of.
pub(super) const LIMIT: &str = "members";

macro_rules! columns {
    () => {
        "tenant_id, id, user_id, name, email, status, version, created_at, updated_at"
    };
}

/// Which members a list is about: `$2` is searched for, `$3` the status.
macro_rules! matching {
    () => {
        " FROM members WHERE tenant_id = $1
          AND ($2 IS NULL OR name_norm LIKE $2 ESCAPE '\\' OR email_norm LIKE $2 ESCAPE '\\')
          AND ($3 IS NULL OR status = $3)"
    };
}

impl FromRow for Member {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tenant_id: row.get("tenant_id")?,
            id: row.get("id")?,
            user_id: row.get("user_id")?,
            name: row.get("name")?,
            email: row.get("email")?,
            status: row.parse("status")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// The members of a tenant.
///
/// A member's row holds a copy of the person's name and address. Users belong to no tenant, and a login that serves
/// tenants has no right on them; with the copy a list stays within the tenant, and its search within one table.
pub struct Members<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The members of the tenant.
    pub const fn members(&mut self) -> Members<'_> {
        Members { tx: self }
    }
}

impl Members<'_> {
    /// Makes a person a member and takes one of the plan's `members`.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.invite`; `Conflict` where the person is a member or does not exist;
    /// `LimitExceeded` where the plan's members are used up.
    pub async fn add(self, user: &User) -> Result<Member, Error> {
        let tx = self.tx;
        tx.authorize(INVITE, &Scope::tenant(tx.tenant())).await?;
        let (id, now) = (tx.new_id::<MemberId>(), tx.now());
        let member: Member = sql!(
            tx,
            concat!(
                "INSERT INTO members (tenant_id, id, user_id, name, name_norm, email, email_norm, status, version,
                     created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', 1, $8, $8) RETURNING ",
                columns!()
            ),
            id,
            user.id,
            &user.name,
            user.name.folded(),
            &user.email,
            user.email.folded(),
            now
        )
        .one()
        .await?;
        tx.record(Action::Create, None, &member).await?;
        tx.reserve(LIMIT, 1).await?;
        Ok(member)
    }

    /// One member.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.read`; `NotFound` where the tenant has no such member.
    pub async fn get(self, id: MemberId) -> Result<Member, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        sql!(tx, concat!("SELECT ", columns!(), " FROM members WHERE tenant_id = $1 AND id = $2"), id)
            .optional()
            .await?
            .ok_or_else(not_found)
    }

    /// One page of the members.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.read`.
    pub async fn list(self, filter: &MemberFilter, page: PageRequest) -> Result<Page<Member>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        let search = filter.search.as_deref().map(contains);
        let status = filter.status.map(UserStatus::as_str);
        let total: i64 = sql!(tx, concat!("SELECT count(*) AS total", matching!()), search.clone(), status)
            .row()
            .await?
            .get("total")?;
        macro_rules! ordered {
            ($order:literal) => {
                sql!(
                    tx,
                    concat!("SELECT ", columns!(), matching!(), " ORDER BY ", $order, " LIMIT $4 OFFSET $5"),
                    search,
                    status,
                    page.limit(),
                    i64::try_from(page.offset()).unwrap_or(i64::MAX)
                )
                .all()
                .await?
            };
        }
        let items = match filter.sort {
            MemberSort::Newest => ordered!("created_at DESC, id DESC"),
            MemberSort::Oldest => ordered!("created_at, id"),
            _ => ordered!("name_norm, id"),
        };
        Ok(Page::new(items, page, u64::try_from(total).unwrap_or_default()))
    }

    /// The members, newest first, after those that a cursor has come past; however deep it stands, a slice costs the same.
    /// The order of the filter does not matter.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn list_after(
        self,
        filter: &MemberFilter,
        slice: SliceRequest,
    ) -> Result<Slice<Member>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        let items = sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                matching!(),
                " AND (created_at, id) < ($4, $5) ORDER BY created_at DESC, id DESC LIMIT $6"
            ),
            filter.search.as_deref().map(contains),
            filter.status.map(UserStatus::as_str),
            slice.after().created_at,
            slice.after().id,
            slice.to_read()
        )
        .all()
        .await?;
        Ok(Slice::new(items, slice))
    }

    /// Suspends a membership, or lets it be used again. What the member holds is kept, and so is the place in the plan.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.suspend`, or with code `not_held` where the member holds anything that the
    /// caller does not; `NotFound` where the tenant has no such member; `Conflict` with code `own_membership` for the
    /// caller's own.
    pub async fn set_status(self, id: MemberId, status: UserStatus) -> Result<Member, Error> {
        let tx = self.tx;
        let old = find_to_change(tx, SUSPEND, id).await?;
        tx.require_version("the membership", None, old.version)?;
        if old.status == status {
            return Ok(old);
        }
        let now = tx.now();
        let member: Member = sql!(
            tx,
            concat!(
                "UPDATE members SET status = $3, updated_at = $4, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            status.as_str(),
            now
        )
        .one()
        .await?;
        tx.record(Action::Update, Some(&old), &member).await?;
        Ok(member)
    }

    /// Ends a membership, with every role, grant and API key that came with it, and gives its place in the plan back. The
    /// person stays a user of the platform.
    ///
    /// # Errors
    /// As [`set_status`](Self::set_status), with `tenant.members.remove`.
    pub async fn remove(self, id: MemberId) -> Result<(), Error> {
        let tx = self.tx;
        let old = find_to_change(tx, REMOVE, id).await?;
        tx.require_version("the membership", None, old.version)?;
        sql!(tx, "DELETE FROM members WHERE tenant_id = $1 AND id = $2", id).execute().await?;
        super::api_keys::revoke_all_of(tx, old.user_id).await?;
        let gone = Member { version: old.version.saturating_add(1), updated_at: tx.now(), ..old.clone() };
        tx.record(Action::Delete, Some(&old), &gone).await?;
        tx.release(LIMIT, 1).await
    }
}

// No `Revert`: name and address are the person's own, and the status has rules of its own.
impl Versioned for Member {
    type Id = MemberId;
    const ENTITY: &'static str = "member";

    fn id(&self) -> MemberId {
        self.id
    }

    fn uuid(id: &MemberId) -> Uuid {
        id.uuid()
    }

    fn version(&self) -> Option<i64> {
        Some(self.version)
    }

    async fn require_read(tx: &mut TenantTx, id: &MemberId) -> Result<(), Error> {
        let read = tx.members().get(*id).await;
        tx.forgive_gone(id, read).await
    }
}

/// The member, held until the transaction ends, where the caller may change it.
///
/// Nobody takes away more than they could give. And nobody changes their own membership: who is left after any change
/// is then at least as strong as who is gone, so a tenant never loses its last administrator.
async fn find_to_change(tx: &mut TenantTx, permission: Permission, id: MemberId) -> Result<Member, Error> {
    tx.authorize(permission, &Scope::tenant(tx.tenant())).await?;
    // The rules first: who changes members, and who gives them rights, stands in one line.
    let rules: Rules = tx.rules().await?;
    macro_rules! select {
        ($lock:literal) => {
            concat!("SELECT ", columns!(), " FROM members WHERE tenant_id = $1 AND id = $2", $lock)
        };
    }
    let member: Option<Member> =
        sql!(tx, pg: select!(" FOR UPDATE"), lite: select!(""), id).optional().await?;
    let member = member.ok_or_else(not_found)?;
    let actor = tx.caller().actor();
    if let Some(user) = actor.user() {
        if user == member.user_id {
            let message = "nobody changes their own membership: ask somebody with the same rights";
            return Err(Error::new(ErrorKind::Conflict, "own_membership", message));
        }
        if let Some(own) = actor.member() {
            require_active(tx, own).await?;
        }
    }
    super::grants::require_superior(tx, &rules, id).await?;
    Ok(member)
}

/// Refuses a caller who was suspended or removed while it waited: of two who remove each other, one stays.
async fn require_active(tx: &mut TenantTx, own: MemberId) -> Result<(), Error> {
    let active =
        sql!(tx, "SELECT id FROM members WHERE tenant_id = $1 AND id = $2 AND status = 'active'", own);
    if active.rows().await?.is_empty() {
        let message = "this membership is suspended, or has ended";
        return Err(Error::new(ErrorKind::Forbidden, "member_suspended", message));
    }
    Ok(())
}

fn not_found() -> Error {
    Error::not_found(MemberId::ENTITY)
}

/// Refuses where the tenant has no such member.
pub(super) async fn require(tx: &mut TenantTx, id: MemberId) -> Result<(), Error> {
    let found = sql!(tx, "SELECT id FROM members WHERE tenant_id = $1 AND id = $2", id);
    if found.rows().await?.is_empty() { Err(not_found()) } else { Ok(()) }
}
