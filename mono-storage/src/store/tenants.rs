//! Tenants, above themselves: a tenant's own row belongs to the platform, which also serves it to the tenant itself.

use super::accounts::contains;
use super::versions::History;
use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::audit::{Action, changes};
use mono_core::caller::Pass;
use mono_core::id::{Id, TenantId};
use mono_core::model::tenant::{
    Document, NewTenant, Tenant, TenantChange, TenantFilter, TenantSort, TenantStatus,
};
use mono_core::page::{Page, PageRequest, Slice, SliceRequest};
use mono_core::permission::{Permission, Scope};
use mono_core::subscription::Currency;
use mono_core::text::{Locale, Name, Slug, TimeZone};
use mono_core::{Error, permission};
use serde::Serialize;

const CREATE: Permission = permission!("platform.tenants.create");
const READ: Permission = permission!("platform.tenants.read");
const UPDATE: Permission = permission!("platform.tenants.update");
const SUSPEND: Permission = permission!("platform.tenants.suspend");
pub(super) const READ_OWN: Permission = permission!("tenant.settings.read");
pub(super) const UPDATE_OWN: Permission = permission!("tenant.settings.update");
pub(super) const REQUIRED: &[Permission] = &[CREATE, READ, UPDATE, SUSPEND, READ_OWN, UPDATE_OWN];

/// How the audit log names a tenant.
pub(super) const ENTITY: &str = "tenant";

macro_rules! columns {
    () => {
        "id, slug, name, domain, status, currency, time_zone, default_locale, supported_locales, settings, branding,
         version, created_at, updated_at"
    };
}

/// Which tenants a list is about: `$1` is searched for, `$2` the status.
macro_rules! matching {
    () => {
        " FROM tenants WHERE ($1 IS NULL OR name_norm LIKE $1 ESCAPE '\\' OR slug LIKE $1 ESCAPE '\\')
          AND ($2 IS NULL OR status = $2)"
    };
}

impl FromRow for Tenant {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let document = |column| -> Result<Document, Error> {
            serde_json::from_value(row.get(column)?).map_err(Error::internal)
        };
        Ok(Self {
            id: row.get("id")?,
            slug: row.get("slug")?,
            name: row.get("name")?,
            domain: row.get_optional("domain")?,
            status: row.parse("status")?,
            currency: Currency::parse(&row.get::<String>("currency")?).map_err(Error::internal)?,
            time_zone: row.get("time_zone")?,
            default_locale: row.get("default_locale")?,
            supported_locales: serde_json::from_value(row.get("supported_locales")?)
                .map_err(Error::internal)?,
            settings: document("settings")?,
            branding: document("branding")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// The tenants of the platform.
pub struct Tenants<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The tenants of the platform.
    pub const fn tenants(&mut self) -> Tenants<'_> {
        Tenants { tx: self }
    }
}

impl<'t> Tenants<'t> {
    /// Makes a tenant with a name, and with everything else as it is by default.
    ///
    /// # Errors
    /// As [`create_from`](Self::create_from).
    pub async fn create(self, slug: &Slug, name: &Name) -> Result<Tenant, Error> {
        let change = TenantChange::default();
        let new = NewTenant { slug: slug.clone(), name: name.clone(), change, template: None };
        self.create_from(new).await
    }

