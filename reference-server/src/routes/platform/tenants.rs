//! `/api/v1/platform/tenants`

use crate::app::App;
use crate::extract::{Json, Path, Query, VersionPath};
use crate::routes::{Answer, answer};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::api::tenants::{CreateTenant, ListTenants, ScrollTenants, UpdateTenant};
use mono_core::audit::FieldChange;
use mono_core::caller::Caller;
use mono_core::history::Version;
use mono_core::id::TenantId;
use mono_core::model::tenant::{Tenant, TenantStatus};
use mono_core::page::{Page, PageRequest, Slice};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(list).post(create))
        .route("/by-cursor", get(scroll))
        .route("/{id}", get(read).patch(update))
        .route("/{id}/suspend", post(suspend))
        .route("/{id}/archive", post(archive))
        .route("/{id}/reactivate", post(reactivate))
        .route("/{id}/versions", get(versions))
        .route("/{id}/versions/diff", get(diff))
        .route("/{id}/versions/{version}", get(version))
        .route("/{id}/versions/{version}/revert", post(revert))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListTenants>,
) -> Result<Answer<Page<Tenant>>, ApiError> {
    let (page, filter) = query.parse()?;
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().list(&filter, page).await?))
}

async fn scroll(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ScrollTenants>,
) -> Result<Answer<Slice<Tenant>>, ApiError> {
    let (slice, filter) = query.parse()?;
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().list_after(&filter, slice).await?))
}

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(body): Json<CreateTenant>,
) -> Result<(StatusCode, Answer<Tenant>), ApiError> {
    let new = body.parse()?;
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().create_from(new).await?;
    app.commit_rules(tx).await?;
    Ok((StatusCode::CREATED, answer(tenant)))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
) -> Result<Answer<Tenant>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().get(id).await?))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
    Json(body): Json<UpdateTenant>,
) -> Result<Answer<Tenant>, ApiError> {
    let change = body.parse()?;
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().update(id, change).await?;
    tx.commit().await?;
    Ok(answer(tenant))
}

async fn suspend(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
) -> Result<Answer<Tenant>, ApiError> {
    set_status(&app, &caller, id, TenantStatus::Suspended).await
}

async fn archive(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
) -> Result<Answer<Tenant>, ApiError> {
    set_status(&app, &caller, id, TenantStatus::Archived).await
}

async fn reactivate(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
) -> Result<Answer<Tenant>, ApiError> {
    set_status(&app, &caller, id, TenantStatus::Active).await
}

async fn set_status(
    app: &App,
    caller: &Caller,
    id: TenantId,
    status: TenantStatus,
) -> Result<Answer<Tenant>, ApiError> {
    let mut tx = app.database.platform(caller).write().await?;
    let tenant = tx.tenants().set_status(id, status).await?;
    app.commit_rules(tx).await?;
    Ok(answer(tenant))
}

async fn versions(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
    Query(query): Query<ListVersions>,
) -> Result<Answer<Page<Version<Tenant>>>, ApiError> {
    let page = PageRequest::parse(query.page, query.limit)?;
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().history(id).await?.list(page).await?))
}

async fn version(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    VersionPath(id, version): VersionPath<TenantId>,
) -> Result<Answer<Version<Tenant>>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().history(id).await?.version(version).await?))
}

async fn diff(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
    Query(query): Query<CompareVersions>,
) -> Result<Answer<Vec<FieldChange>>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().history(id).await?.diff(query.from, query.to).await?))
}

async fn revert(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    VersionPath(id, version): VersionPath<TenantId>,
) -> Result<Answer<Tenant>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().revert(id, version, None).await?;
    tx.commit().await?;
    Ok(answer(tenant))
}
