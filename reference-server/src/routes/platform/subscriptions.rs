//! `/api/v1/platform/tenants/{id}/subscription` and `/api/v1/platform/tenants/{id}/entitlement-overrides`

use crate::app::App;
use crate::extract::{Json, NoQuery, Path, Paths};
use crate::routes::{Answer, answer};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::subscriptions::{ChangeResponse, CreateOverride};
use mono_core::id::{OverrideId, TenantId};
use mono_core::subscription::{Change, Preview, StoredOverride, Subscription};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/{id}/subscription", get(read).put(set))
        .route("/{id}/subscription/changes", post(change))
        .route("/{id}/subscription/preview", post(preview))
        .route("/{id}/entitlement-overrides", get(overrides).post(add_override))
        .route("/{id}/entitlement-overrides/{override_id}", delete(remove_override))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
) -> Result<Answer<Subscription>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.subscriptions().get(tenant).await?))
}

async fn set(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    Json(subscription): Json<Subscription>,
) -> Result<Answer<Subscription>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    tx.subscriptions().set(tenant, &subscription).await?;
    app.commit_rules(tx).await?;
    Ok(answer(subscription))
}

async fn change(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    Json(change): Json<Change>,
) -> Result<Answer<ChangeResponse>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let (subscription, preview) = tx.subscriptions().change(tenant, &change).await?;
    app.commit_rules(tx).await?;
    Ok(answer(ChangeResponse { subscription, preview }))
}

async fn preview(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    Json(change): Json<Change>,
) -> Result<Answer<Preview>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.subscriptions().preview(tenant, &change).await?))
}

async fn overrides(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    _: NoQuery,
) -> Result<Answer<Vec<StoredOverride>>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.subscriptions().overrides(tenant).await?))
}

async fn add_override(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    Json(body): Json<CreateOverride>,
) -> Result<(StatusCode, Answer<StoredOverride>), ApiError> {
    let exception = body.at(app.database.now());
    let mut tx = app.database.platform(&caller).write().await?;
    let stored = tx.subscriptions().add_override(tenant, &exception).await?;
    app.commit_rules(tx).await?;
    Ok((StatusCode::CREATED, answer(stored)))
}

async fn remove_override(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(tenant, id): Paths<TenantId, OverrideId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    tx.subscriptions().remove_override(tenant, id).await?;
    app.commit_rules(tx).await?;
    Ok(StatusCode::NO_CONTENT)
}
