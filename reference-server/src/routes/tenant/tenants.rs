//! `/api/v1/tenant`: the tenant that the caller works in

use crate::app::App;
use crate::extract::{Authenticated, Json, Path, Query, VersionNumber};
use crate::routes::{Answer, answer};
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use mono_auth::axum::ApiError;
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::api::tenants::UpdateOwnTenant;
use mono_core::audit::FieldChange;
use mono_core::history::Version;
use mono_core::model::tenant::Tenant;
use mono_core::page::{Page, PageRequest};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(read).patch(update))
        .route("/versions", get(versions))
        .route("/versions/diff", get(diff))
        .route("/versions/{version}", get(version))
        .route("/versions/{version}/revert", post(revert))
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
    Json(body): Json<UpdateOwnTenant>,
) -> Result<Answer<Tenant>, ApiError> {
    let change = body.parse()?;
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().update_own(change).await?;
    tx.commit().await?;
    Ok(answer(tenant))
}

async fn versions(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListVersions>,
) -> Result<Answer<Page<Version<Tenant>>>, ApiError> {
    let page = PageRequest::parse(query.page, query.limit)?;
    let mut tx = app.database.platform(&caller).write().await?;
    let versions = tx.tenants().own_history().await?.list(page).await?;
    tx.commit().await?;
    Ok(answer(versions))
}

async fn version(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(VersionNumber(version)): Path<VersionNumber>,
) -> Result<Answer<Version<Tenant>>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let version = tx.tenants().own_history().await?.version(version).await?;
    tx.commit().await?;
    Ok(answer(version))
}

async fn diff(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<CompareVersions>,
) -> Result<Answer<Vec<FieldChange>>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let changes = tx.tenants().own_history().await?.diff(query.from, query.to).await?;
    tx.commit().await?;
    Ok(answer(changes))
}

async fn revert(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(VersionNumber(version)): Path<VersionNumber>,
) -> Result<Answer<Tenant>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().revert_own(version, None).await?;
    tx.commit().await?;
    Ok(answer(tenant))
}
