//! Teams: people of an account who work together.

use super::accounts::contains;
use super::usage::Reservation;
use super::versions::{Revert, Versioned};
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::id::{AccountId, Id, MemberId, TeamId};
use mono_core::model::member::Member;
use mono_core::model::team::{Team, TeamChange};
use mono_core::page::{Page, PageRequest};
use mono_core::permission::{Permission, Scope};
use mono_core::text::Name;
use mono_core::{Error, ErrorKind, permission};
use uuid::Uuid;

const CREATE: Permission = permission!("account.teams.create");
const READ: Permission = permission!("account.teams.read");
const UPDATE: Permission = permission!("account.teams.update");
const DELETE: Permission = permission!("account.teams.delete");
pub(super) const REQUIRED: &[Permission] = &[CREATE, READ, UPDATE, DELETE];

/// The limit that each team takes one of, of its account and of the tenant.
pub(super) const LIMIT: &str = "teams";

macro_rules! columns {
    () => {
        "tenant_id, id, account_id, name, version, created_at, updated_at"
    };
}

impl FromRow for Team {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tenant_id: row.get("tenant_id")?,
            id: row.get("id")?,
            account_id: row.get("account_id")?,
            name: row.get("name")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// The teams of the accounts of a tenant.
///
/// A deleted account keeps its teams, and their places in the plan: restoring it brings them back.
pub struct Teams<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The teams of the accounts of the tenant.
    pub const fn teams(&mut self) -> Teams<'_> {
        Teams { tx: self }
    }
}

