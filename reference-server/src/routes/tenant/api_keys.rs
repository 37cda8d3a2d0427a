//! `/api/v1/tenant/api-keys`

use crate::app::App;
use crate::extract::{Authenticated, Json, Path, Query};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Tagged, answer, commit, commit_gone, tagged};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::ErrorKind;
use mono_core::api::api_keys::{CreateApiKey, CreatedApiKey, ListApiKeys, RotateApiKey, UpdateApiKey};
use mono_core::id::ApiKeyId;
use mono_core::model::api_key::ApiKey;
use mono_core::page::Page;
use mono_core::permission;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/",
            list,
            about("List the API keys")
                .needs_one_of(&[permission!("tenant.api_keys.read"), permission!("account.api_keys.read")])
                .says("With `accountId`, those of one account."),
        )
        .post(
            "/",
            create,
            about("Make an API key")
                .fails(ErrorKind::NotFound)
                .needs_one_of(&[
                    permission!("tenant.api_keys.create"),
                    permission!("account.api_keys.create"),
                ])
                .says("The key itself stands in this answer and nowhere else.")
                .example(json!({"name": "Reports", "scopes": ["tenant.accounts.read"]})),
        )
        .get(
            "/{id}",
            read,
            about("Read an API key, without the key itself")
                .needs_one_of(&[permission!("tenant.api_keys.read"), permission!("account.api_keys.read")]),
        )
        .patch(
            "/{id}",
            update,
            about("Change the name or the scopes of an API key")
                .compares_version()
                .needs_one_of(&[
                    permission!("tenant.api_keys.update"),
                    permission!("account.api_keys.update"),
                ])
                .example(json!({"name": "Reports"})),
        )
        .delete(
            "/{id}",
            revoke,
            about("Revoke an API key")
                .compares_version()
                .needs_one_of(&[
                    permission!("tenant.api_keys.delete"),
                    permission!("account.api_keys.delete"),
                ])
                .says("It works no more, from the next request on."),
        )
        .post(
            "/{id}/rotate",
            rotate,
            about("Make a new API key in place of one")
                .compares_version()
                .needs_one_of(&[
                    permission!("tenant.api_keys.create"),
                    permission!("account.api_keys.create"),
                ])
                .says("The old one works on for a while.")
                .example(json!({"overlapSeconds": 3600})),
        )
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
) -> Result<Tagged<ApiKey>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let key = tx.api_keys().get(id).await?;
    Ok(tagged(key.version, key))
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
    commit(tx, key).await
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
    commit_gone(tx).await
}
