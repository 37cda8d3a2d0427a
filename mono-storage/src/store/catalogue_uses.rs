//! Where the tenants have what the catalogue defines.

use crate::db::{PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::id::{OverrideId, TenantId};
use mono_core::subscription::{ItemKind, Key};

/// The first few places that name a definition, such as `subscriptions.{tenant}`. A subscription names also the plans
/// that it had and the add-ons that it gave up.
pub(super) async fn find(tx: &mut PlatformTx, kind: ItemKind, key: &Key) -> Result<Vec<String>, Error> {
    let key = key.as_str();
    let (places, rows) = match kind {
        // Only other definitions name a feature set, and nothing a template: what comes of it are copies.
        ItemKind::FeatureSet | ItemKind::Template => return Ok(Vec::new()),
        ItemKind::Plan => (subscription as fn(&Row) -> _, plans(tx, key).await?),
        ItemKind::AddOn => (subscription as fn(&Row) -> _, add_ons(tx, key).await?),
        ItemKind::Feature => (exception as fn(&Row) -> _, features(tx, key).await?),
        ItemKind::Limit => (exception as fn(&Row) -> _, limits(tx, key).await?),
    };
    rows.iter().map(places).collect()
}

fn subscription(row: &Row) -> Result<String, Error> {
    Ok(format!("subscriptions.{}", row.get::<TenantId>("tenant_id")?))
}

fn exception(row: &Row) -> Result<String, Error> {
    let (tenant, id): (TenantId, OverrideId) = (row.get("tenant_id")?, row.get("id")?);
    Ok(format!("entitlement_overrides.{tenant}.{id}"))
}

async fn plans(tx: &mut PlatformTx, key: &str) -> Result<Vec<Row>, Error> {
    platform_sql!(
        tx,
        pg: "SELECT tenant_id FROM subscriptions WHERE plan_key = $1 OR definition ->> 'plan' = $1 OR EXISTS
                 (SELECT 1 FROM jsonb_array_elements(definition -> 'plan_changes') AS later (item) WHERE item ->> 'plan' = $1)
             ORDER BY tenant_id LIMIT 10",
        lite: "SELECT tenant_id FROM subscriptions WHERE plan_key = $1 OR definition ->> '$.plan' = $1 OR EXISTS
                 (SELECT 1 FROM json_each(definition, '$.plan_changes') AS later WHERE later.value ->> '$.plan' = $1)
             ORDER BY tenant_id LIMIT 10",
        key
    )
    .rows()
    .await
}

async fn add_ons(tx: &mut PlatformTx, key: &str) -> Result<Vec<Row>, Error> {
    platform_sql!(
        tx,
        pg: "SELECT tenant_id FROM subscriptions WHERE EXISTS
                 (SELECT 1 FROM jsonb_array_elements(definition -> 'add_ons') AS bought (item) WHERE item ->> 'add_on' = $1)
             ORDER BY tenant_id LIMIT 10",
        lite: "SELECT tenant_id FROM subscriptions WHERE EXISTS
                 (SELECT 1 FROM json_each(definition, '$.add_ons') AS bought WHERE bought.value ->> '$.add_on' = $1)
             ORDER BY tenant_id LIMIT 10",
        key
    )
    .rows()
    .await
}

async fn features(tx: &mut PlatformTx, key: &str) -> Result<Vec<Row>, Error> {
    platform_sql!(
        tx,
        pg: "SELECT tenant_id, id FROM entitlement_overrides
             WHERE definition #>> '{change,feature,feature}' = $1 ORDER BY tenant_id, id LIMIT 10",
        lite: "SELECT tenant_id, id FROM entitlement_overrides
             WHERE definition ->> '$.change.feature.feature' = $1 ORDER BY tenant_id, id LIMIT 10",
        key
    )
    .rows()
    .await
}

async fn limits(tx: &mut PlatformTx, key: &str) -> Result<Vec<Row>, Error> {
    platform_sql!(
        tx,
        pg: "SELECT tenant_id, id FROM entitlement_overrides
             WHERE definition #>> '{change,limit,limit}' = $1 ORDER BY tenant_id, id LIMIT 10",
        lite: "SELECT tenant_id, id FROM entitlement_overrides
             WHERE definition ->> '$.change.limit.limit' = $1 ORDER BY tenant_id, id LIMIT 10",
        key
    )
    .rows()
    .await
}
