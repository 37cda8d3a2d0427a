//! The audit log: written in the transaction of what it records, so that both exist or neither does.

use crate::chain::{Entry, entry_columns};
use crate::db::{FromRow, PlatformTx, Row, TenantTx};
use crate::sql;
use mono_core::audit::{Action, AuditEntry, AuditFilter, changes};
use mono_core::caller::Caller;
use mono_core::id::{AuditId, TenantId, UserId};
use mono_core::page::{Page, PageRequest, Slice, SliceRequest};
use mono_core::permission::{Permission, Scope};
use mono_core::time::Timestamp;
use mono_core::{Error, permission};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

const READ: Permission = permission!("tenant.audit.read");
const EXPORT: Permission = permission!("tenant.audit.export");
pub(super) const REQUIRED: &[Permission] = &[READ, EXPORT];

/// How the audit log names itself.
pub(super) const ENTITY: &str = "audit_log";
/// How many entries of an export are read at once.
const BATCH: i64 = 1000;

fn to_value<T: Serialize>(state: Option<&T>) -> Result<Value, Error> {
    state.map_or(Ok(Value::Null), |state| serde_json::to_value(state).map_err(Error::internal))
}

impl TenantTx {
    /// Records that a thing went from one state to another; `None` stands for "there is no such thing". Sensitive
    /// fields are masked. The entry is written when the transaction commits, and not otherwise.
    ///
    /// # Errors
    /// `Internal` where the transaction only reads, or a state is not one of JSON.
    // Nothing is awaited, so that the lock of the log is taken at the commit; it is async as every store operation is.
    #[expect(clippy::unused_async, reason = "an operation of a store, like the others")]
    pub async fn audit_change<T: Serialize>(
        &mut self,
        action: Action,
        entity: &'static str,
        id: impl Into<Uuid>,
        old: Option<&T>,
        new: Option<&T>,
    ) -> Result<(), Error> {
        let changes = changes(&to_value(old)?, &to_value(new)?);
        let changes = serde_json::to_value(changes).map_err(Error::internal)?;
        let entry = self.entry(action, entity, Some(id.into()), changes);
        self.keep_entry(entry)
    }

    pub(super) fn entry(&self, action: Action, entity: &str, id: Option<Uuid>, changes: Value) -> Entry {
        Entry::new((self.new_id::<AuditId>(), self.now()), self.caller(), action, entity, id, changes)
    }

    /// Records that a super admin used a right in a tenant that is not theirs. Where the transaction writes, the entry is
    /// written with it, and soon after it where it does not commit; where it only reads, at once.
    pub(crate) async fn audit_privileged(&mut self, permission: Permission) -> Result<(), Error> {
        let changes = json!([{ "field": "permission", "new": permission.name() }]);
        let entry = self.entry(Action::PrivilegedAccess, "permission", None, changes);
        if self.is_writable() {
            self.keep_pass(entry);
            return Ok(());
        }
        // Through the platform's pool: who holds a connection of one pool must not wait for another of the same.
        let (caller, tenant) = (self.caller().clone(), self.tenant());
        let mut tx = self.database().platform(&caller).write().await?;
        tx.keep_entry(Some(tenant), entry);
        tx.commit().await
    }

    /// The audit log of the tenant.
    pub const fn audit_log(&mut self) -> AuditLog<'_> {
        AuditLog { tx: self }
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

    /// Records what somebody did about a person, where the program works in their name.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    #[expect(clippy::unused_async, reason = "an operation of a store, like the others")]
    pub async fn audit_for(&mut self, caller: &Caller, action: Action, user: UserId) -> Result<(), Error> {
        self.caller().require_system()?;
        let (stamp, nothing) = ((self.new_id::<AuditId>(), self.now()), Value::Array(Vec::new()));
        let entry = Entry::new(stamp, caller, action, "user", Some(user.uuid()), nothing);
        self.keep_entry(None, entry);
        Ok(())
    }

