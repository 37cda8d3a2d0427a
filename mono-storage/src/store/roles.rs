//! Roles: those that a tenant makes itself, and what it changes in those of the platform.

use super::granting::Rules;
use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::id::TenantId;
use mono_core::permission::{Engine, Override, OverrideKind, Pattern, Permission, Role, Scope};
use mono_core::{Error, ErrorKind, permission};

const CREATE: Permission = permission!("tenant.roles.create");
const READ: Permission = permission!("tenant.roles.read");
pub(super) const UPDATE: Permission = permission!("tenant.roles.update");
const DELETE: Permission = permission!("tenant.roles.delete");
pub(super) const REQUIRED: &[Permission] = &[CREATE, READ, UPDATE, DELETE];

pub(super) const ENTITY: &str = "role";

impl FromRow for Role {
    fn from_row(row: &Row) -> Result<Self, Error> {
        serde_json::from_value(row.get("definition")?).map_err(Error::internal)
    }
}

impl FromRow for Override {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            role: row.get("role_key")?,
            tenant: row.get("tenant_id")?,
            kind: row.parse("kind")?,
            patterns: serde_json::from_value(row.get("patterns")?).map_err(Error::internal)?,
        })
    }
}

/// How many roles of its own a tenant has at most: each request in it compiles them.
const MOST: usize = 100;

/// The roles of a tenant.
pub struct Roles<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The roles of the tenant.
    pub const fn roles(&mut self) -> Roles<'_> {
        Roles { tx: self }
    }
}