    /// Makes a tenant, with all that its template holds. Until it has a subscription it may use nothing.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.create`, and with a template without `platform.subscriptions.update`;
    /// `Conflict` where slug or domain are taken; `Validation` where the default language is not among the supported
    /// ones, or there is no such template.
    pub async fn create_from(self, new: NewTenant) -> Result<Tenant, Error> {
        let tx = self.tx;
        tx.authorize(CREATE)?;
        let template = match &new.template {
            Some(key) => Some(super::templates::find(tx, key).await?),
            None => None,
        };
        let now = tx.now();
        let english = Locale::parse("en")?;
        let plain = Tenant {
            id: tx.new_id(),
            slug: new.slug,
            name: new.name,
            domain: None,
            status: TenantStatus::Active,
            currency: Currency::parse("EUR")?,
            time_zone: TimeZone::parse("UTC")?,
            default_locale: english.clone(),
            supported_locales: vec![english],
            settings: Document::default(),
            branding: Document::default(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        // A default language that is named alone is the one that is offered.
        let mut change = TenantChange { name: None, slug: None, ..new.change };
        if let (Some(default), None) = (&change.default_locale, &change.supported_locales) {
            change.supported_locales = Some(vec![default.clone()]);
        }
        let new = change.apply(&plain)?;
        let tenant: Tenant = platform_sql!(
            tx,
            concat!(
                "INSERT INTO tenants (id, slug, name, name_norm, domain, status, currency, time_zone, default_locale,
                     supported_locales, settings, branding, version, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, 'active', $6, $7, $8, $9, $10, $11, 1, $12, $12) RETURNING ",
                columns!()
            ),
            new.id,
            &new.slug,
            &new.name,
            new.name.folded(),
            new.domain.as_ref(),
            new.currency.as_str(),
            &new.time_zone,
            &new.default_locale,
            to_value(&new.supported_locales)?,
            to_value(&new.settings)?,
            to_value(&new.branding)?,
            now
        )
        .one()
        .await?;
        record(tx, Action::Create, None, &tenant).await?;
        if let Some(template) = &template {
            super::templates::give(tx, tenant.id, template).await?;
        }
        Ok(tenant)
    }

    /// One tenant.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.read`, `NotFound` where there is none.
    pub async fn get(self, id: TenantId) -> Result<Tenant, Error> {
        self.tx.authorize(READ)?;
        find(self.tx, id).await
    }

    /// The tenant with this slug.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.read`.
    pub async fn find_by_slug(self, slug: &Slug) -> Result<Option<Tenant>, Error> {
        self.tx.authorize(READ)?;
        platform_sql!(self.tx, concat!("SELECT ", columns!(), " FROM tenants WHERE slug = $1"), slug)
            .optional()
            .await
    }

    /// Every tenant, oldest first.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.read`.
    pub async fn all(self) -> Result<Vec<Tenant>, Error> {
        self.tx.authorize(READ)?;
        platform_sql!(self.tx, concat!("SELECT ", columns!(), " FROM tenants ORDER BY created_at, id"))
            .all()
            .await
    }

    /// One page of the tenants.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.read`.
    pub async fn list(self, filter: &TenantFilter, page: PageRequest) -> Result<Page<Tenant>, Error> {
        let tx = self.tx;
        tx.authorize(READ)?;
        let search = filter.search.as_deref().map(contains);
        let status = filter.status.map(TenantStatus::as_str);
        let total: i64 =
            platform_sql!(tx, concat!("SELECT count(*) AS total", matching!()), search.clone(), status)
                .row()
                .await?
                .get("total")?;
        macro_rules! ordered {
            ($order:literal) => {
                platform_sql!(
                    tx,
                    concat!("SELECT ", columns!(), matching!(), " ORDER BY ", $order, " LIMIT $3 OFFSET $4"),
                    search,
                    status,
                    page.limit(),
                    i64::try_from(page.offset()).unwrap_or(i64::MAX)
                )
                .all()
                .await?
            };
        }
        let items = match filter.sort {
            TenantSort::Name => ordered!("name_norm, id"),
            TenantSort::Oldest => ordered!("created_at, id"),
            _ => ordered!("created_at DESC, id DESC"),
        };
        Ok(Page::new(items, page, u64::try_from(total).unwrap_or_default()))
    }

    /// The tenants, newest first, after those that a cursor has come past; however deep it stands, a slice costs the same.
    /// The order of the filter does not matter.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn list_after(
        self,
        filter: &TenantFilter,
        slice: SliceRequest,
    ) -> Result<Slice<Tenant>, Error> {
        self.tx.authorize(READ)?;
        let items = platform_sql!(
            self.tx,
            concat!(
                "SELECT ",
                columns!(),
                matching!(),
                " AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5"
            ),
            filter.search.as_deref().map(contains),
            filter.status.map(TenantStatus::as_str),
            slice.after().created_at,
            slice.after().id,
            slice.to_read()
        )
        .all()
        .await?;
        Ok(Slice::new(items, slice))
    }

