//! Principals: everything that decides what a person may do in a tenant, read in one transaction.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::id::{AccountId, MemberId, TenantId, UserId};
use mono_core::model::auth_policy::TighterPolicy;
use mono_core::model::tenant::{Membership, TenantStatus};
use mono_core::model::user::UserStatus;
use mono_core::permission::{Assignment, Grant, Guardrail, Override, Role, Scope, Subject};
use mono_core::subscription::{self, Subscription};
use mono_core::text::Domain;
use mono_core::time::Timestamp;

/// Everything that decides what a person may do in a tenant.
#[derive(Debug)]
pub struct Principal {
    /// Whether the person may be used at all.
    pub status: UserStatus,
    /// Whether the person has a second factor in force.
    pub second_factor: bool,
    /// Roles on the whole platform.
    pub assignments: Vec<Assignment>,
    /// Patterns given or forbidden on the whole platform.
    pub grants: Vec<Grant>,
    /// The tenant that was asked for, where it exists.
    pub tenant: Option<TenantPart>,
}

/// The part of a principal that lies in one tenant.
#[derive(Debug)]
pub struct TenantPart {
    /// The tenant.
    pub tenant: TenantId,
    /// Whether the tenant may work.
    pub status: TenantStatus,
    /// The membership; platform staff may have none.
    pub member: Option<(MemberId, UserStatus)>,
    /// Roles in the tenant and its accounts.
    pub assignments: Vec<Assignment>,
    /// Patterns given or forbidden directly.
    pub grants: Vec<Grant>,
    /// What is forbidden to everybody.
    pub guardrails: Vec<Guardrail>,
    /// The accounts of the tenant that are suspended.
    pub suspended: Vec<AccountId>,
    /// The tenant's own roles.
    pub roles: Vec<Role>,
    /// What the tenant changes in roles of the platform.
    pub overrides: Vec<Override>,
    /// What the tenant has bought.
    pub subscription: Option<Subscription>,
    /// What the tenant asks for when somebody signs in.
    pub auth_policy: TighterPolicy,
    /// What was agreed otherwise, for the tenant or for some of its accounts.
    pub entitlement_overrides: Vec<subscription::Override>,
}

/// The principals of the platform. Only authentication itself reaches them.
pub struct Principals<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The principals of the platform.
    pub const fn principals(&mut self) -> Principals<'_> {
        Principals { tx: self }
    }
}

impl Principals<'_> {
    /// Reads what decides about a person, in a tenant or above all of them; `None` where there is no such person.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn load(self, user: UserId, tenant: Option<TenantId>) -> Result<Option<Principal>, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let rows = platform_sql!(
            tx,
            "SELECT u.status, f.confirmed_at FROM users u LEFT JOIN user_totp f ON f.user_id = u.id WHERE u.id = $1",
            user
        ).rows().await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let status = row.parse("status")?;
        let second_factor = row.get_optional::<Timestamp>("confirmed_at")?.is_some();
        let rows = platform_sql!(
            tx,
            "SELECT id, role_key, starts_at, ends_at FROM platform_assignments WHERE user_id = $1",
            user
        )
        .rows()
        .await?;
        let assignments = rows.iter().map(|row| platform_assignment(row, user)).collect::<Result<_, _>>()?;
        let rows = platform_sql!(
            tx,
            "SELECT id, pattern, effect, starts_at, ends_at, granted_by FROM platform_grants WHERE user_id = $1",
            user
        )
        .rows()
        .await?;
        let grants = rows.iter().map(|row| platform_grant(row, user)).collect::<Result<_, _>>()?;
        let tenant = match tenant {
            Some(tenant) => load_tenant(tx, user, tenant).await?,
            None => None,
        };
        Ok(Some(Principal { status, second_factor, assignments, grants, tenant }))
    }

    /// The tenant of the person's oldest membership that may be used.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn first_tenant(self, user: UserId) -> Result<Option<TenantId>, Error> {
        self.tx.caller().require_system()?;
        let rows = platform_sql!(
            self.tx,
            "SELECT m.tenant_id FROM members m JOIN tenants t ON t.id = m.tenant_id
             WHERE m.user_id = $1 AND m.status = 'active' AND t.status = 'active'
             ORDER BY m.created_at, m.id LIMIT 1",
            user
        )
        .rows()
        .await?;
        rows.first().map(|row| row.get("tenant_id")).transpose()
    }

    /// The tenant whose domain this is.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn tenant_of_domain(self, domain: &Domain) -> Result<Option<TenantId>, Error> {
        self.tx.caller().require_system()?;
        let rows = platform_sql!(self.tx, "SELECT id FROM tenants WHERE domain = $1", domain).rows().await?;
        rows.first().map(|row| row.get("id")).transpose()
    }

    /// The person behind a membership.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn user_of(self, tenant: TenantId, member: MemberId) -> Result<Option<UserId>, Error> {
        self.tx.caller().require_system()?;
        let rows = platform_sql!(
            self.tx,
            "SELECT user_id FROM members WHERE tenant_id = $1 AND id = $2",
            tenant,
            member
        );
        rows.rows().await?.first().map(|row| row.get("user_id")).transpose()
    }

    /// What each of the tenants asks for that a person belongs to.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn auth_policies(self, user: UserId) -> Result<Vec<TighterPolicy>, Error> {
        self.tx.caller().require_system()?;
        let rows = platform_sql!(
            self.tx,
            "SELECT p.definition FROM auth_policies p JOIN members m ON m.tenant_id = p.tenant_id
             WHERE m.user_id = $1",
            user
        );
        rows.rows().await?.iter().map(super::auth_policies::definition).collect()
    }

    /// What a tenant asks for.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn auth_policy(self, tenant: TenantId) -> Result<TighterPolicy, Error> {
        self.tx.caller().require_system()?;
        let rows =
            platform_sql!(self.tx, "SELECT definition FROM auth_policies WHERE tenant_id = $1", tenant);
        let own = rows.rows().await?.first().map(super::auth_policies::definition).transpose()?;
        Ok(own.unwrap_or_default())
    }

    /// The tenants that a person belongs to, the oldest membership first.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn memberships(self, user: UserId) -> Result<Vec<Membership>, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(
            self.tx,
            "SELECT t.id AS tenant_id, t.slug, t.name, t.status AS tenant_status, m.id AS member_id, m.status
             FROM members m JOIN tenants t ON t.id = m.tenant_id WHERE m.user_id = $1 ORDER BY m.created_at, m.id",
            user
        )
        .all()
        .await
    }
}

