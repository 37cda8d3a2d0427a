//! Guardrails: a pattern forbidden to everybody at a place of the tenant.

use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::id::GrantId;
use mono_core::permission::{Guardrail, Pattern, Permission, Scope};
use mono_core::{Error, ErrorKind, permission};

const READ: Permission = permission!("tenant.roles.read");
const UPDATE: Permission = permission!("tenant.roles.update");
pub(super) const REQUIRED: &[Permission] = &[READ, UPDATE];

const ENTITY: &str = "guardrail";
/// How many guardrails a tenant has at most: each request in it compiles them.
const MOST: i64 = 200;

impl FromRow for Guardrail {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { pattern: row.get("pattern")?, scope: row.parse("scope")?, reason: row.get("reason")? })
    }
}

/// The guardrails of a tenant.
pub struct Guardrails<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The guardrails of the tenant.
    pub const fn guardrails(&mut self) -> Guardrails<'_> {
        Guardrails { tx: self }
    }
}

impl Guardrails<'_> {
    /// Forbids a pattern to everybody at a scope and below.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.update` there, or with code `not_held` where the caller does not hold all that
    /// the pattern covers; `Conflict` where there is no such account, and with code `too_many` beyond 200
    /// guardrails of the tenant; `Validation` for a scope outside of the tenant, and for a pattern that would take away
    /// the right to lift the guardrail from everybody in it.
    pub async fn forbid(self, pattern: &Pattern, scope: Scope, reason: &str) -> Result<GrantId, Error> {
        let tx = self.tx;
        tx.require_inside(&scope)?;
        tx.authorize(UPDATE, &scope).await?;
        if reason.chars().count() > Guardrail::MAX_REASON {
            return Err(Error::invalid(
                "reason",
                "too_long",
                format!("the reason has at most {} characters", Guardrail::MAX_REASON),
            ));
        }
        if reason.contains(char::is_control) {
            let message = "the reason holds a control character";
            return Err(Error::invalid("reason", "control_character", message));
        }
        tx.rules().await?.require_pattern(pattern, &scope, None, tx.now())?;
        if scope == Scope::tenant(tx.tenant()) && pattern.covers_pattern(&Pattern::parse(UPDATE.name())?) {
            let message = "this would forbid everybody in the tenant to lift it again";
            return Err(Error::invalid("pattern", "locks_everybody_out", message));
        }
        let count = sql!(tx, "SELECT count(*) AS present FROM guardrails WHERE tenant_id = $1").row();
        if count.await?.get::<i64>("present")? >= MOST {
            let message = format!("a tenant has at most {MOST} guardrails");
            return Err(Error::new(ErrorKind::Conflict, "too_many", message));
        }
        let (id, now) = (tx.new_id::<GrantId>(), tx.now());
        let guardrail: Guardrail = sql!(
            tx,
            "INSERT INTO guardrails (tenant_id, id, pattern, scope, account_id, reason, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING pattern, scope, reason",
            id,
            pattern.as_str(),
            scope.to_string(),
            scope.account_id(),
            reason,
            now
        )
        .one()
        .await?;
        tx.audit_change(Action::Grant, ENTITY, id, None, Some(&guardrail)).await?;
        Ok(id)
    }

    /// Lifts a guardrail.
    ///
    /// # Errors
    /// `NotFound` where there is none in this tenant; `Forbidden` without `tenant.roles.update` there, or with code
    /// `not_held` where the caller would not hold what it forbids.
    pub async fn lift(self, id: GrantId) -> Result<(), Error> {
        let tx = self.tx;
        let old: Guardrail =
            sql!(tx, "SELECT pattern, scope, reason FROM guardrails WHERE tenant_id = $1 AND id = $2", id)
                .optional()
                .await?
                .ok_or_else(|| Error::not_found("a guardrail"))?;
        // Where it forbids even this, the right has to come from above its scope.
        let own = Pattern::parse(UPDATE.name())?;
        let forbids_this = Pattern::parse(&old.pattern).is_ok_and(|pattern| pattern.covers_pattern(&own));
        let at = if forbids_this { Scope::tenant(tx.tenant()) } else { old.scope };
        tx.authorize(UPDATE, &at).await?;
        // Who lifts it has to hold what it forbids, apart from itself; one that cannot be read closes everything.
        let pattern = Pattern::parse(&old.pattern).or_else(|_| Pattern::parse("tenant.*"))?;
        tx.rules().await?.without(&old).require_pattern(&pattern, &old.scope, None, tx.now())?;
        if sql!(tx, "DELETE FROM guardrails WHERE tenant_id = $1 AND id = $2", id).execute().await? == 0 {
            return Err(Error::not_found("a guardrail"));
        }
        tx.audit_change(Action::Revoke, ENTITY, id, Some(&old), None).await
    }

    /// The guardrails of the tenant with their ids, oldest first.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.read`.
    pub async fn list(self) -> Result<Vec<(GrantId, Guardrail)>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        all(tx).await
    }
}

/// The guardrails of the tenant, for whoever asks.
pub(super) async fn all(tx: &mut TenantTx) -> Result<Vec<(GrantId, Guardrail)>, Error> {
    let rows = sql!(
        tx,
        "SELECT id, pattern, scope, reason FROM guardrails WHERE tenant_id = $1 ORDER BY created_at, id"
    );
    rows.rows().await?.iter().map(|row| Ok((row.get("id")?, Guardrail::from_row(row)?))).collect()
}