    /// Changes a tenant; fields that the change does not name stay as they are.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.update`; `NotFound` where there is none; `Conflict` where slug or domain
    /// are taken or the version is stale (`details.currentVersion` says which is current); `Validation` where the
    /// default language is not among the supported ones.
    pub async fn update(self, id: TenantId, change: TenantChange) -> Result<Tenant, Error> {
        self.tx.authorize(UPDATE)?;
        update(self.tx, Action::Update, id, change).await
    }

    /// The tenant that the caller works in. Needs a transaction that writes, for a super admin's look is recorded.
    ///
    /// # Errors
    /// `Validation` where the caller works in no tenant, `Forbidden` without `tenant.settings.read`.
    pub async fn own(self) -> Result<Tenant, Error> {
        let tenant = authorize_own(self.tx, READ_OWN).await?;
        find(self.tx, tenant).await
    }

    /// Changes the tenant that the caller works in. Slug and domain are the platform's to give: they lead people there.
    ///
    /// # Errors
    /// As [`update`](Self::update), with `tenant.settings.update`; `Validation` where slug or domain are named.
    pub async fn update_own(self, change: TenantChange) -> Result<Tenant, Error> {
        let tenant = authorize_own(self.tx, UPDATE_OWN).await?;
        if change.slug.is_some() || change.domain.is_some() {
            let field = if change.slug.is_some() { "slug" } else { "domain" };
            return Err(Error::invalid(field, "platform_only", format!("the platform sets the {field}")));
        }
        update(self.tx, Action::Update, tenant, change).await
    }

    /// The versions of a tenant.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn history(self, id: TenantId) -> Result<History<'t, Tenant>, Error> {
        self.tx.tenants().get(id).await?;
        Ok(History::of_tenant(self.tx, ENTITY, id))
    }

    /// Gives a tenant the values of an earlier version, but not its status, which is decided by itself; with `seen` only
    /// where that is the current version.
    ///
    /// # Errors
    /// As [`update`](Self::update); `NotFound` with code `version_not_found` where this version is not kept.
    pub async fn revert(self, id: TenantId, version: i64, seen: Option<i64>) -> Result<Tenant, Error> {
        let tx = self.tx;
        tx.authorize(UPDATE)?;
        let earlier: Tenant = tx.tenants().history(id).await?.version(version).await?.snapshot;
        let change = TenantChange {
            slug: Some(earlier.slug.clone()),
            domain: Some(earlier.domain.clone()),
            ..own_values(earlier, seen)
        };
        update(tx, Action::Revert, id, change).await
    }

    /// The versions of the tenant that the caller works in. Needs a transaction that writes, as [`own`](Self::own).
    ///
    /// # Errors
    /// As [`own`](Self::own).
    pub async fn own_history(self) -> Result<History<'t, Tenant>, Error> {
        let tenant = authorize_own(self.tx, READ_OWN).await?;
        Ok(History::of_tenant(self.tx, ENTITY, tenant))
    }

    /// Gives the tenant that the caller works in the values of an earlier version, but not its status, slug and domain.
    ///
    /// # Errors
    /// As [`update_own`](Self::update_own), and with `tenant.settings.read` too; `NotFound` with code
    /// `version_not_found` where this version is not kept.
    pub async fn revert_own(self, version: i64, seen: Option<i64>) -> Result<Tenant, Error> {
        let tx = self.tx;
        let tenant = authorize_own(tx, UPDATE_OWN).await?;
        let earlier: Tenant = tx.tenants().own_history().await?.version(version).await?.snapshot;
        update(tx, Action::Revert, tenant, own_values(earlier, seen)).await
    }

    /// Suspends a tenant, archives it, or lets it work again. Its data is kept.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.suspend`, `NotFound` where there is none.
    pub async fn set_status(self, id: TenantId, status: TenantStatus) -> Result<Tenant, Error> {
        let tx = self.tx;
        tx.authorize(SUSPEND)?;
        let old = find_for_update(tx, id).await?;
        tx.require_version("the tenant", None, old.version)?;
        if old.status == status {
            return Ok(old);
        }
        let now = tx.now();
        let tenant: Tenant = platform_sql!(
            tx,
            concat!(
                "UPDATE tenants SET status = $2, updated_at = $3, version = version + 1 WHERE id = $1 RETURNING ",
                columns!()
            ),
            id,
            status.as_str(),
            now
        )
        .one()
        .await?;
        record(tx, Action::Update, Some(&old), &tenant).await?;
        Ok(tenant)
    }
}

