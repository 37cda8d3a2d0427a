//! Answers from what the database holds.

use super::answer::Answer;
use super::arguments::{Question, TenantName};
use super::outcome::warn;
use crate::boot::open_existing;
use crate::config::Config;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::TenantId;
use mono_core::model::tenant::Tenant;
use mono_core::permission::{Engine, Override, Role, Scope, TenantRules};
use mono_core::text::Email;
use mono_core::time::{FixedClock, Timestamp};
use mono_core::{Error, ErrorKind};
use mono_storage::db::Database;
use mono_storage::store::Definitions;
use std::sync::Arc;

/// What a request of a stored person would be told.
pub(super) async fn answer(config: &Config, email: &Email, question: &Question) -> Result<Answer, Error> {
    let database = open(config, question.when.at).await?;
    let answer = ask(&database, email, question).await;
    database.close().await;
    answer
}

/// The definitions of the catalogue, and what each tenant adds to them, as they are stored.
pub(super) async fn definitions(config: &Config) -> Result<(Definitions, Vec<TenantPart>), Error> {
    let database = open(config, None).await?;
    let found = load_all(&database).await;
    database.close().await;
    found
}

/// The engine of the stored catalogue.
pub(super) async fn engine(config: &Config) -> Result<Engine, Error> {
    let database = open(config, None).await?;
    let definitions = load(&database).await;
    database.close().await;
    let (engine, _) = definitions?.compile().map_err(Error::validation)?;
    Ok(engine)
}

/// The engine of the stored catalogue, with the roles of a tenant and what the tenant changes in those of all.
pub(super) async fn engine_of(config: &Config, name: &TenantName) -> Result<(Engine, TenantId), Error> {
    let database = open(config, None).await?;
    let engine = with_tenant(&database, name).await;
    database.close().await;
    engine
}

async fn with_tenant(database: &Database, name: &TenantName) -> Result<(Engine, TenantId), Error> {
    let (engine, _) = load(database).await?.compile().map_err(Error::validation)?;
    let system = Caller::system(SystemReason::Inspection);
    let mut tx = database.platform(&system).read().await?;
    let tenant = match name {
        TenantName::Slug(slug) => tx.tenants().find_by_slug(slug).await?,
        TenantName::Id(id) => tx.tenants().all().await?.into_iter().find(|tenant| tenant.id == *id),
    };
    drop(tx);
    let tenant = tenant.ok_or_else(|| unknown("tenant", format!("there is no tenant {name}")))?;
    let changes = part_of(database, tenant).await?.rules(&engine);
    changes.problems().iter().for_each(|problem| warn(&problem.to_string()));
    let tenant = changes.tenant();
    Ok((engine.with_tenants([changes]), tenant))
}

/// What a tenant adds to the definitions of all: roles of its own, and changes in the others.
pub(super) struct TenantPart {
    pub(super) tenant: Tenant,
    pub(super) roles: Vec<Role>,
    overrides: Vec<Override>,
}

impl TenantPart {
    /// The rules that come of it.
    pub(super) fn rules(&self, engine: &Engine) -> TenantRules {
        engine.tenant_rules(self.tenant.id, self.roles.clone(), &self.overrides)
    }
}

async fn part_of(database: &Database, tenant: Tenant) -> Result<TenantPart, Error> {
    let system = Caller::system_in(SystemReason::Inspection, tenant.id);
    let mut tx = database.tenant(&system).read().await?;
    let (roles, overrides) = (tx.roles().list().await?, tx.roles().overrides().await?);
    Ok(TenantPart { tenant, roles, overrides })
}

async fn load_all(database: &Database) -> Result<(Definitions, Vec<TenantPart>), Error> {
    let system = Caller::system(SystemReason::Inspection);
    let tenants = database.platform(&system).read().await?.tenants().all().await?;
    let mut parts = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        parts.push(part_of(database, tenant).await?);
    }
    Ok((load(database).await?, parts))
}

/// Opens the database as it is at a moment. Asking a question changes nothing: no table, no demo, no key.
async fn open(config: &Config, at: Option<Timestamp>) -> Result<Database, Error> {
    let database = open_existing(config).await?;
    // All that is worked out from what is stored, such as the end of a trial, then is as it is at that moment.
    Ok(match at {
        Some(at) => database.with_clock(Arc::new(FixedClock(at))),
        None => database,
    })
}

async fn load(database: &Database) -> Result<Definitions, Error> {
    let system = Caller::system(SystemReason::Inspection);
    database.platform(&system).read().await?.catalogue().load().await
}

async fn ask(database: &Database, email: &Email, question: &Question) -> Result<Answer, Error> {
    let system = Caller::system(SystemReason::Inspection);
    let mut tx = database.platform(&system).read().await?;
    let user = tx.users().credentials(email).await?;
    let user = user.ok_or_else(|| unknown("user", format!("nobody has the address {email}")))?.user.id;
    let tenant = match &question.tenant {
        Some(slug) => {
            let tenant = tx.tenants().find_by_slug(slug).await?;
            Some(tenant.ok_or_else(|| unknown("tenant", format!("there is no tenant {slug}")))?.id)
        }
        None => None,
    };
    drop(tx);
    let scope = question.scope.or(tenant.map(Scope::tenant)).unwrap_or_else(Scope::platform);
    match mono_auth::permissions_of(database, user, tenant).await {
        Ok(set) => Ok(Answer::of(&set, &question.permission, &scope, database.now())),
        Err(error) if error.kind() == ErrorKind::Forbidden => {
            Ok(Answer::barred(&question.permission, scope, &error))
        }
        Err(error) => Err(error),
    }
}

fn unknown(field: &str, message: String) -> Error {
    Error::invalid(field, "unknown", message)
}