impl FromRow for Membership {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tenant_id: row.get("tenant_id")?,
            slug: row.get("slug")?,
            name: row.get("name")?,
            tenant_status: row.parse("tenant_status")?,
            member_id: row.get("member_id")?,
            status: row.parse("status")?,
        })
    }
}

async fn load_tenant(
    tx: &mut PlatformTx,
    user: UserId,
    tenant: TenantId,
) -> Result<Option<TenantPart>, Error> {
    let rows = platform_sql!(
        tx,
        "SELECT t.status, m.id AS member_id, m.status AS member_status, s.definition, p.definition AS policy
         FROM tenants t
         LEFT JOIN members m ON m.tenant_id = t.id AND m.user_id = $2
         LEFT JOIN subscriptions s ON s.tenant_id = t.id
         LEFT JOIN auth_policies p ON p.tenant_id = t.id
         WHERE t.id = $1",
        tenant,
        user
    )
    .rows()
    .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let member = match row.get_optional::<MemberId>("member_id")? {
        Some(id) => Some((id, row.parse("member_status")?)),
        None => None,
    };
    let subscription = row.get_optional::<serde_json::Value>("definition")?;
    let policy = row.get_optional::<serde_json::Value>("policy")?;
    let mut part = TenantPart {
        tenant,
        status: row.parse("status")?,
        member,
        assignments: Vec::new(),
        grants: Vec::new(),
        guardrails: Vec::new(),
        suspended: Vec::new(),
        roles: Vec::new(),
        overrides: Vec::new(),
        entitlement_overrides: Vec::new(),
        auth_policy: policy
            .map(serde_json::from_value)
            .transpose()
            .map_err(Error::internal)?
            .unwrap_or_default(),
        subscription: subscription.map(serde_json::from_value).transpose().map_err(Error::internal)?,
    };
    if let Some((member, _)) = member {
        part.assignments = platform_sql!(
            tx,
            "SELECT id, member_id, role_key, scope, starts_at, ends_at FROM assignments
             WHERE tenant_id = $1 AND member_id = $2",
            tenant,
            member
        )
        .all()
        .await?;
        part.grants = platform_sql!(
            tx,
            "SELECT id, member_id, pattern, effect, scope, starts_at, ends_at, granted_by FROM grants
             WHERE tenant_id = $1 AND member_id = $2",
            tenant,
            member
        )
        .all()
        .await?;
    }
    part.guardrails =
        platform_sql!(tx, "SELECT pattern, scope, reason FROM guardrails WHERE tenant_id = $1", tenant)
            .all()
            .await?;
    let suspended = platform_sql!(
        tx,
        "SELECT id FROM accounts WHERE tenant_id = $1 AND status = 'suspended' AND deleted_at IS NULL",
        tenant
    )
    .rows()
    .await?;
    part.suspended = suspended.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
    part.roles =
        platform_sql!(tx, "SELECT definition FROM tenant_roles WHERE tenant_id = $1 ORDER BY key", tenant)
            .all()
            .await?;
    part.overrides = platform_sql!(
        tx,
        "SELECT tenant_id, role_key, kind, patterns FROM role_overrides WHERE tenant_id = $1 ORDER BY role_key, kind",
        tenant
    )
    .all()
    .await?;
    part.entitlement_overrides = platform_sql!(
        tx,
        "SELECT account_id, definition FROM entitlement_overrides WHERE tenant_id = $1",
        tenant
    )
    .all()
    .await?;
    Ok(Some(part))
}

fn platform_assignment(row: &Row, user: UserId) -> Result<Assignment, Error> {
    Ok(Assignment {
        id: row.get_optional("id")?,
        subject: Some(Subject::User(user)),
        starts_at: row.get_optional("starts_at")?,
        ends_at: row.get_optional("ends_at")?,
        ..Assignment::new(row.get::<String>("role_key")?, Scope::platform())
    })
}

fn platform_grant(row: &Row, user: UserId) -> Result<Grant, Error> {
    Ok(Grant {
        id: row.get_optional("id")?,
        subject: Some(Subject::User(user)),
        effect: super::grants::effect(row)?,
        starts_at: row.get_optional("starts_at")?,
        ends_at: row.get_optional("ends_at")?,
        granted_by: row.get_optional("granted_by")?,
        ..Grant::allow(row.get::<String>("pattern")?, Scope::platform())
    })
}
