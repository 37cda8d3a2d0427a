//! Roles on the whole platform: who has which, and until when.

use super::assignments::require_span;
use super::granting::not_held;
use super::versions::id_of_key;
use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::audit::Action;
use mono_core::id::{AssignmentId, Id, UserId};
use mono_core::model::user::{PlatformAssignment, UserStatus};
use mono_core::permission::{Assignment, Pattern, Permission, Principal, Scope};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind, permission};
use serde_json::json;

const MANAGE: Permission = permission!("platform.roles.manage");
pub(super) const REQUIRED: &[Permission] = &[MANAGE];

/// A role to be given on the whole platform.
#[derive(Debug, Clone)]
pub struct NewPlatformAssignment {
    /// Whom to give it to.
    pub user: UserId,
    /// The key of the role: one of the platform.
    pub role: String,
    /// From when on it holds.
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more.
    pub ends_at: Option<Timestamp>,
}

impl NewPlatformAssignment {
    /// A role without an end.
    pub fn new(user: UserId, role: impl Into<String>) -> Self {
        Self { user, role: role.into(), starts_at: None, ends_at: None }
    }
}

impl FromRow for PlatformAssignment {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            user_id: row.get("user_id")?,
            email: row.get("email")?,
            status: row.parse("status")?,
            role: row.get("role_key")?,
            starts_at: row.get_optional("starts_at")?,
            ends_at: row.get_optional("ends_at")?,
        })
    }
}

/// Roles on the whole platform.
pub struct PlatformAssignments<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// Roles on the whole platform.
    pub const fn assignments(&mut self) -> PlatformAssignments<'_> {
        PlatformAssignments { tx: self }
    }
}

impl PlatformAssignments<'_> {
    /// Gives a person a role on the whole platform.
    ///
    /// # Errors
    /// `Forbidden` without `platform.roles.manage`, or with code `not_held` where the caller does not hold everything on
    /// the platform for as long; `Conflict` where the person has the role already, or there is no such user or role;
    /// `Validation` where it ends before it starts.
    pub async fn assign(self, new: NewPlatformAssignment) -> Result<PlatformAssignment, Error> {
        let tx = self.tx;
        tx.authorize(MANAGE)?;
        require_span(new.starts_at, new.ends_at)?;
        require_everything(tx, &new.role, new.ends_at)?;
        let (id, now) = (tx.new_id::<AssignmentId>(), tx.now());
        platform_sql!(
            tx,
            "INSERT INTO platform_assignments (id, user_id, role_key, starts_at, ends_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            id,
            new.user,
            &new.role,
            new.starts_at,
            new.ends_at,
            now
        )
        .execute()
        .await?;
        audit(tx, Action::Grant, new.user, json!([{ "field": "role", "new": new.role }])).await?;
        let stored = all(tx).await?.into_iter().find(|stored| stored.id == id);
        stored.ok_or_else(|| Error::internal("what was stored is not there"))
    }

    /// Takes a role on the whole platform away.
    ///
    /// # Errors
    /// `Forbidden` as for [`assign`](Self::assign); `NotFound` where there is no such assignment; `Conflict` with code
    /// `last_administrator` where nobody else would hold everything on the platform without an end.
    pub async fn end(self, id: AssignmentId) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(MANAGE)?;
        // Of two administrators who end each other, the second finds that it would be the last.
        tx.lock(id_of_key("platform_assignment", "")).await?;
        let stored = all(tx).await?;
        let old = stored.iter().find(|stored| stored.id == id);
        let old = old.ok_or_else(|| Error::not_found(AssignmentId::ENTITY))?;
        require_everything(tx, &old.role, old.ends_at)?;
        require_another(tx, &stored, old)?;
        platform_sql!(tx, "DELETE FROM platform_assignments WHERE id = $1", id).execute().await?;
        audit(tx, Action::Revoke, old.user_id, json!([{ "field": "role", "old": old.role }])).await
    }

    /// Who has which role on the whole platform, in the order in which they were given.
    ///
    /// # Errors
    /// `Forbidden` without `platform.roles.manage`.
    pub async fn list(self) -> Result<Vec<PlatformAssignment>, Error> {
        self.tx.authorize(MANAGE)?;
        all(self.tx).await
    }
}

async fn all(tx: &mut PlatformTx) -> Result<Vec<PlatformAssignment>, Error> {
    platform_sql!(
        tx,
        "SELECT a.id, a.user_id, a.role_key, a.starts_at, a.ends_at, u.email, u.status
         FROM platform_assignments a JOIN users u ON u.id = a.user_id ORDER BY a.created_at, a.id"
    )
    .all()
    .await
}

/// A role at the platform holds in every tenant, also in those whose own changes of it this caller does not see: only who
/// holds everything passes it on, or takes it.
fn require_everything(tx: &PlatformTx, role: &str, until: Option<Timestamp>) -> Result<(), Error> {
    let Some(set) = tx.caller().permissions() else { return Ok(()) };
    let (everything, platform, now) = (Pattern::parse("*")?, Scope::platform(), tx.now());
    if set.covers(&everything, &platform, until, now) && set.covers_role(role, &platform, until, now) {
        return Ok(());
    }
    Err(not_held(&format!("everything on the platform, and a role {role}")))
}

/// Refuses to end the last assignment that gives everything on the platform: nobody could give it again.
fn require_another(
    tx: &PlatformTx,
    stored: &[PlatformAssignment],
    old: &PlatformAssignment,
) -> Result<(), Error> {
    // The program itself is not asked.
    let Some(known) = tx.caller().permissions() else { return Ok(()) };
    let (engine, everything, now) = (known.engine(), Pattern::parse("*")?, tx.now());
    let gives_everything = |stored: &PlatformAssignment, until| {
        let given = Assignment {
            starts_at: stored.starts_at,
            ends_at: stored.ends_at,
            ..Assignment::new(stored.role.as_str(), Scope::platform())
        };
        let facts = Principal { assignments: vec![given], ..Principal::default() };
        engine.compile(&facts).covers(&everything, &Scope::platform(), until, now)
    };
    let mut others = stored.iter().filter(|other| other.id != old.id && other.status == UserStatus::Active);
    if !gives_everything(old, Some(now)) || others.any(|other| gives_everything(other, None)) {
        return Ok(());
    }
    let message = "nobody else holds everything on the platform without an end";
    Err(Error::new(ErrorKind::Conflict, "last_administrator", message))
}

async fn audit(
    tx: &mut PlatformTx,
    action: Action,
    user: UserId,
    changes: serde_json::Value,
) -> Result<(), Error> {
    tx.audit(action, "user", Some(user.uuid()), changes).await
}
