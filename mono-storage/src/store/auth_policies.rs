//! The policy of a tenant about signing in, which may only ask for more than the platform does.

use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::model::auth_policy::{AuthPolicy, AuthPolicyChange, TenantAuthPolicy, TighterPolicy};
use mono_core::permission::{Engine, Permission, Scope};
use mono_core::{Error, permission};
use std::collections::BTreeSet;

const READ: Permission = permission!("tenant.auth_policy.read");
const UPDATE: Permission = permission!("tenant.auth_policy.update");
pub(super) const REQUIRED: &[Permission] = &[READ, UPDATE];

const ENTITY: &str = "auth_policy";

impl FromRow for TenantAuthPolicy {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { version: row.get("version")?, own: definition(row)? })
    }
}

/// What a stored policy asks for.
pub(super) fn definition(row: &Row) -> Result<TighterPolicy, Error> {
    serde_json::from_value(row.get("definition")?).map_err(Error::internal)
}

/// The policy of the tenant.
pub struct AuthPolicies<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The policy of the tenant about signing in.
    pub const fn auth_policy(&mut self) -> AuthPolicies<'_> {
        AuthPolicies { tx: self }
    }
}

impl AuthPolicies<'_> {
    /// What the tenant asks for by itself; version 0 where it never said anything.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.auth_policy.read`.
    pub async fn get(self) -> Result<TenantAuthPolicy, Error> {
        let scope = Scope::tenant(self.tx.tenant());
        self.tx.authorize(READ, &scope).await?;
        find(self.tx).await
    }

    /// Changes what the tenant asks for.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.auth_policy.update`; `Validation` that names every field in which it would ask for
    /// less than the platform, or names a role that there is not; `Conflict` where the version is stale.
    pub async fn update(
        self,
        change: AuthPolicyChange,
        platform: &AuthPolicy,
    ) -> Result<TenantAuthPolicy, Error> {
        let tx = self.tx;
        let scope = Scope::tenant(tx.tenant());
        tx.authorize(UPDATE, &scope).await?;
        // Held until the end: of two changes at once the second sees the first.
        let rules = tx.rules().await?;
        let old = find(tx).await?;
        tx.require_version("the policy", change.version, old.version)?;
        let own = change.apply(&old.own);
        let mut known: BTreeSet<String> = rules.roles.iter().map(|role| role.key.clone()).collect();
        known.extend(rules.engine().into_iter().flat_map(Engine::roles).map(|role| role.key.clone()));
        // A role that was deleted since then stays named until somebody takes it out.
        known.extend(old.own.second_factor_roles.iter().flatten().cloned());
        let problems = own.problems(platform, &known);
        if !problems.is_empty() {
            return Err(Error::validation(problems));
        }
        if own == old.own {
            return Ok(old);
        }
        let now = tx.now();
        let new: TenantAuthPolicy = sql!(
            tx,
            "INSERT INTO auth_policies (tenant_id, definition, version, created_at, updated_at)
             VALUES ($1, $2, 1, $3, $3)
             ON CONFLICT (tenant_id) DO UPDATE SET definition = excluded.definition,
                 version = auth_policies.version + 1, updated_at = excluded.updated_at
             RETURNING definition, version",
            serde_json::to_value(&own).map_err(Error::internal)?,
            now
        )
        .one()
        .await?;
        tx.audit_change(Action::Update, ENTITY, tx.tenant(), Some(&old.own), Some(&new.own)).await?;
        Ok(new)
    }
}

async fn find(tx: &mut TenantTx) -> Result<TenantAuthPolicy, Error> {
    let found = sql!(tx, "SELECT definition, version FROM auth_policies WHERE tenant_id = $1");
    Ok(found.optional().await?.unwrap_or_default())
}