    /// Records that support staff begin to act as a person in a tenant, in the logs of both the platform and the tenant.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    #[expect(clippy::unused_async, reason = "an operation of a store, like the others")]
    pub async fn audit_impersonation(
        &mut self,
        tenant: TenantId,
        staff: UserId,
        user: UserId,
        reason: &str,
    ) -> Result<(), Error> {
        self.caller().require_system()?;
        let changes = json!([{ "field": "reason", "new": reason }]);
        for log in [None, Some(tenant)] {
            let stamp = (self.new_id::<AuditId>(), self.now());
            let id = Some(user.uuid());
            let entry = Entry::new(stamp, self.caller(), Action::Impersonate, "user", id, changes.clone());
            self.keep_entry(log, Entry { actor: format!("user:{staff}"), ..entry });
        }
        Ok(())
    }

    /// Records what happened to a tenant, whoever did it, in its own log and in the platform's: each sees all of it.
    #[expect(clippy::unused_async, reason = "an operation of a store, like the others")]
    pub(super) async fn audit_tenant(
        &mut self,
        tenant: TenantId,
        action: Action,
        entity: &'static str,
        id: Uuid,
        changes: Value,
    ) -> Result<(), Error> {
        for log in [None, Some(tenant)] {
            let stamp = (self.new_id::<AuditId>(), self.now());
            let entry = Entry::new(stamp, self.caller(), action, entity, Some(id), changes.clone());
            self.keep_entry(log, entry);
        }
        Ok(())
    }

    /// Records in the log of a tenant what the platform made there.
    #[expect(clippy::unused_async, reason = "an operation of a store, like the others")]
    pub(super) async fn audit_made<T: Serialize>(
        &mut self,
        tenant: TenantId,
        entity: &'static str,
        id: Uuid,
        new: &T,
    ) -> Result<(), Error> {
        let changes = changes(&Value::Null, &to_value(Some(new))?);
        let changes = serde_json::to_value(changes).map_err(Error::internal)?;
        let stamp = (self.new_id::<AuditId>(), self.now());
        let entry = Entry::new(stamp, self.caller(), Action::Create, entity, Some(id), changes);
        self.keep_entry(Some(tenant), entry);
        Ok(())
    }

    /// Records what was done to a thing above the tenants.
    #[expect(clippy::unused_async, reason = "an operation of a store, like the others")]
    pub(crate) async fn audit(
        &mut self,
        action: Action,
        entity: &'static str,
        id: Option<Uuid>,
        changes: Value,
    ) -> Result<(), Error> {
        let stamp = (self.new_id::<AuditId>(), self.now());
        let entry = Entry::new(stamp, self.caller(), action, entity, id, changes);
        self.keep_entry(None, entry);
        Ok(())
    }
}

impl PlatformTx {
    /// Records in the log of a tenant what was done to a thing of it from above.
    pub(crate) fn audit_in(
        &mut self,
        tenant: TenantId,
        action: Action,
        entity: &'static str,
        id: Uuid,
        changes: Value,
    ) {
        let stamp = (self.new_id::<AuditId>(), self.now());
        let entry = Entry::new(stamp, self.caller(), action, entity, Some(id), changes);
        self.keep_entry(Some(tenant), entry);
    }
}

impl FromRow for AuditEntry {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let entry = Entry::from_row(row)?;
        Ok(Self {
            id: entry.id,
            sequence: row.get_optional("sequence")?,
            at: entry.at,
            actor: entry.actor,
            action: row.parse("action")?,
            entity: entry.entity,
            entity_id: entry.entity_id,
            changes: serde_json::from_value(entry.changes).map_err(Error::internal)?,
            ip_address: entry.ip_address,
            user_agent: entry.user_agent,
            correlation_id: entry.correlation_id,
        })
    }
}

/// The audit log of a tenant.
pub struct AuditLog<'t> {
    tx: &'t mut TenantTx,
}

