//! Tenants, above themselves: making one and finding one is the platform's work.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::audit::Action;
use mono_core::id::TenantId;
use mono_core::model::tenant::{Tenant, TenantStatus};
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::text::{Name, Slug};

const CREATE: Permission = permission!("platform.tenants.create");
const READ: Permission = permission!("platform.tenants.read");
const SUSPEND: Permission = permission!("platform.tenants.suspend");
pub(super) const REQUIRED: &[Permission] = &[CREATE, READ, SUSPEND];

impl FromRow for Tenant {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            slug: row.get("slug")?,
            name: row.get("name")?,
            status: row.parse("status")?,
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

impl Tenants<'_> {
    /// Makes a tenant.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.create`, `Conflict` where the slug is taken.
    pub async fn create(self, slug: &Slug, name: &Name) -> Result<Tenant, Error> {
        let tx = self.tx;
        tx.authorize(CREATE)?;
        let (id, now) = (tx.new_id::<TenantId>(), tx.now());
        let tenant: Tenant = platform_sql!(
            tx,
            "INSERT INTO tenants (id, slug, name, status, version, created_at, updated_at)
             VALUES ($1, $2, $3, 'active', 1, $4, $4) RETURNING id, slug, name, status",
            id,
            slug,
            name,
            now
        )
        .one()
        .await?;
        let changes = serde_json::json!([{ "field": "slug", "new": slug.as_str() }]);
        tx.audit(Action::Create, "tenant", Some(id.uuid()), changes).await?;
        Ok(tenant)
    }

    /// The tenant with this slug.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.read`.
    pub async fn find_by_slug(self, slug: &Slug) -> Result<Option<Tenant>, Error> {
        self.tx.authorize(READ)?;
        platform_sql!(self.tx, "SELECT id, slug, name, status FROM tenants WHERE slug = $1", slug)
            .optional()
            .await
    }

    /// Every tenant, oldest first.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.read`.
    pub async fn all(self) -> Result<Vec<Tenant>, Error> {
        self.tx.authorize(READ)?;
        platform_sql!(self.tx, "SELECT id, slug, name, status FROM tenants ORDER BY created_at, id")
            .all()
            .await
    }

    /// Suspends a tenant, archives it, or lets it work again.
    ///
    /// # Errors
    /// `Forbidden` without `platform.tenants.suspend`, `NotFound` where there is none.
    pub async fn set_status(self, id: TenantId, status: TenantStatus) -> Result<Tenant, Error> {
        let tx = self.tx;
        tx.authorize(SUSPEND)?;
        let now = tx.now();
        let tenant: Tenant = platform_sql!(
            tx,
            "UPDATE tenants SET status = $2, updated_at = $3, version = version + 1 WHERE id = $1
             RETURNING id, slug, name, status",
            id,
            status.as_str(),
            now
        )
        .optional()
        .await?
        .ok_or_else(|| Error::not_found("a tenant"))?;
        let changes = serde_json::json!([{ "field": "status", "new": status.as_str() }]);
        tx.audit(Action::Update, "tenant", Some(id.uuid()), changes).await?;
        Ok(tenant)
    }
}
