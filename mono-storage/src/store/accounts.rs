//! Accounts.

use super::versions::{Revert, Versioned};
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::caller::ACCOUNT_SUSPENDED;
use mono_core::id::{AccountId, Id};
use mono_core::model::account::{Account, AccountChange, AccountFilter, AccountSort, NewAccount};
use mono_core::page::{Page, PageRequest, Slice, SliceRequest};
use mono_core::permission::{Permission, PermissionSet, Principal, Scope, ScopeFilter};
use mono_core::subscription::Window;
use mono_core::{Error, permission};
use uuid::Uuid;

const CREATE: Permission = permission!("tenant.accounts.create");
pub(super) const READ: Permission = permission!("tenant.accounts.read");
const UPDATE: Permission = permission!("tenant.accounts.update");
const DELETE: Permission = permission!("tenant.accounts.delete");
const RESTORE: Permission = permission!("tenant.accounts.restore");
const SUSPEND: Permission = permission!("tenant.accounts.suspend");
pub(super) const REQUIRED: &[Permission] = &[CREATE, READ, UPDATE, DELETE, RESTORE, SUSPEND];

/// The limit that each account takes one of.
pub(super) const LIMIT: &str = "accounts";

macro_rules! columns {
    () => {
        "tenant_id, id, slug, name, account_type, status, email, version, created_at, updated_at"
    };
}

/// Which accounts a list is about: `$2` is searched for, `$3` the status, `$4` and `$5` say which are visible.
macro_rules! matching {
    () => {
        " FROM accounts WHERE tenant_id = $1 AND deleted_at IS NULL
          AND ($2 IS NULL OR name_norm LIKE $2 ESCAPE '\\' OR email_norm LIKE $2 ESCAPE '\\')
          AND ($3 IS NULL OR status = $3)"
    };
}
macro_rules! matching_postgres {
    () => {
        concat!(matching!(), " AND ($4 IS NULL OR id::text IN (SELECT jsonb_array_elements_text($4)) = $5)")
    };
}
macro_rules! matching_sqlite {
    () => {
        concat!(
            matching!(),
            " AND ($4 IS NULL OR lower(hex(id)) IN (SELECT replace(value, '-', '') FROM json_each($4)) = $5)"
        )
    };
}

impl FromRow for Account {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tenant_id: row.get("tenant_id")?,
            id: row.get("id")?,
            slug: row.get("slug")?,
            name: row.get("name")?,
            account_type: row.parse("account_type")?,
            status: row.parse("status")?,
            email: row.get_optional("email")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// The accounts of a tenant.
pub struct Accounts<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The accounts of the tenant.
    pub const fn accounts(&mut self) -> Accounts<'_> {
        Accounts { tx: self }
    }
}