/// Asks for a right in the tenant that the caller works in; the pass of a super admin from elsewhere is recorded.
async fn authorize_own(tx: &mut PlatformTx, permission: Permission) -> Result<TenantId, Error> {
    let tenant = tx.caller().tenant()?;
    if tx.caller().authorize(permission, &Scope::tenant(tenant), tx.now())? == Pass::Privileged {
        let changes = serde_json::json!([{ "field": "permission", "new": permission.name() }]);
        tx.audit_tenant(tenant, Action::PrivilegedAccess, ENTITY, tenant.uuid(), changes).await?;
    }
    Ok(tenant)
}

/// What a tenant may set about itself, as it was in an earlier version.
fn own_values(earlier: Tenant, seen: Option<i64>) -> TenantChange {
    TenantChange {
        version: seen,
        name: Some(earlier.name),
        currency: Some(earlier.currency),
        time_zone: Some(earlier.time_zone),
        default_locale: Some(earlier.default_locale),
        supported_locales: Some(earlier.supported_locales),
        settings: Some(earlier.settings),
        branding: Some(earlier.branding),
        ..Default::default()
    }
}

async fn update(
    tx: &mut PlatformTx,
    action: Action,
    id: TenantId,
    change: TenantChange,
) -> Result<Tenant, Error> {
    let old = find_for_update(tx, id).await?;
    tx.require_version("the tenant", change.version, old.version)?;
    let new = change.apply(&old)?;
    if new == old {
        return Ok(old);
    }
    let now = tx.now();
    let tenant: Tenant = platform_sql!(
        tx,
        concat!(
            "UPDATE tenants SET slug = $2, name = $3, name_norm = $4, domain = $5, currency = $6, time_zone = $7,
                 default_locale = $8, supported_locales = $9, settings = $10, branding = $11, version = version + 1,
                 updated_at = $12
             WHERE id = $1 RETURNING ",
            columns!()
        ),
        id,
        &new.slug,
        &new.name,
        new.name.folded(),
        new.domain.as_ref(),
        new.currency.as_str(),
        &new.time_zone,
        &new.default_locale,
        to_value(&new.supported_locales)?,
        to_value(&new.settings)?,
        to_value(&new.branding)?,
        now
    )
    .one()
    .await?;
    record(tx, action, Some(&old), &tenant).await?;
    Ok(tenant)
}

async fn find(tx: &mut PlatformTx, id: TenantId) -> Result<Tenant, Error> {
    platform_sql!(tx, concat!("SELECT ", columns!(), " FROM tenants WHERE id = $1"), id)
        .optional()
        .await?
        .ok_or_else(not_found)
}

/// The tenant, held until the transaction ends, so that what is audited is what was changed.
async fn find_for_update(tx: &mut PlatformTx, id: TenantId) -> Result<Tenant, Error> {
    macro_rules! select {
        ($lock:literal) => {
            concat!("SELECT ", columns!(), " FROM tenants WHERE id = $1", $lock)
        };
    }
    platform_sql!(tx, pg: select!(" FOR NO KEY UPDATE"), lite: select!(""), id)
        .optional()
        .await?
        .ok_or_else(not_found)
}

/// Records a change in the audit logs of tenant and platform, and in the history, which stands with the tenant.
async fn record(
    tx: &mut PlatformTx,
    action: Action,
    old: Option<&Tenant>,
    new: &Tenant,
) -> Result<(), Error> {
    let before = old.map(to_value).transpose()?.unwrap_or_default();
    let changes = to_value(&changes(&before, &to_value(new)?))?;
    tx.audit_tenant(new.id, action, ENTITY, new.id.uuid(), changes).await?;
    History::of_tenant(tx, ENTITY, new.id).keep(action, new.version, new).await
}

fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value).map_err(Error::internal)
}

fn not_found() -> Error {
    Error::not_found(TenantId::ENTITY)
}
