//! `/api/v1/tenant/api-keys`

use crate::app::App;
use crate::extract::{Authenticated, Json, Path, Query};
use crate::routes::{Answer, answer};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use mono_auth::axum::ApiError;
use mono_core::api::api_keys::{CreateApiKey, CreatedApiKey, ListApiKeys, RotateApiKey, UpdateApiKey};
use mono_core::id::ApiKeyId;
use mono_core::model::api_key::ApiKey;
use mono_core::page::Page;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(list).post(create))
        .route("/{id}", get(read).patch(update).delete(revoke))
        .route("/{id}/rotate", post(rotate))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListApiKeys>,
) -> Result<Answer<Page<ApiKey>>, ApiError> {
    let (page, account) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.api_keys().list(account, page).await?))
}

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(body): Json<CreateApiKey>,
) -> Result<(StatusCode, Answer<CreatedApiKey>), ApiError> {
    let created = app.authenticator.create_api_key(&caller, body.parse()?).await?;
    Ok((StatusCode::CREATED, answer(created)))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ApiKeyId>,
) -> Result<Answer<ApiKey>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.api_keys().get(id).await?))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ApiKeyId>,
    Json(body): Json<UpdateApiKey>,
) -> Result<Answer<ApiKey>, ApiError> {
    let change = body.parse()?;
    let mut tx = app.database.tenant(&caller).write().await?;
    let key = tx.api_keys().update(id, change).await?;
    app.commit_rights(tx).await?;
    Ok(answer(key))
}

async fn rotate(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ApiKeyId>,
    Json(body): Json<RotateApiKey>,
) -> Result<(StatusCode, Answer<CreatedApiKey>), ApiError> {
    let created = app.authenticator.rotate_api_key(&caller, id, body.parse()?).await?;
    Ok((StatusCode::CREATED, answer(created)))
}

async fn revoke(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.api_keys().revoke(id).await?;
    app.commit_rights(tx).await?;
    Ok(StatusCode::NO_CONTENT)
}
