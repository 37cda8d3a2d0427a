//! API keys: made, changed, followed by others, revoked.

use super::granting::{Rules, not_held};
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::caller::Actor;
use mono_core::id::{AccountId, ApiKeyId, Id, UserId};
use mono_core::model::api_key::{ApiKey, ApiKeyChange, NewApiKey, Rotation, expiry};
use mono_core::page::{Page, PageRequest};
use mono_core::permission::{Pattern, Permission, Scope};
use mono_core::subscription::Source;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind, permission};

/// The permission for a key of the whole tenant, and the one for a key of an account.
type Pair = [Permission; 2];

const CREATE: Pair = [permission!("tenant.api_keys.create"), permission!("account.api_keys.create")];
const READ: Pair = [permission!("tenant.api_keys.read"), permission!("account.api_keys.read")];
const UPDATE: Pair = [permission!("tenant.api_keys.update"), permission!("account.api_keys.update")];
const DELETE: Pair = [permission!("tenant.api_keys.delete"), permission!("account.api_keys.delete")];
pub(super) const REQUIRED: &[Permission] =
    &[CREATE[0], CREATE[1], READ[0], READ[1], UPDATE[0], UPDATE[1], DELETE[0], DELETE[1]];

const ENTITY: &str = "api_key";
/// The limit of keys that work, where the catalogue has it.
const LIMIT: &str = "api_keys";

macro_rules! columns {
    () => {
        "tenant_id, id, account_id, owner_id, name, prefix, scopes, version, created_at, updated_at, expires_at,
         last_used_at, revoked_at, replaced_by"
    };
}
pub(super) use columns;

impl FromRow for ApiKey {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tenant_id: row.get("tenant_id")?,
            id: row.get("id")?,
            account_id: row.get_optional("account_id")?,
            owner_id: row.get("owner_id")?,
            name: row.get("name")?,
            prefix: row.get("prefix")?,
            scopes: serde_json::from_value(row.get("scopes")?).map_err(Error::internal)?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            expires_at: row.get("expires_at")?,
            last_used_at: row.get_optional("last_used_at")?,
            revoked_at: row.get_optional("revoked_at")?,
            replaced_by: row.get_optional("replaced_by")?,
        })
    }
}

/// What a key is known by. The secret itself stays with whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCredential {
    /// The id that the text of the key names.
    pub id: ApiKeyId,
    /// The part of the text that may be seen.
    pub prefix: String,
    /// The keyed hash of the secret.
    pub hash: String,
}

/// The API keys of a tenant and its accounts.
pub struct ApiKeys<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The API keys of the tenant and its accounts.
    pub const fn api_keys(&mut self) -> ApiKeys<'_> {
        ApiKeys { tx: self }
    }
}