impl Roles<'_> {
    /// Makes a role of the tenant's own.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.create`, or with code `not_held` where the role would give anything that the
    /// caller does not hold in the whole tenant; `Validation` with everything that is wrong with the role; `Conflict`
    /// where the key is taken by a role of the tenant or of the platform, and with code `too_many` beyond 100 roles.
    pub async fn create(self, role: Role) -> Result<Role, Error> {
        let tx = self.tx;
        tx.authorize(CREATE, &Scope::tenant(tx.tenant())).await?;
        let mut rules = tx.rules().await?;
        if rules.roles.iter().any(|other| other.key == role.key) {
            return Err(taken("tenant", &role.key));
        }
        if rules.roles.len() >= MOST {
            let message = format!("a tenant has at most {MOST} roles of its own");
            return Err(Error::new(ErrorKind::Conflict, "too_many", message));
        }
        rules.roles.push(role.clone());
        check(tx, &role, &rules)?;
        let now = tx.now();
        let definition = serde_json::to_value(&role).map_err(Error::internal)?;
        sql!(
            tx,
            "INSERT INTO tenant_roles (tenant_id, key, definition, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
            &role.key,
            definition,
            now
        )
        .execute()
        .await?;
        audit(tx, Action::Create, None, Some(&role)).await?;
        Ok(role)
    }

    /// Changes a role of the tenant's own.
    ///
    /// # Errors
    /// As [`create`](Self::create) with `tenant.roles.update`; `NotFound` where the tenant has no such role; `Conflict`
    /// with code `locks_out` where the caller could not change roles afterwards. What the role gave before has to be held
    /// too: nobody empties the role of their superiors.
    pub async fn update(self, role: Role) -> Result<Role, Error> {
        let tx = self.tx;
        tx.authorize(UPDATE, &Scope::tenant(tx.tenant())).await?;
        let mut rules = tx.rules().await?;
        let place = rules.roles.iter_mut().find(|other| other.key == role.key).ok_or_else(not_found)?;
        let old = std::mem::replace(place, role.clone());
        rules.require_role(&old.key, &Scope::tenant(tx.tenant()), None, tx.now())?;
        check(tx, &role, &rules)?;
        rules.require_way_back(tx.tenant(), tx.now())?;
        let now = tx.now();
        let definition = serde_json::to_value(&role).map_err(Error::internal)?;
        sql!(
            tx,
            "UPDATE tenant_roles SET definition = $3, updated_at = $4 WHERE tenant_id = $1 AND key = $2",
            &role.key,
            definition,
            now
        )
        .execute()
        .await?;
        audit(tx, Action::Update, Some(&old), Some(&role)).await?;
        Ok(role)
    }

    /// Deletes a role of the tenant's own that nobody has.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.delete`; `NotFound` where the tenant has no such role; `Conflict` with code
    /// `role_in_use` while somebody has it, an invitation brings it, or another role inherits it.
    pub async fn delete(self, key: &str) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(DELETE, &Scope::tenant(tx.tenant())).await?;
        let rules = tx.rules().await?;
        let old = rules.roles.iter().find(|role| role.key == key).ok_or_else(not_found)?;
        rules.require_role(key, &Scope::tenant(tx.tenant()), None, tx.now())?;
        let assigned =
            sql!(tx, "SELECT id FROM assignments WHERE tenant_id = $1 AND role_key = $2 LIMIT 1", key).rows();
        if !assigned.await?.is_empty()
            || super::invitations::brings(tx, key).await?
            || rules.roles.iter().any(|role| role.parents.iter().any(|parent| parent == key))
        {
            let message = format!(
                "the role {key} is given to somebody, brought by an invitation, or inherited by another role"
            );
            return Err(Error::new(ErrorKind::Conflict, "role_in_use", message));
        }
        sql!(tx, "DELETE FROM tenant_roles WHERE tenant_id = $1 AND key = $2", key).execute().await?;
        audit(tx, Action::Delete, Some(old), None).await
    }

    /// The tenant's own roles, by key.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.read`.
    pub async fn list(self) -> Result<Vec<Role>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        load(tx).await
    }

    /// Changes a role of the platform within this tenant: adds patterns, takes some away, or puts others in place of
    /// its own. It stands in place of an earlier change of the same kind.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.update`, or with code `not_held` where the caller does not hold what is added,
    /// or not all that the role gives; `Validation` with everything that is wrong with the patterns; `Conflict` with code
    /// `locks_out` where the caller could not change roles afterwards.
    pub async fn set_override(
        self,
        role: &str,
        kind: OverrideKind,
        patterns: &[Pattern],
    ) -> Result<Override, Error> {
        let tx = self.tx;
        let whole = Scope::tenant(tx.tenant());
        tx.authorize(UPDATE, &whole).await?;
        if patterns.len() > Override::MOST_PATTERNS {
            let message = format!("there are {} of at most {}", patterns.len(), Override::MOST_PATTERNS);
            return Err(Error::invalid("patterns", "too_long", message));
        }
        let mut rules = tx.rules().await?;
        let platform = |engine: &Engine| engine.roles().iter().any(|system| system.key == role);
        if !rules.engine().is_none_or(platform) {
            let message = "the platform has no such role; the tenant's own are changed directly";
            return Err(Error::invalid("role", "unknown_role", message));
        }
        rules.require_role(role, &whole, None, tx.now())?;
        for pattern in patterns {
            if pattern.is_outside_tenant() {
                let message = format!("{} reaches outside of the tenant", pattern.as_str());
                return Err(Error::invalid("patterns", "outside_tenant", message));
            }
            rules.require_pattern(pattern, &whole, None, tx.now())?;
        }
        let old = find(&rules.overrides, role, kind).cloned();
        if let Some(old) = &old {
            require_what_comes_back(tx, &rules, old)?;
        }
        let change = Override {
            role: role.to_owned(),
            tenant: tx.tenant(),
            kind,
            patterns: patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
        };
        rules.overrides.retain(|other| !(other.role == role && other.kind == kind));
        rules.overrides.push(change.clone());
        require_rules(tx, &rules)?;
        rules.require_way_back(tx.tenant(), tx.now())?;
        let patterns = serde_json::to_value(&change.patterns).map_err(Error::internal)?;
        let now = tx.now();
        sql!(
            tx,
            "INSERT INTO role_overrides (tenant_id, role_key, kind, patterns, updated_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant_id, role_key, kind) DO UPDATE SET patterns = $4, updated_at = $5",
            role,
            kind.as_str(),
            patterns,
            now
        )
        .execute()
        .await?;
        tx.audit_change(Action::Update, "role_override", tx.tenant(), old.as_ref(), Some(&change)).await?;
        Ok(change)
    }

    /// Takes a change of a role of the platform back.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.update`, or with code `not_held` where the caller does not hold what comes
    /// back; `NotFound` where there is no such change; `Conflict` as for [`set_override`](Self::set_override).
    pub async fn remove_override(self, role: &str, kind: OverrideKind) -> Result<(), Error> {
        let tx = self.tx;
        let whole = Scope::tenant(tx.tenant());
        tx.authorize(UPDATE, &whole).await?;
        let mut rules = tx.rules().await?;
        let no_override = || Error::not_found("an override");
        let old = find(&rules.overrides, role, kind).cloned().ok_or_else(no_override)?;
        rules.require_role(role, &whole, None, tx.now())?;
        require_what_comes_back(tx, &rules, &old)?;
        rules.overrides.retain(|other| *other != old);
        rules.require_way_back(tx.tenant(), tx.now())?;
        sql!(
            tx,
            "DELETE FROM role_overrides WHERE tenant_id = $1 AND role_key = $2 AND kind = $3",
            role,
            kind.as_str()
        )
        .execute()
        .await?;
        tx.audit_change(Action::Update, "role_override", tx.tenant(), Some(&old), None).await
    }

    /// What the tenant changes in roles of the platform.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.read`.
    pub async fn overrides(self) -> Result<Vec<Override>, Error> {
        let tx = self.tx;
        tx.authorize(READ, &Scope::tenant(tx.tenant())).await?;
        load_overrides(tx).await
    }
}

