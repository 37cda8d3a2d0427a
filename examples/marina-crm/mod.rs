//! A marina that keeps berths, and who is interested in them, beside what mono keeps: two tables of its own, with
//! permissions, a limit, audit, versions and isolation, on both databases.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::api::envelope::Success;
use mono_core::permission::Scope;
use mono_core::text::Name;
use mono_storage::db::{FromRow, Migration, Row, TenantTx};
use mono_storage::sql;
use mono_storage::store::Entity;
use reference_server::extract::Authenticated;
use reference_server::{App, entity_routes};
use serde::{Deserialize, Serialize};

/// The tables, step by step.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    description: "berths and interests",
    postgres: include_str!("migrations/postgres.sql"),
    sqlite: include_str!("migrations/sqlite.sql"),
}];

mono_storage::ids! {
    /// Names a berth.
    BerthId = "a berth";
    /// Names an interest.
    InterestId = "an interest";
}

/// A place for a boat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Berth {
    /// Its name: one in a marina.
    pub name: Name,
    /// The longest boat that it takes.
    pub length_cm: i64,
}
mono_storage::entity! {
    Berth { id: BerthId, name: "berth", table: "berths", permissions: "tenant.berths", limit: "berths", fields: [name, length_cm] }
}

/// Somebody who would like to have a berth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Interest {
    /// Which berth.
    pub berth_id: BerthId,
    /// The boat.
    pub boat: Name,
    /// What else was said.
    pub note: Option<String>,
}
mono_storage::entity! {
    Interest { id: InterestId, name: "interest", table: "interests", permissions: "tenant.interests", fields: [berth_id, boat, note] }
}

/// A berth and how many would like to have it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Demand {
    /// The berth.
    pub berth: Name,
    /// How many interests point at it.
    pub interests: i64,
}

impl FromRow for Demand {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { berth: row.get("name")?, interests: row.get("interests")? })
    }
}

/// The berths that are wanted most. What goes beyond one row at a time is SQL.
///
/// # Errors
/// `Forbidden` without `tenant.interests.read`.
pub async fn demand(tx: &mut TenantTx) -> Result<Vec<Demand>, Error> {
    tx.authorize(Interest::PERMISSIONS.read, &Scope::tenant(tx.tenant())).await?;
    sql!(
        tx,
        "SELECT b.name, count(*) AS interests FROM berths b
         JOIN interests i ON i.tenant_id = b.tenant_id AND i.berth_id = b.id
         WHERE b.tenant_id = $1 AND b.deleted_at IS NULL AND i.deleted_at IS NULL
         GROUP BY b.name ORDER BY interests DESC, b.name LIMIT 20"
    )
    .all()
    .await
}

/// The routes beside those of mono; give them to [`reference_server::router_with`].
pub fn routes() -> Router<App> {
    Router::new()
        .nest("/api/v1/tenant/berths", entity_routes::<Berth>())
        .nest("/api/v1/tenant/interests", entity_routes::<Interest>())
        .route("/api/v1/tenant/demand", get(read_demand))
}

async fn read_demand(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<axum::Json<Success<Vec<Demand>>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(axum::Json(Success::new(demand(&mut tx).await?)))
}