impl ApiKeys<'_> {
    /// Makes a key that belongs to the caller.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.api_keys.create` (`account.api_keys.create` for a key of an account), with code
    /// `not_held` where a scope covers anything that the caller does not hold there for as long, and with
    /// `impersonated` for who acts as somebody else; `Validation` for a scope that means nothing, and an end that is
    /// past or too far; `NotFound` where the tenant has no such account; `LimitExceeded` where the catalogue has a limit
    /// `api_keys` and it is used up.
    pub async fn create(self, new: NewApiKey, credential: KeyCredential) -> Result<ApiKey, Error> {
        let tx = self.tx;
        if let Some(account) = new.account_id {
            super::accounts::require(tx, account).await?;
        }
        authorize(tx, &CREATE, new.account_id).await?;
        let expires_at = expiry(new.expires_at, tx.now())?;
        let rules = tx.rules().await?;
        let owner = maker(tx, expires_at).await?;
        require_scopes(tx, &rules, &new.scopes, new.account_id, owner, expires_at)?;
        let key = insert(tx, owner, &new, &credential, expires_at).await?;
        require_room(tx).await?;
        Ok(key)
    }

    /// One key.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such key, `Forbidden` without `tenant.api_keys.read`
    /// (`account.api_keys.read`).
    pub async fn get(self, id: ApiKeyId) -> Result<ApiKey, Error> {
        find(self.tx, &READ, id).await
    }

    /// One page of the keys of the tenant with all of its accounts, or of one account, newest first. Those that work no
    /// more are among them until they are cleaned away.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such account; `Forbidden` as in [`get`](Self::get).
    pub async fn list(self, account: Option<AccountId>, page: PageRequest) -> Result<Page<ApiKey>, Error> {
        let tx = self.tx;
        if let Some(account) = account {
            super::accounts::require(tx, account).await?;
        }
        authorize(tx, &READ, account).await?;
        macro_rules! matching {
            () => {
                " FROM api_keys WHERE tenant_id = $1 AND ($2 IS NULL OR account_id = $2)"
            };
        }
        let total: i64 =
            sql!(tx, concat!("SELECT count(*) AS total", matching!()), account).row().await?.get("total")?;
        let items = sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                matching!(),
                " ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4"
            ),
            account,
            page.limit(),
            i64::try_from(page.offset()).unwrap_or(i64::MAX)
        )
        .all()
        .await?;
        Ok(Page::new(items, page, u64::try_from(total).unwrap_or_default()))
    }

    /// Changes the name or the scopes of a key that works.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such key; `Forbidden` without `tenant.api_keys.update`
    /// (`account.api_keys.update`), or as in [`create`](Self::create) where the scopes change; `Conflict` where the key
    /// works no more, or the version is stale.
    pub async fn update(self, id: ApiKeyId, change: ApiKeyChange) -> Result<ApiKey, Error> {
        let tx = self.tx;
        find(tx, &UPDATE, id).await?;
        let rules = tx.rules().await?;
        let old = find_live(tx, id).await?;
        tx.require_version("the key", change.version, old.version)?;
        if let Some(scopes) = change.scopes.as_ref().filter(|scopes| **scopes != old.scopes) {
            maker(tx, old.expires_at).await?;
            require_scopes(tx, &rules, scopes, old.account_id, old.owner_id, old.expires_at)?;
        }
        let (name, scopes) =
            (change.name.unwrap_or(old.name.clone()), change.scopes.unwrap_or(old.scopes.clone()));
        if (&name, &scopes) == (&old.name, &old.scopes) {
            return Ok(old);
        }
        let now = tx.now();
        let key: ApiKey = sql!(
            tx,
            concat!(
                "UPDATE api_keys SET name = $3, scopes = $4, updated_at = $5, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            &name,
            serde_json::json!(scopes),
            now
        )
        .one()
        .await?;
        tx.audit_change(Action::Update, ENTITY, id, Some(&old), Some(&key)).await?;
        Ok(key)
    }

    /// Makes a key that follows another, with the same name and scopes, and belongs to the caller. The old one works
    /// until the overlap is over. Of any number who rotate a key at once, one does.
    ///
    /// # Errors
    /// As [`create`](Self::create), and `NotFound` where the tenant has no such key; `Conflict` where it works no more,
    /// or was rotated already.
    pub async fn rotate(
        self,
        id: ApiKeyId,
        rotation: Rotation,
        credential: KeyCredential,
    ) -> Result<ApiKey, Error> {
        let tx = self.tx;
        find(tx, &CREATE, id).await?;
        let now = tx.now();
        let expires_at = expiry(rotation.expires_at, now)?;
        let rules = tx.rules().await?;
        let old = find_live(tx, id).await?;
        tx.require_version("the key", None, old.version)?;
        if old.replaced_by.is_some() {
            return Err(ended("key_rotated", "this key was rotated already: rotate the one that follows it"));
        }
        let owner = maker(tx, expires_at).await?;
        require_scopes(tx, &rules, &old.scopes, old.account_id, owner, expires_at)?;
        let replaced: ApiKey = sql!(
            tx,
            concat!(
                "UPDATE api_keys SET replaced_by = $3, expires_at = $4, updated_at = $5, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            credential.id,
            old.expires_at.min(now + rotation.overlap),
            now
        )
        .one()
        .await?;
        tx.audit_change(Action::Update, ENTITY, id, Some(&old), Some(&replaced)).await?;
        let new = NewApiKey {
            name: old.name,
            account_id: old.account_id,
            scopes: old.scopes,
            expires_at: Some(expires_at),
        };
        insert(tx, owner, &new, &credential, expires_at).await
    }

    /// Ends a key. One that works no more is no mistake.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such key, `Forbidden` without `tenant.api_keys.delete`
    /// (`account.api_keys.delete`).
    pub async fn revoke(self, id: ApiKeyId) -> Result<(), Error> {
        let tx = self.tx;
        find(tx, &DELETE, id).await?;
        let old = hold(tx, id).await?;
        tx.require_version("the key", None, old.version)?;
        let now = tx.now();
        let revoked: Option<ApiKey> = sql!(
            tx,
            concat!(
                "UPDATE api_keys SET revoked_at = $3, updated_at = $3, version = version + 1
                 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING ",
                columns!()
            ),
            id,
            now
        )
        .optional()
        .await?;
        match revoked {
            Some(revoked) => tx.audit_change(Action::Revoke, ENTITY, id, Some(&old), Some(&revoked)).await,
            None => Ok(()),
        }
    }
}

/// Ends the keys of a person whose membership ends: they do not come back with a later one.
pub(super) async fn revoke_all_of(tx: &mut TenantTx, owner: UserId) -> Result<(), Error> {
    let now = tx.now();
    sql!(
        tx,
        "UPDATE api_keys SET revoked_at = $3, updated_at = $3, version = version + 1
         WHERE tenant_id = $1 AND owner_id = $2 AND revoked_at IS NULL",
        owner,
        now
    )
    .execute()
    .await
    .map(drop)
}

fn place(tx: &TenantTx, account: Option<AccountId>) -> Scope {
    account.map_or(Scope::tenant(tx.tenant()), |account| Scope::account(tx.tenant(), account))
}

async fn authorize(tx: &mut TenantTx, pair: &Pair, account: Option<AccountId>) -> Result<(), Error> {
    let [of_tenant, of_account] = *pair;
    let permission = if account.is_some() { of_account } else { of_tenant };
    let at = place(tx, account);
    tx.authorize(permission, &at).await
}

async fn find(tx: &mut TenantTx, pair: &Pair, id: ApiKeyId) -> Result<ApiKey, Error> {
    let key: Option<ApiKey> =
        sql!(tx, concat!("SELECT ", columns!(), " FROM api_keys WHERE tenant_id = $1 AND id = $2"), id)
            .optional()
            .await?;
    let key = key.ok_or_else(not_found)?;
    authorize(tx, pair, key.account_id).await?;
    Ok(key)
}

/// The key, held until the transaction ends. The rules come before it, always: what waits for both waits in one order.
async fn hold(tx: &mut TenantTx, id: ApiKeyId) -> Result<ApiKey, Error> {
    macro_rules! select {
        ($lock:literal) => {
            concat!("SELECT ", columns!(), " FROM api_keys WHERE tenant_id = $1 AND id = $2", $lock)
        };
    }
    sql!(tx, pg: select!(" FOR UPDATE"), lite: select!(""), id).optional().await?.ok_or_else(not_found)
}

/// The key, held as [`hold`] does, where it works.
async fn find_live(tx: &mut TenantTx, id: ApiKeyId) -> Result<ApiKey, Error> {
    let key = hold(tx, id).await?;
    if key.revoked_at.is_some() {
        return Err(ended("key_revoked", "this key was revoked: make another"));
    }
    if !key.is_live(tx.now()) {
        return Err(ended("key_expired", "this key has expired: make another"));
    }
    Ok(key)
}

fn ended(code: &'static str, message: &str) -> Error {
    Error::new(ErrorKind::Conflict, code, message)
}

fn not_found() -> Error {
    Error::not_found(ApiKeyId::ENTITY)
}

/// Whose the key will be. A key makes none that outlives it, and none at all once it is revoked; who acts as somebody
/// else leaves nothing behind that could do so tomorrow.
async fn maker(tx: &mut TenantTx, until: Timestamp) -> Result<UserId, Error> {
    let forbidden = |code: &'static str, message: &str| Err(Error::new(ErrorKind::Forbidden, code, message));
    match tx.caller().actor() {
        Actor::User { user, impersonator: None, .. } => Ok(user),
        Actor::User { .. } => {
            forbidden("impersonated", "this is for the person alone, not for somebody who acts as them")
        }
        Actor::ApiKey { key, user, .. } => {
            let own = find_live(tx, key).await?;
            if own.expires_at < until {
                return Err(not_held("a key that lasts as long"));
            }
            Ok(user)
        }
        Actor::System(_) => forbidden("people_only", "only a person, or a key of theirs, makes keys"),
    }
}

/// Refuses scopes that mean nothing, and those that give what the caller does not hold there and for as long.
fn require_scopes(
    tx: &TenantTx,
    rules: &Rules,
    scopes: &[String],
    account: Option<AccountId>,
    owner: UserId,
    until: Timestamp,
) -> Result<(), Error> {
    let is_owner = matches!(tx.caller().actor(), Actor::User { user, .. } if user == owner);
    let Some(engine) = rules.engine() else { return Ok(()) };
    let (at, catalogue) = (place(tx, account), engine.catalogue());
    for scope in scopes {
        let known = catalogue.key_pattern(scope, at.tier()).filter(|pattern| {
            let mut entries = catalogue.permissions.iter();
            entries.any(|entry| Pattern::parse(&entry.name).is_ok_and(|name| pattern.covers_pattern(&name)))
        });
        let Some(pattern) = known else {
            let message =
                "a scope is one of the catalogue (files:read), or a permission or pattern of its tier";
            return Err(Error::invalid("scopes", "unknown_scope", message));
        };
        // A key never exceeds its owner: to the owner, and to nobody else, `*` is all that the owner may.
        if !(is_owner && pattern.is_everything()) {
            rules.require_pattern(&pattern, &at, Some(until), tx.now())?;
        }
    }
    Ok(())
}

async fn insert(
    tx: &mut TenantTx,
    owner: UserId,
    new: &NewApiKey,
    credential: &KeyCredential,
    expires_at: Timestamp,
) -> Result<ApiKey, Error> {
    let now = tx.now();
    let key: ApiKey = sql!(
        tx,
        concat!(
            "INSERT INTO api_keys (tenant_id, id, account_id, owner_id, name, prefix, scopes, hash, version, created_at,
                 updated_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10) RETURNING ",
            columns!()
        ),
        credential.id,
        new.account_id,
        owner,
        &new.name,
        credential.prefix.as_str(),
        serde_json::json!(new.scopes),
        credential.hash.as_str(),
        now,
        expires_at
    )
    .one()
    .await?;
    tx.audit_change(Action::Create, ENTITY, key.id, None, Some(&key)).await?;
    Ok(key)
}

/// Counts the keys that work and were not followed by another. A key ends by itself, so no counter could know; the lock
/// of the rules, which is held here, keeps others from making keys meanwhile.
async fn require_room(tx: &mut TenantTx) -> Result<(), Error> {
    if tx.caller().entitlements().limit(LIMIT).source == Source::Undeclared {
        return Ok(());
    }
    let now = tx.now();
    let present = sql!(
        tx,
        "SELECT count(*) AS present FROM api_keys
         WHERE tenant_id = $1 AND revoked_at IS NULL AND replaced_by IS NULL AND expires_at > $2",
        now
    );
    let present = present.row().await?.get::<i64>("present")?.unsigned_abs();
    let refused = tx.caller().entitlements().check(LIMIT, present.saturating_sub(1), 1).into_result();
    if refused.is_err() {
        tx.forbid_commit();
    }
    refused.map(drop)
}