impl Teams<'_> {
    /// Forms a team in an account, and takes one of the `teams` of the account and of the tenant.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such account; `Forbidden` without `account.teams.create` in it; `Conflict`
    /// where it has a team of this name; `LimitExceeded` where its teams, or the tenant's, are used up.
    pub async fn create(self, account: AccountId, name: Name) -> Result<Team, Error> {
        let tx = self.tx;
        super::accounts::require(tx, account).await?;
        tx.authorize(CREATE, &Scope::account(tx.tenant(), account)).await?;
        let (id, now) = (tx.new_id::<TeamId>(), tx.now());
        let team: Team = sql!(
            tx,
            concat!(
                "INSERT INTO teams (tenant_id, id, account_id, name, name_norm, version, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, 1, $6, $6) RETURNING ",
                columns!()
            ),
            id,
            account,
            &name,
            name.folded(),
            now
        )
        .one()
        .await?;
        tx.record(Action::Create, None, &team).await?;
        tx.reserve_all(&[Reservation::account(account, LIMIT, 1)]).await?;
        Ok(team)
    }

    /// One team.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such team, `Forbidden` without `account.teams.read` in its account.
    pub async fn get(self, id: TeamId) -> Result<Team, Error> {
        find(self.tx, READ, id).await
    }

    /// One page of the teams of an account, by name; with `search`, those whose name contains it.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such account, `Forbidden` without `account.teams.read` in it.
    pub async fn list(
        self,
        account: AccountId,
        search: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Team>, Error> {
        let tx = self.tx;
        super::accounts::require(tx, account).await?;
        tx.authorize(READ, &Scope::account(tx.tenant(), account)).await?;
        let search = search.map(contains);
        macro_rules! matching {
            () => {
                " FROM teams WHERE tenant_id = $1 AND account_id = $2 AND deleted_at IS NULL
                  AND ($3 IS NULL OR name_norm LIKE $3 ESCAPE '\\')"
            };
        }
        let total: i64 = sql!(tx, concat!("SELECT count(*) AS total", matching!()), account, search.clone())
            .row()
            .await?
            .get("total")?;
        let items = sql!(
            tx,
            concat!("SELECT ", columns!(), matching!(), " ORDER BY name_norm, id LIMIT $4 OFFSET $5"),
            account,
            search,
            page.limit(),
            i64::try_from(page.offset()).unwrap_or(i64::MAX)
        )
        .all()
        .await?;
        Ok(Page::new(items, page, u64::try_from(total).unwrap_or_default()))
    }

    /// Changes a team.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such team; `Forbidden` without `account.teams.update` in its account;
    /// `Conflict` where the name is taken, or the version stale (`details.currentVersion` says which is current).
    pub async fn update(self, id: TeamId, change: TeamChange) -> Result<Team, Error> {
        let tx = self.tx;
        let old = find_for_update(tx, UPDATE, id).await?;
        apply(tx, Action::Update, old, change).await
    }

    /// Dissolves a team and gives its places in the plan back. It can be restored, with the people in it.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such team, `Forbidden` without `account.teams.delete` in its account.
    pub async fn delete(self, id: TeamId) -> Result<(), Error> {
        let tx = self.tx;
        let old = find_for_update(tx, DELETE, id).await?;
        tx.require_version("the team", None, old.version)?;
        let now = tx.now();
        let team: Team = sql!(
            tx,
            concat!(
                "UPDATE teams SET deleted_at = $3, updated_at = $3, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            now
        )
        .one()
        .await?;
        tx.record(Action::Delete, Some(&old), &team).await?;
        tx.release_all(&[Reservation::account(old.account_id, LIMIT, 1)]).await
    }

    /// Forms a dissolved team again, and takes its places in the plan.
    ///
    /// # Errors
    /// `NotFound` where no dissolved team has this id, or its account is gone; `Forbidden` without
    /// `account.teams.create` in its account; `Conflict` where its name is taken meanwhile; `LimitExceeded` where the
    /// teams of the account, or of the tenant, are used up.
    pub async fn restore(self, id: TeamId) -> Result<Team, Error> {
        let tx = self.tx;
        let row = sql!(
            tx,
            pg: "SELECT account_id, version FROM teams WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL FOR UPDATE",
            lite: "SELECT account_id, version FROM teams WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL",
            id
        );
        let rows = row.rows().await?;
        let dissolved = rows.first().ok_or_else(not_found)?;
        let account: AccountId = dissolved.get("account_id")?;
        super::accounts::require(tx, account).await?;
        tx.authorize(CREATE, &Scope::account(tx.tenant(), account)).await?;
        tx.require_version("the team", None, dissolved.get("version")?)?;
        let now = tx.now();
        let team: Team = sql!(
            tx,
            concat!(
                "UPDATE teams SET deleted_at = NULL, updated_at = $3, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            now
        )
        .one()
        .await?;
        tx.record(Action::Restore, None, &team).await?;
        tx.reserve_all(&[Reservation::account(account, LIMIT, 1)]).await?;
        Ok(team)
    }

    /// One page of the people of a team, by name.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such team, `Forbidden` without `account.teams.read` in its account.
    pub async fn members(
        self,
        id: TeamId,
        search: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Member>, Error> {
        let tx = self.tx;
        find(tx, READ, id).await?;
        let search = search.map(contains);
        macro_rules! matching {
            () => {
                " FROM members m JOIN team_members t ON t.tenant_id = m.tenant_id AND t.member_id = m.id
                  WHERE m.tenant_id = $1 AND t.team_id = $2
                  AND ($3 IS NULL OR m.name_norm LIKE $3 ESCAPE '\\')"
            };
        }
        let total: i64 = sql!(tx, concat!("SELECT count(*) AS total", matching!()), id, search.clone())
            .row()
            .await?
            .get("total")?;
        let items = sql!(
            tx,
            concat!(
                "SELECT m.tenant_id, m.id, m.user_id, m.name, m.email, m.status, m.version, m.created_at, m.updated_at",
                matching!(),
                " ORDER BY m.name_norm, m.id LIMIT $4 OFFSET $5"
            ),
            id,
            search,
            page.limit(),
            i64::try_from(page.offset()).unwrap_or(i64::MAX)
        )
        .all()
        .await?;
        Ok(Page::new(items, page, u64::try_from(total).unwrap_or_default()))
    }

    /// Takes a member of the tenant into a team; who is in it stays.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such team or member, `Forbidden` without `account.teams.update` in the team's
    /// account.
    pub async fn add_member(self, id: TeamId, member: MemberId) -> Result<(), Error> {
        let tx = self.tx;
        let team = find_for_update(tx, UPDATE, id).await?;
        tx.require_version("the team", None, team.version)?;
        let known = sql!(tx, "SELECT id FROM members WHERE tenant_id = $1 AND id = $2", member);
        if known.rows().await?.is_empty() {
            return Err(Error::not_found(MemberId::ENTITY));
        }
        let now = tx.now();
        let added = sql!(
            tx,
            "INSERT INTO team_members (tenant_id, team_id, member_id, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, team_id, member_id) DO NOTHING",
            id,
            member,
            now
        );
        if added.execute().await? == 0 {
            return Ok(());
        }
        audit_member(tx, &team, None, Some(member)).await
    }

    /// Lets a member go from a team.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such team, or the member is not in it; `Forbidden` without
    /// `account.teams.update` in the team's account.
    pub async fn remove_member(self, id: TeamId, member: MemberId) -> Result<(), Error> {
        let tx = self.tx;
        let team = find_for_update(tx, UPDATE, id).await?;
        tx.require_version("the team", None, team.version)?;
        let removed = sql!(
            tx,
            "DELETE FROM team_members WHERE tenant_id = $1 AND team_id = $2 AND member_id = $3",
            id,
            member
        );
        if removed.execute().await? == 0 {
            return Err(Error::not_found(MemberId::ENTITY));
        }
        audit_member(tx, &team, Some(member), None).await
    }
}

impl Versioned for Team {
    type Id = TeamId;
    const ENTITY: &'static str = "team";

    fn id(&self) -> TeamId {
        self.id
    }

    fn uuid(id: &TeamId) -> Uuid {
        id.uuid()
    }

    fn version(&self) -> Option<i64> {
        Some(self.version)
    }

    async fn require_read(tx: &mut TenantTx, id: &TeamId) -> Result<(), Error> {
        find(tx, READ, *id).await.map(drop)
    }
}

impl Revert for Team {
    async fn put_back(tx: &mut TenantTx, earlier: Self, seen: Option<i64>) -> Result<Self, Error> {
        let old = find_for_update(tx, UPDATE, earlier.id).await?;
        apply(tx, Action::Revert, old, TeamChange { version: seen, name: Some(earlier.name) }).await
    }
}

/// Changes a team that the transaction holds.
async fn apply(tx: &mut TenantTx, action: Action, old: Team, change: TeamChange) -> Result<Team, Error> {
    tx.require_version("the team", change.version, old.version)?;
    let Some(name) = change.name.filter(|name| *name != old.name) else { return Ok(old) };
    let now = tx.now();
    let team: Team = sql!(
        tx,
        concat!(
            "UPDATE teams SET name = $3, name_norm = $4, updated_at = $5, version = version + 1
             WHERE tenant_id = $1 AND id = $2 RETURNING ",
            columns!()
        ),
        old.id,
        &name,
        name.folded(),
        now
    )
    .one()
    .await?;
    tx.record(action, Some(&old), &team).await?;
    Ok(team)
}

/// Records who came to a team, or left it, as a change of the team.
async fn audit_member(
    tx: &mut TenantTx,
    team: &Team,
    old: Option<MemberId>,
    new: Option<MemberId>,
) -> Result<(), Error> {
    let state = |member: Option<MemberId>| serde_json::json!({ "member": member });
    tx.audit_change(Action::Update, Team::ENTITY, team.id, Some(&state(old)), Some(&state(new))).await
}

async fn find(tx: &mut TenantTx, permission: Permission, id: TeamId) -> Result<Team, Error> {
    let team: Option<Team> = sql!(
        tx,
        concat!("SELECT ", columns!(), " FROM teams WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL"),
        id
    )
    .optional()
    .await?;
    let team = team.ok_or_else(not_found)?;
    authorize(tx, permission, &team).await?;
    Ok(team)
}

/// The team, held until the transaction ends, so that what is audited is what was changed.
async fn find_for_update(tx: &mut TenantTx, permission: Permission, id: TeamId) -> Result<Team, Error> {
    macro_rules! select {
        ($lock:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                " FROM teams WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
                $lock
            )
        };
    }
    let team: Option<Team> = sql!(tx, pg: select!(" FOR UPDATE"), lite: select!(""), id).optional().await?;
    let team = team.ok_or_else(not_found)?;
    authorize(tx, permission, &team).await?;
    Ok(team)
}

/// The team of an account that is deleted is not there either.
async fn authorize(tx: &mut TenantTx, permission: Permission, team: &Team) -> Result<(), Error> {
    super::accounts::require(tx, team.account_id).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => not_found(),
        _ => error,
    })?;
    tx.authorize(permission, &Scope::account(tx.tenant(), team.account_id)).await
}

fn not_found() -> Error {
    Error::not_found(TeamId::ENTITY)
}
