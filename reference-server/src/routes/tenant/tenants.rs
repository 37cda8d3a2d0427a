//! `/api/v1/tenant`: the tenant that the caller works in

use crate::app::App;
use crate::extract::{Authenticated, IfMatch, Json};
use crate::routes::{Answer, answer};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use mono_auth::axum::ApiError;
use mono_core::api::tenants::UpdateOwnTenant;
use mono_core::model::tenant::Tenant;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(read).patch(update))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<Answer<Tenant>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().own().await?;
    tx.commit().await?;
    Ok(answer(tenant))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    if_match: IfMatch,
    Json(body): Json<UpdateOwnTenant>,
) -> Result<Answer<Tenant>, ApiError> {
    let mut change = body.parse()?;
    change.version = if_match.or(change.version)?;
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().update_own(change).await?;
    tx.commit().await?;
    Ok(answer(tenant))
}
