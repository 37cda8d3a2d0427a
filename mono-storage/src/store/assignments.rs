//! Assignments: who has which role, where and until when.

use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::id::{AssignmentId, Id, MemberId};
use mono_core::permission::{Assignment, Permission, Scope, Subject};
use mono_core::time::{Datelike, Timestamp};
use mono_core::{Error, permission};

pub(super) const ASSIGN: Permission = permission!("tenant.roles.assign");
pub(super) const REQUIRED: &[Permission] = &[ASSIGN];

const ENTITY: &str = "assignment";

/// A role to be given.
#[derive(Debug, Clone)]
pub struct NewAssignment {
    /// Whom to give it to.
    pub member: MemberId,
    /// The key of the role: one of the platform, or the tenant's own.
    pub role: String,
    /// Where it holds, with everything below.
    pub scope: Scope,
    /// From when on it holds.
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more.
    pub ends_at: Option<Timestamp>,
}

impl NewAssignment {
    /// A role at a scope, without an end.
    pub fn new(member: MemberId, role: impl Into<String>, scope: Scope) -> Self {
        Self { member, role: role.into(), scope, starts_at: None, ends_at: None }
    }
}

macro_rules! columns {
    () => {
        "id, member_id, role_key, scope, starts_at, ends_at"
    };
}

impl FromRow for Assignment {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get_optional("id")?,
            subject: Some(Subject::Member(row.get("member_id")?)),
            role: row.get("role_key")?,
            scope: row.parse("scope")?,
            starts_at: row.get_optional("starts_at")?,
            ends_at: row.get_optional("ends_at")?,
        })
    }
}

/// Refuses a span of time that holds no moment.
pub(super) fn require_span(starts_at: Option<Timestamp>, ends_at: Option<Timestamp>) -> Result<(), Error> {
    for (field, moment) in [("startsAt", starts_at), ("endsAt", ends_at)] {
        if moment.is_some_and(|moment| !(1..=9999).contains(&moment.year())) {
            return Err(Error::invalid(field, "out_of_range", "the year lies between 1 and 9999"));
        }
    }
    match (starts_at, ends_at) {
        (Some(start), Some(end)) if end <= start => {
            Err(Error::invalid("endsAt", "out_of_range", "it ends before it starts"))
        }
        _ => Ok(()),
    }
}

/// The assignments of a tenant.
pub struct Assignments<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The assignments of the tenant.
    pub const fn assignments(&mut self) -> Assignments<'_> {
        Assignments { tx: self }
    }
}

impl Assignments<'_> {
    /// Gives a member a role.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.assign` there, or with code `not_held` where the role holds anything that the
    /// caller does not; `NotFound` where there is no such member; `Conflict` where the member has the role there already,
    /// or there is no such account; `Validation` for a scope outside of the tenant, and for a role that does not exist.
    pub async fn assign(self, new: NewAssignment) -> Result<Assignment, Error> {
        let tx = self.tx;
        tx.require_inside(&new.scope)?;
        require_span(new.starts_at, new.ends_at)?;
        tx.authorize(ASSIGN, &new.scope).await?;
        let rules = tx.rules().await?;
        super::members::require(tx, new.member).await?;
        rules.require_known(&new.role)?;
        rules.require_role(&new.role, &new.scope, new.ends_at, tx.now())?;
        let (id, now) = (tx.new_id::<AssignmentId>(), tx.now());
        let assignment: Assignment = sql!(
            tx,
            concat!(
                "INSERT INTO assignments (tenant_id, id, member_id, role_key, scope, account_id, starts_at, ends_at, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ",
                columns!()
            ),
            id,
            new.member,
            new.role,
            new.scope.to_string(),
            new.scope.account_id(),
            new.starts_at,
            new.ends_at,
            now
        )
        .one()
        .await?;
        tx.audit_change(Action::Grant, ENTITY, id, None, Some(&assignment)).await?;
        Ok(assignment)
    }

    /// Takes an assignment away.
    ///
    /// # Errors
    /// `NotFound` where there is none in this tenant; `Forbidden` as in [`assign`](Self::assign): who could not give the
    /// role cannot take it; `Conflict` with code `own_membership` for the caller's own.
    pub async fn revoke(self, id: AssignmentId) -> Result<(), Error> {
        let tx = self.tx;
        let old: Assignment = sql!(
            tx,
            concat!("SELECT ", columns!(), " FROM assignments WHERE tenant_id = $1 AND id = $2"),
            id
        )
        .optional()
        .await?
        .ok_or_else(|| Error::not_found(AssignmentId::ENTITY))?;
        tx.authorize(ASSIGN, &old.scope).await?;
        tx.require_other(old.subject.as_ref())?;
        tx.rules().await?.require_role(&old.role, &old.scope, old.ends_at, tx.now())?;
        if sql!(tx, "DELETE FROM assignments WHERE tenant_id = $1 AND id = $2", id).execute().await? == 0 {
            return Err(Error::not_found(AssignmentId::ENTITY));
        }
        tx.audit_change(Action::Revoke, ENTITY, id, Some(&old), None).await
    }

    /// The assignments of a member.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.assign`; `NotFound` where there is no such member.
    pub async fn list(self, member: MemberId) -> Result<Vec<Assignment>, Error> {
        self.tx.authorize(ASSIGN, &Scope::tenant(self.tx.tenant())).await?;
        super::members::require(self.tx, member).await?;
        of(self.tx, member).await
    }
}

/// The assignments of a member, for whoever asks.
pub(super) async fn of(tx: &mut TenantTx, member: MemberId) -> Result<Vec<Assignment>, Error> {
    sql!(
        tx,
        concat!(
            "SELECT ",
            columns!(),
            " FROM assignments WHERE tenant_id = $1 AND member_id = $2 ORDER BY created_at, id"
        ),
        member
    )
    .all()
    .await
}
