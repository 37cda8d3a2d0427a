//! Grants: a pattern given to, or forbidden to, one member.

use super::assignments::{ASSIGN, require_span};
use super::granting::Rules;
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::id::{GrantId, Id, MemberId};
use mono_core::permission::{Effect, Grant, Pattern, Scope, Subject};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};

const ENTITY: &str = "grant";
/// How many grants a member has at most: each request of theirs compiles them.
const MOST: i64 = 200;

/// A pattern to be given or forbidden.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// Whom to give it to, or forbid it to.
    pub member: MemberId,
    /// The pattern.
    pub pattern: Pattern,
    /// Whether it gives or forbids.
    pub effect: Effect,
    /// Where it holds, with everything below.
    pub scope: Scope,
    /// From when on it holds.
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more.
    pub ends_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "id, member_id, pattern, effect, scope, starts_at, ends_at, granted_by"
    };
}

pub(super) fn effect(row: &Row) -> Result<Effect, Error> {
    // Anything that is not plainly an allow closes: a fault in the data must not open a door.
    Ok(if row.get::<String>("effect")? == "allow" { Effect::Allow } else { Effect::Deny })
}

const fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    }
}

impl FromRow for Grant {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get_optional("id")?,
            subject: Some(Subject::Member(row.get("member_id")?)),
            pattern: row.get("pattern")?,
            effect: effect(row)?,
            scope: row.parse("scope")?,
            starts_at: row.get_optional("starts_at")?,
            ends_at: row.get_optional("ends_at")?,
            granted_by: row.get_optional("granted_by")?,
        })
    }
}

/// The direct grants of a tenant.
pub struct Grants<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The direct grants of the tenant.
    pub const fn grants(&mut self) -> Grants<'_> {
        Grants { tx: self }
    }
}

impl Grants<'_> {
    /// Gives a member a pattern, or forbids it.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.assign` there, or with code `not_held` where the caller does not hold all that
    /// the pattern covers, or, to forbid it, not all that the member holds: nobody locks out their superiors; `NotFound`
    /// where there is no such member; `Conflict` where there is no such account, with code `too_many` beyond 200 grants of
    /// one member, and with code `own_membership` for a deny of the caller's own; `Validation` for a scope outside of the
    /// tenant.
    pub async fn give(self, new: NewGrant) -> Result<Grant, Error> {
        let tx = self.tx;
        tx.require_inside(&new.scope)?;
        require_span(new.starts_at, new.ends_at)?;
        tx.authorize(ASSIGN, &new.scope).await?;
        let rules = tx.rules().await?;
        super::members::require(tx, new.member).await?;
        rules.require_pattern(&new.pattern, &new.scope, new.ends_at, tx.now())?;
        if new.effect == Effect::Deny {
            tx.require_other(Some(&Subject::Member(new.member)))?;
            require_superior(tx, &rules, new.member).await?;
        }
        let count = sql!(
            tx,
            "SELECT count(*) AS present FROM grants WHERE tenant_id = $1 AND member_id = $2",
            new.member
        );
        if count.row().await?.get::<i64>("present")? >= MOST {
            let message = format!("a member has at most {MOST} grants and denies");
            return Err(Error::new(ErrorKind::Conflict, "too_many", message));
        }
        let (id, now) = (tx.new_id::<GrantId>(), tx.now());
        let granted_by = tx.caller().actor().user();
        let grant: Grant = sql!(
            tx,
            concat!(
                "INSERT INTO grants (tenant_id, id, member_id, pattern, effect, scope, account_id, starts_at, ends_at,
                     granted_by, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ",
                columns!()
            ),
            id,
            new.member,
            new.pattern.as_str(),
            effect_word(new.effect),
            new.scope.to_string(),
            new.scope.account_id(),
            new.starts_at,
            new.ends_at,
            granted_by,
            now
        )
        .one()
        .await?;
        tx.audit_change(Action::Grant, ENTITY, id, None, Some(&grant)).await?;
        Ok(grant)
    }

    /// Takes a grant away.
    ///
    /// # Errors
    /// `NotFound` where there is none in this tenant; `Forbidden` as in [`give`](Self::give). A pattern that cannot be
    /// read can be taken away by whoever holds everything in the tenant. `Conflict` with code `own_membership` for what the
    /// caller was given.
    pub async fn revoke(self, id: GrantId) -> Result<(), Error> {
        let tx = self.tx;
        let old: Grant =
            sql!(tx, concat!("SELECT ", columns!(), " FROM grants WHERE tenant_id = $1 AND id = $2"), id)
                .optional()
                .await?
                .ok_or_else(|| Error::not_found(GrantId::ENTITY))?;
        tx.authorize(ASSIGN, &old.scope).await?;
        if old.effect == Effect::Allow {
            tx.require_other(old.subject.as_ref())?;
        }
        let pattern = Pattern::parse(&old.pattern).or_else(|_| Pattern::parse("tenant.*"))?;
        tx.rules().await?.require_pattern(&pattern, &old.scope, old.ends_at, tx.now())?;
        if sql!(tx, "DELETE FROM grants WHERE tenant_id = $1 AND id = $2", id).execute().await? == 0 {
            return Err(Error::not_found(GrantId::ENTITY));
        }
        tx.audit_change(Action::Revoke, ENTITY, id, Some(&old), None).await
    }

    /// The direct grants of a member.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.assign`; `NotFound` where there is no such member.
    pub async fn list(self, member: MemberId) -> Result<Vec<Grant>, Error> {
        self.tx.authorize(ASSIGN, &Scope::tenant(self.tx.tenant())).await?;
        super::members::require(self.tx, member).await?;
        of(self.tx, member).await
    }
}

/// The direct grants of a member, for whoever asks.
pub(super) async fn of(tx: &mut TenantTx, member: MemberId) -> Result<Vec<Grant>, Error> {
    sql!(
        tx,
        concat!(
            "SELECT ",
            columns!(),
            " FROM grants WHERE tenant_id = $1 AND member_id = $2 ORDER BY created_at, id"
        ),
        member
    )
    .all()
    .await
}

/// Refuses unless the caller holds all that the member was given.
pub(super) async fn require_superior(
    tx: &mut TenantTx,
    rules: &Rules,
    member: MemberId,
) -> Result<(), Error> {
    let now = tx.now();
    for assignment in super::assignments::of(tx, member).await? {
        rules.require_role(&assignment.role, &assignment.scope, assignment.ends_at, now)?;
    }
    let grants = of(tx, member).await?;
    for grant in grants.iter().filter(|grant| grant.effect == Effect::Allow) {
        if let Ok(pattern) = Pattern::parse(&grant.pattern) {
            rules.require_pattern(&pattern, &grant.scope, grant.ends_at, now)?;
        }
    }
    Ok(())
}