macro_rules! matching {
    () => {
        " FROM audit_log WHERE tenant_id = $1 AND ($2 IS NULL OR entity = $2) AND ($3 IS NULL OR entity_id = $3)
          AND ($4 IS NULL OR actor = $4) AND ($5 IS NULL OR action = $5) AND ($6 IS NULL OR at >= $6)
          AND ($7 IS NULL OR at < $7)"
    };
}

impl AuditLog<'_> {
    /// One page of the entries, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.audit.read`.
    pub async fn list(self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEntry>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        let action = filter.action.map(Action::as_str);
        let total: i64 = sql!(
            tx,
            concat!("SELECT count(*) AS total", matching!()),
            filter.entity.as_deref(),
            filter.entity_id,
            filter.actor.as_deref(),
            action,
            filter.from,
            filter.until
        )
        .row()
        .await?
        .get("total")?;
        let items = sql!(
            tx,
            concat!(
                "SELECT sequence, ",
                entry_columns!(),
                matching!(),
                " ORDER BY at DESC, id DESC LIMIT $8 OFFSET $9"
            ),
            filter.entity.as_deref(),
            filter.entity_id,
            filter.actor.as_deref(),
            action,
            filter.from,
            filter.until,
            page.limit(),
            i64::try_from(page.offset()).unwrap_or(i64::MAX)
        )
        .all()
        .await?;
        Ok(Page::new(items, page, u64::try_from(total).unwrap_or_default()))
    }

    /// The entries, newest first, after those that a cursor has come past; however deep it stands, a slice costs the same.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn list_after(
        self,
        filter: &AuditFilter,
        slice: SliceRequest,
    ) -> Result<Slice<AuditEntry>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        let items = sql!(
            tx,
            concat!(
                "SELECT sequence, ",
                entry_columns!(),
                matching!(),
                " AND (at, id) < ($8, $9) ORDER BY at DESC, id DESC LIMIT $10"
            ),
            filter.entity.as_deref(),
            filter.entity_id,
            filter.actor.as_deref(),
            filter.action.map(Action::as_str),
            filter.from,
            filter.until,
            slice.after().created_at,
            slice.after().id,
            slice.to_read()
        )
        .all()
        .await?;
        Ok(Slice::new(items, slice))
    }

    /// Records that the log is exported, and with which filter. [`export_batch`](Self::export_batch) then reads it.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.audit.export`.
    pub async fn export(self, filter: &AuditFilter) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(EXPORT, &Scope::tenant(tx.tenant())).await?;
        let used = json!({
            "entity": filter.entity,
            "entityId": filter.entity_id,
            "actor": filter.actor,
            "action": filter.action,
            "from": filter.from,
            "until": filter.until,
        });
        let used = used.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let changes = used.map(|(field, value)| json!({ "field": field, "new": value })).collect();
        let entry = tx.entry(Action::Export, ENTITY, None, changes);
        tx.keep_entry(entry)
    }

    /// The next entries of an export, oldest first: those after the one that is given. The last batch is empty.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.audit.export`.
    pub async fn export_batch(
        self,
        filter: &AuditFilter,
        after: Option<(Timestamp, AuditId)>,
    ) -> Result<Vec<AuditEntry>, Error> {
        let tx = self.tx;
        tx.authorize(EXPORT, &Scope::tenant(tx.tenant())).await?;
        let (after_at, after_id) = after.unzip();
        sql!(
            tx,
            concat!(
                "SELECT sequence, ",
                entry_columns!(),
                matching!(),
                " AND ($8 IS NULL OR at > $8 OR at = $8 AND id > $9) ORDER BY at, id LIMIT $10"
            ),
            filter.entity.as_deref(),
            filter.entity_id,
            filter.actor.as_deref(),
            filter.action.map(Action::as_str),
            filter.from,
            filter.until,
            after_at,
            after_id,
            BATCH
        )
        .all()
        .await
    }
}
