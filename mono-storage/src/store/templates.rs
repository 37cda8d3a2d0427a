//! Templates: what a new tenant starts from. They are defined in the catalogue; here a tenant is given its copies.

use super::catalogue::hold_still;
use super::definitions;
use super::versions::{Versioned, keep_new};
use crate::db::PlatformTx;
use crate::platform_sql;
use mono_core::Error;
use mono_core::audit::Action;
use mono_core::id::TenantId;
use mono_core::model::template::Template;
use mono_core::permission::Role;
use mono_core::subscription::{Key, Plan, Subscription};
use serde::Serialize;

/// The template for a tenant to be, and its plan. Asked before anything is written, so that nothing is half done.
pub(super) async fn find(tx: &mut PlatformTx, key: &Key) -> Result<(Template, Plan), Error> {
    tx.authorize(super::subscriptions::UPDATE)?;
    // Nobody changes the template, its plan or the platform's roles until the tenant has its copies.
    hold_still(tx).await?;
    let template: Template = definitions::find(tx, key).await?.ok_or_else(|| {
        Error::invalid("template", "unknown_template", format!("there is no template `{key}`"))
    })?;
    let plan: Option<Plan> = definitions::find(tx, &template.plan).await?;
    let plan = plan.ok_or_else(|| Error::internal(format!("the plan of the template {key} is gone")))?;
    Ok((template, plan))
}

/// Gives a tenant that was made in this transaction all that a template holds.
pub(super) async fn give(
    tx: &mut PlatformTx,
    tenant: TenantId,
    (template, plan): &(Template, Plan),
) -> Result<(), Error> {
    let subscription = Subscription::start(plan, tx.now());
    tx.subscriptions().set(tenant, &subscription).await?;
    for set in &template.option_sets {
        let (definition, now) = (to_value(set)?, tx.now());
        platform_sql!(
            tx,
            "INSERT INTO option_sets (tenant_id, key, definition, updated_at) VALUES ($1, $2, $3, $4)",
            tenant,
            set.key.as_str(),
            definition,
            now
        )
        .execute()
        .await?;
        record(tx, tenant, set).await?;
    }
    for schema in &template.schemas {
        let (definition, now) = (to_value(schema)?, tx.now());
        platform_sql!(
            tx,
            "INSERT INTO schemas (tenant_id, key, definition, updated_at) VALUES ($1, $2, $3, $4)",
            tenant,
            schema.key.as_str(),
            definition,
            now
        )
        .execute()
        .await?;
        record(tx, tenant, schema).await?;
    }
    for role in &template.roles {
        add_role(tx, tenant, role).await?;
    }
    // Which template it was, in the log of the platform.
    let changes = serde_json::json!([{ "field": "template", "new": template.key }]);
    tx.audit_tenant(tenant, Action::Update, super::tenants::ENTITY, tenant.uuid(), changes).await
}

async fn add_role(tx: &mut PlatformTx, tenant: TenantId, role: &Role) -> Result<(), Error> {
    let (definition, now) = (to_value(role)?, tx.now());
    platform_sql!(
        tx,
        "INSERT INTO tenant_roles (tenant_id, key, definition, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
        tenant,
        &role.key,
        definition,
        now
    )
    .execute()
    .await?;
    // A role has no id of its own: its key names it in what changed.
    tx.audit_made(tenant, super::roles::ENTITY, tenant.uuid(), role).await
}

async fn record<T: Versioned>(tx: &mut PlatformTx, tenant: TenantId, made: &T) -> Result<(), Error> {
    tx.audit_made(tenant, T::ENTITY, T::uuid(&made.id()), made).await?;
    keep_new(tx, tenant, made).await
}

fn to_value<T: Serialize>(value: &T) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value).map_err(Error::internal)
}