pub(super) async fn load(tx: &mut TenantTx) -> Result<Vec<Role>, Error> {
    sql!(tx, "SELECT definition FROM tenant_roles WHERE tenant_id = $1 ORDER BY key").all().await
}

pub(super) async fn load_overrides(tx: &mut TenantTx) -> Result<Vec<Override>, Error> {
    sql!(
        tx,
        "SELECT tenant_id, role_key, kind, patterns FROM role_overrides WHERE tenant_id = $1 ORDER BY role_key, kind"
    )
    .all()
    .await
}

fn find<'r>(overrides: &'r [Override], role: &str, kind: OverrideKind) -> Option<&'r Override> {
    overrides.iter().find(|other| other.role == role && other.kind == kind)
}

/// Whether the caller holds what comes back when a change of a role goes: what a restriction took from it, and what the
/// platform's own definition gives.
fn require_what_comes_back(tx: &TenantTx, rules: &Rules, old: &Override) -> Result<(), Error> {
    let system = rules.engine().into_iter().flat_map(Engine::roles).filter(|role| role.key == old.role);
    for pattern in old.patterns.iter().chain(system.flat_map(|role| &role.allow)) {
        rules.require_pattern(&Pattern::parse(pattern)?, &Scope::tenant(tx.tenant()), None, tx.now())?;
    }
    Ok(())
}

/// Whether a role of the tenant's own is well formed, and gives nothing that its maker does not hold.
fn check(tx: &TenantTx, role: &Role, rules: &Rules) -> Result<(), Error> {
    let whole = Scope::tenant(tx.tenant());
    require_rules(tx, rules)?;
    let problems = role.problems_in_tenant();
    if !problems.is_empty() {
        return Err(Error::validation(problems));
    }
    for text in &role.allow {
        rules.require_pattern(&Pattern::parse(text)?, &whole, None, tx.now())?;
    }
    for parent in &role.parents {
        rules.require_role(parent, &whole, None, tx.now())?;
    }
    Ok(())
}

/// Whether the engine can put the rules in force; asked where they are written, so that a running server never has to
/// leave one out.
fn require_rules(tx: &TenantTx, rules: &Rules) -> Result<(), Error> {
    let Some(engine) = rules.engine() else { return Ok(()) };
    let ours = rules.roles.iter().find(|role| engine.roles().iter().any(|system| system.key == role.key));
    if let Some(role) = ours {
        return Err(taken("platform", &role.key));
    }
    let compiled = engine.tenant_rules(tx.tenant(), rules.roles.clone(), &rules.overrides);
    if compiled.problems().is_empty() { Ok(()) } else { Err(Error::validation(compiled.problems().to_vec())) }
}

/// A role has no id of its own: its key names it in what changed.
async fn audit(
    tx: &mut TenantTx,
    action: Action,
    old: Option<&Role>,
    new: Option<&Role>,
) -> Result<(), Error> {
    let tenant: TenantId = tx.tenant();
    tx.audit_change(action, ENTITY, tenant, old, new).await
}

fn taken(whose: &str, key: &str) -> Error {
    Error::new(ErrorKind::Conflict, "already_exists", format!("the {whose} has a role {key}"))
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "not_found", "the tenant has no such role")
}
