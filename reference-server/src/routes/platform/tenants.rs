//! `/api/v1/platform/tenants`

use crate::app::App;
use crate::extract::{IfMatch, Json, Path, Query};
use crate::routes::{Answer, answer};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::tenants::{CreateTenant, ListTenants, UpdateTenant};
use mono_core::caller::Caller;
use mono_core::id::TenantId;
use mono_core::model::tenant::{Tenant, TenantStatus};
use mono_core::page::Page;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(list).post(create))
        .route("/{id}", get(read).patch(update))
        .route("/{id}/suspend", post(suspend))
        .route("/{id}/archive", post(archive))
        .route("/{id}/reactivate", post(reactivate))
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

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(body): Json<CreateTenant>,
) -> Result<(StatusCode, Answer<Tenant>), ApiError> {
    let new = body.parse()?;
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().create_from(new).await?;
    tx.commit().await?;
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
    if_match: IfMatch,
    Json(body): Json<UpdateTenant>,
) -> Result<Answer<Tenant>, ApiError> {
    let mut change = body.parse()?;
    change.version = if_match.or(change.version)?;
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