impl Accounts<'_> {
    /// Makes an account and takes one of the plan's `accounts`.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.accounts.create`, `Conflict` where the slug is taken, `LimitExceeded` where the
    /// plan's accounts are used up.
    pub async fn create(self, new: NewAccount) -> Result<Account, Error> {
        let tx = self.tx;
        tx.authorize(CREATE, &Scope::tenant(tx.tenant())).await?;
        let (id, now) = (tx.new_id::<AccountId>(), tx.now());
        let account: Account = sql!(
            tx,
            concat!(
                "INSERT INTO accounts (tenant_id, id, slug, name, name_norm, account_type, status, email, email_norm,
                     version, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $8, 1, $9, $9) RETURNING ",
                columns!()
            ),
            id,
            &new.slug,
            &new.name,
            new.name.folded(),
            new.account_type.as_str(),
            new.email.as_ref(),
            new.email.as_ref().map(mono_core::text::Email::folded),
            now,
        )
        .one()
        .await?;
        tx.record(Action::Create, None, &account).await?;
        // Last, so that the counter's row, which all writers of the tenant share, is held for the shortest time.
        tx.reserve(LIMIT, 1).await?;
        Ok(account)
    }

    /// One account.
    ///
    /// # Errors
    /// `NotFound` where there is none in this tenant, `Forbidden` without `tenant.accounts.read` for it, and with code
    /// `account_suspended` where it is suspended and the caller is not one of those who lift that.
    pub async fn get(self, id: AccountId) -> Result<Account, Error> {
        let tx = self.tx;
        let account = sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                " FROM accounts WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL"
            ),
            id
        )
        .optional()
        .await?
        .ok_or_else(not_found)?;
        let scope = Scope::account(tx.tenant(), id);
        match tx.authorize(READ, &scope).await {
            Err(error) if error.code() == ACCOUNT_SUSPENDED => {
                let lifted = lifted(tx).is_some_and(|set| set.check(READ, &scope, tx.now()));
                if lifted { Ok(account) } else { Err(error) }
            }
            authorized => authorized.map(|()| account),
        }
    }

    /// One page of the accounts that the caller may read: all of the tenant, or those in which a role reaches it.
    ///
    /// # Errors
    /// `Forbidden` where `tenant.accounts.read` is held nowhere in the tenant.
    pub async fn list(self, filter: &AccountFilter, page: PageRequest) -> Result<Page<Account>, Error> {
        let tx = self.tx;
        let visible = VisibleAccounts::of(tx, READ).await?;
        let search = filter.search.as_deref().map(contains);
        let status = filter.status.map(mono_core::model::account::AccountStatus::as_str);
        let counted = tx.caller().entitlements().limit(LIMIT).window == Window::Total;
        let total = if counted && search.is_none() && status.is_none() && visible.is_everything() {
            // The counter of the plan's limit counts just these rows, and costs the same however many there are.
            tx.used(LIMIT).await?
        } else {
            let count = sql!(
                tx,
                pg: concat!("SELECT count(*) AS total", matching_postgres!()),
                lite: concat!("SELECT count(*) AS total", matching_sqlite!()),
                search.clone(),
                status,
                visible.ids(),
                visible.listed
            );
            count.row().await?.get::<i64>("total")?.unsigned_abs()
        };
        // One text for each order: each runs along an index, and no text is put together at run time.
        macro_rules! ordered {
            ($order:literal) => {
                sql!(
                    tx,
                    pg: concat!("SELECT ", columns!(), matching_postgres!(), " ORDER BY ", $order, " LIMIT $6 OFFSET $7"),
                    lite: concat!("SELECT ", columns!(), matching_sqlite!(), " ORDER BY ", $order, " LIMIT $6 OFFSET $7"),
                    search,
                    status,
                    visible.ids(),
                    visible.listed,
                    page.limit(),
                    i64::try_from(page.offset()).unwrap_or(i64::MAX)
                )
                .all()
                .await?
            };
        }
        let items = match filter.sort {
            AccountSort::Name => ordered!("name_norm, id"),
            AccountSort::Oldest => ordered!("created_at, id"),
            _ => ordered!("created_at DESC, id DESC"),
        };
        Ok(Page::new(items, page, total))
    }

    /// The accounts that the caller may read, newest first, after those that a cursor has come past. However deep the
    /// cursor stands, a slice costs the same: it runs along the index from there. The order of the filter does not
    /// matter.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn list_after(
        self,
        filter: &AccountFilter,
        slice: SliceRequest,
    ) -> Result<Slice<Account>, Error> {
        let tx = self.tx;
        let visible = VisibleAccounts::of(tx, READ).await?;
        let search = filter.search.as_deref().map(contains);
        let status = filter.status.map(mono_core::model::account::AccountStatus::as_str);
        let items = sql!(
            tx,
            pg: concat!("SELECT ", columns!(), matching_postgres!(),
                " AND (created_at, id) < ($6, $7) ORDER BY created_at DESC, id DESC LIMIT $8"),
            lite: concat!("SELECT ", columns!(), matching_sqlite!(),
                " AND (created_at, id) < ($6, $7) ORDER BY created_at DESC, id DESC LIMIT $8"),
            search,
            status,
            visible.ids(),
            visible.listed,
            slice.after().created_at,
            slice.after().id,
            slice.to_read()
        )
        .all()
        .await?;
        Ok(Slice::new(items, slice))
    }

    /// Changes an account; fields that the change does not name stay as they are.
    ///
    /// # Errors
    /// `NotFound` where there is none in this tenant; `Forbidden` without `tenant.accounts.update` for it, or, for its
    /// status, without `tenant.accounts.suspend` in the tenant: the right to lift a suspension comes from above it;
    /// `Conflict` where the slug is taken or the version is stale (`details.currentVersion` says which is current).
    pub async fn update(self, id: AccountId, change: AccountChange) -> Result<Account, Error> {
        let tx = self.tx;
        let old = find_for_update(tx, id).await?;
        apply(tx, Action::Update, old, change).await
    }

    /// Deletes an account and gives its place in the plan back. It can be restored.
    ///
    /// # Errors
    /// `NotFound` where there is none in this tenant, `Forbidden` without `tenant.accounts.delete` for it.
    pub async fn delete(self, id: AccountId) -> Result<(), Error> {
        let tx = self.tx;
        let old = find_for_update(tx, id).await?;
        tx.authorize(DELETE, &Scope::account(tx.tenant(), id)).await?;
        tx.require_version("the account", None, old.version)?;
        let now = tx.now();
        let account: Account = sql!(
            tx,
            concat!(
                "UPDATE accounts SET deleted_at = $3, updated_at = $3, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            now
        )
        .one()
        .await?;
        tx.record(Action::Delete, Some(&old), &account).await?;
        tx.release(LIMIT, 1).await
    }

    /// Brings a deleted account back and takes one of the plan's `accounts` again.
    ///
    /// # Errors
    /// `NotFound` where no deleted account has this id, `Forbidden` without `tenant.accounts.restore` for it,
    /// `Conflict` where its slug is taken meanwhile, `LimitExceeded` where the plan's accounts are used up.
    pub async fn restore(self, id: AccountId) -> Result<Account, Error> {
        let tx = self.tx;
        let row = sql!(
            tx,
            pg: "SELECT version FROM accounts WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL FOR UPDATE",
            lite: "SELECT version FROM accounts WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL",
            id
        );
        let version = row.rows().await?.first().ok_or_else(not_found)?.get("version")?;
        tx.authorize(RESTORE, &Scope::account(tx.tenant(), id)).await?;
        tx.require_version("the account", None, version)?;
        let now = tx.now();
        let account: Account = sql!(
            tx,
            concat!(
                "UPDATE accounts SET deleted_at = NULL, updated_at = $3, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            now
        )
        .one()
        .await?;
        tx.record(Action::Restore, None, &account).await?;
        tx.reserve(LIMIT, 1).await?;
        Ok(account)
    }
}

/// Changes an account that the transaction holds.
async fn apply(
    tx: &mut TenantTx,
    action: Action,
    old: Account,
    change: AccountChange,
) -> Result<Account, Error> {
    let status = change.status.unwrap_or(old.status);
    if status != old.status {
        tx.authorize(SUSPEND, &Scope::tenant(tx.tenant())).await?;
    }
    if status == old.status || change.changes_more_than_status() {
        tx.authorize(UPDATE, &Scope::account(tx.tenant(), old.id)).await?;
    }
    tx.require_version("the account", change.version, old.version)?;
    let slug = change.slug.unwrap_or_else(|| old.slug.clone());
    let name = change.name.unwrap_or_else(|| old.name.clone());
    let email = change.email.unwrap_or_else(|| old.email.clone());
    let account_type = change.account_type.unwrap_or(old.account_type);
    if (&slug, &name, &email, account_type, status)
        == (&old.slug, &old.name, &old.email, old.account_type, old.status)
    {
        // Nothing changes: no new version, and nothing to record.
        return Ok(old);
    }
    let now = tx.now();
    let account: Account = sql!(
            tx,
            concat!(
                "UPDATE accounts SET slug = $3, name = $4, name_norm = $5, account_type = $6, status = $7, email = $8,
                     email_norm = $9, version = version + 1, updated_at = $10
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            old.id,
            &slug,
            &name,
            name.folded(),
            account_type.as_str(),
            status.as_str(),
            email.as_ref(),
            email.as_ref().map(mono_core::text::Email::folded),
            now,
        )
        .one()
        .await?;
    tx.record(action, Some(&old), &account).await?;
    Ok(account)
}

impl Versioned for Account {
    type Id = AccountId;
    const ENTITY: &'static str = "account";

    fn id(&self) -> AccountId {
        self.id
    }

    fn uuid(id: &AccountId) -> Uuid {
        id.uuid()
    }

    fn version(&self) -> Option<i64> {
        Some(self.version)
    }

    async fn require_read(tx: &mut TenantTx, id: &AccountId) -> Result<(), Error> {
        tx.accounts().get(*id).await.map(drop)
    }
}

impl Revert for Account {
    async fn put_back(tx: &mut TenantTx, earlier: Self, seen: Option<i64>) -> Result<Self, Error> {
        let old = find_for_update(tx, earlier.id).await?;
        let change = AccountChange {
            version: seen,
            name: Some(earlier.name),
            slug: Some(earlier.slug),
            account_type: Some(earlier.account_type),
            status: Some(earlier.status),
            email: Some(earlier.email),
        };
        apply(tx, Action::Revert, old, change).await
    }
}

/// Which accounts of the tenant a permission reaches, as a condition of a query.
struct VisibleAccounts {
    /// The accounts that are named; `None` names none, which is everything.
    accounts: Option<Vec<AccountId>>,
    /// Whether the named accounts are those that are visible, or those that are not.
    listed: bool,
}

impl VisibleAccounts {
    async fn of(tx: &mut TenantTx, permission: Permission) -> Result<Self, Error> {
        let (tenant, now) = (tx.tenant(), tx.now());
        let whole = Scope::tenant(tenant);
        let lifted = lifted(tx);
        let held = lifted.as_ref().or(tx.caller().permissions());
        let held = held.map_or(ScopeFilter::All, |set| set.scopes_for(permission, now));
        let subtrees = match &held {
            ScopeFilter::Within(subtrees) => subtrees.as_slice(),
            ScopeFilter::All | ScopeFilter::None => &[],
        };
        let at_account =
            |scope: &Scope| scope.account_id().filter(|id| *scope == Scope::account(tenant, *id));
        if held.contains(&whole) {
            tx.authorize(permission, &whole).await?;
            let except = subtrees.iter().flat_map(|subtree| &subtree.except).filter_map(at_account);
            let hidden: Vec<_> = except.filter(|id| !held.contains(&Scope::account(tenant, *id))).collect();
            return Ok(Self { accounts: (!hidden.is_empty()).then_some(hidden), listed: false });
        }
        let roots = subtrees.iter().map(|subtree| &subtree.root).filter_map(at_account);
        let shown: Vec<_> = roots.filter(|id| held.contains(&Scope::account(tenant, *id))).collect();
        if shown.is_empty() {
            // Held nowhere in the tenant: this refuses, and says why.
            tx.authorize(permission, &whole).await?;
        }
        tx.count_use(permission).await?;
        Ok(Self { accounts: Some(shown), listed: true })
    }

    const fn is_everything(&self) -> bool {
        self.accounts.is_none()
    }

    fn ids(&self) -> Option<serde_json::Value> {
        let accounts = self.accounts.as_ref()?;
        Some(accounts.iter().map(|account| serde_json::Value::from(account.to_string())).collect())
    }
}

/// What the caller may do apart from suspensions of accounts, where it is one of those who lift them: who lifts a
/// suspension sees what is suspended.
fn lifted(tx: &TenantTx) -> Option<PermissionSet> {
    let (set, facts) = (tx.caller().permissions()?, tx.caller().facts());
    if facts.suspended.is_empty() || !set.check(SUSPEND, &Scope::tenant(tx.tenant()), tx.now()) {
        return None;
    }
    Some(set.engine().compile(&Principal { suspended: Vec::new(), ..facts.clone() }))
}

fn not_found() -> Error {
    Error::not_found(AccountId::ENTITY)
}

/// The account, held until the transaction ends, so that what is audited is what was changed.
async fn find_for_update(tx: &mut TenantTx, id: AccountId) -> Result<Account, Error> {
    macro_rules! select {
        ($lock:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                " FROM accounts WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
                $lock
            )
        };
    }
    // SQLite knows no row locks and needs none: one transaction writes at a time.
    sql!(tx, pg: select!(" FOR UPDATE"), lite: select!(""), id).optional().await?.ok_or_else(not_found)
}

/// Refuses where the tenant has no such account.
pub(super) async fn require(tx: &mut TenantTx, id: AccountId) -> Result<(), Error> {
    let found =
        sql!(tx, "SELECT id FROM accounts WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL", id);
    if found.rows().await?.is_empty() { Err(not_found()) } else { Ok(()) }
}

/// The LIKE pattern for "contains this text".
pub(super) fn contains(text: &str) -> String {
    let escaped = mono_core::text::fold(text).replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}
