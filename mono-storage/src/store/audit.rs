//! The audit log: written in the transaction of what it records, so that both exist or neither does.

use crate::db::{PlatformTx, TenantTx};
use crate::{platform_sql, sql};
use mono_core::Error;
use mono_core::audit::{Action, changes};
use mono_core::caller::Caller;
use mono_core::id::{AuditId, Id, UserId};
use mono_core::permission::Permission;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Where a request came from, as text.
fn origin(caller: &Caller) -> (Option<String>, Option<String>, Option<String>) {
    let request = caller.request();
    (request.ip_address.map(|ip| ip.to_string()), request.user_agent.clone(), request.correlation_id.clone())
}

fn to_value<T: Serialize>(state: Option<&T>) -> Result<Value, Error> {
    state.map_or(Ok(Value::Null), |state| serde_json::to_value(state).map_err(Error::internal))
}

impl TenantTx {
    /// Records that a thing went from one state to another; `None` stands for "there is no such thing". Sensitive
    /// fields are masked.
    ///
    /// # Errors
    /// What the database refuses; the change is then undone with its record.
    pub async fn audit_change<I: Id, T: Serialize>(
        &mut self,
        action: Action,
        entity: &'static str,
        id: I,
        old: Option<&T>,
        new: Option<&T>,
    ) -> Result<(), Error> {
        let changes = changes(&to_value(old)?, &to_value(new)?);
        let changes = serde_json::to_value(changes).map_err(Error::internal)?;
        let (ip_address, user_agent, correlation_id) = origin(self.caller());
        let (entry, now, actor) = (self.new_id::<AuditId>(), self.now(), self.caller().actor().to_string());
        let entity_id: Uuid = id.into();
        sql!(
            self,
            "INSERT INTO audit_log (tenant_id, id, at, actor, action, entity, entity_id, changes, ip_address, user_agent,
                 correlation_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            entry,
            now,
            actor,
            action.as_str(),
            entity,
            entity_id,
            changes,
            ip_address,
            user_agent,
            correlation_id
        )
        .execute()
        .await?;
        Ok(())
    }
}

impl TenantTx {
    /// Records that a super admin used a right in a tenant that is not theirs: with the transaction where it writes,
    /// by itself where it only reads.
    pub(crate) async fn audit_privileged(&mut self, permission: Permission) -> Result<(), Error> {
        let (ip_address, user_agent, correlation_id) = origin(self.caller());
        let (entry, now, actor) = (self.new_id::<AuditId>(), self.now(), self.caller().actor().to_string());
        let changes = serde_json::json!([{ "field": "permission", "new": permission.name() }]);
        macro_rules! record {
            ($sql:ident, $tx:expr, $($tenant:expr)?) => {
                $sql!(
                    $tx,
                    "INSERT INTO audit_log (tenant_id, id, at, actor, action, entity, changes, ip_address, user_agent,
                         correlation_id)
                     VALUES ($1, $2, $3, $4, $5, 'permission', $6, $7, $8, $9)",
                    $($tenant,)?
                    entry,
                    now,
                    actor,
                    Action::PrivilegedAccess.as_str(),
                    changes,
                    ip_address,
                    user_agent,
                    correlation_id
                )
                .execute()
                .await?
            };
        }
        if self.is_writable() {
            record!(sql, self,);
            return Ok(());
        }
        // Through the platform's pool: who holds a connection of one pool must not wait for another of the same.
        let caller = self.caller().clone();
        let mut tx = self.database().platform(&caller).write().await?;
        record!(platform_sql, tx, self.tenant());
        tx.commit().await
    }
}

impl PlatformTx {
    /// Records what happened to a person above the tenants, such as a sign-in.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn audit_user(&mut self, action: Action, user: Option<UserId>) -> Result<(), Error> {
        self.audit(action, "user", user.map(UserId::uuid), Value::Array(Vec::new())).await
    }

    /// Records what was done to a thing above the tenants.
    pub(crate) async fn audit(
        &mut self,
        action: Action,
        entity: &'static str,
        id: Option<Uuid>,
        changes: Value,
    ) -> Result<(), Error> {
        let (ip_address, user_agent, correlation_id) = origin(self.caller());
        let (entry, now, actor) = (self.new_id::<AuditId>(), self.now(), self.caller().actor().to_string());
        platform_sql!(
            self,
            "INSERT INTO platform_audit_log (id, at, actor, action, entity, entity_id, changes, ip_address, user_agent,
                 correlation_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            entry,
            now,
            actor,
            action.as_str(),
            entity,
            id,
            changes,
            ip_address,
            user_agent,
            correlation_id
        )
        .execute()
        .await?;
        Ok(())
    }
}
