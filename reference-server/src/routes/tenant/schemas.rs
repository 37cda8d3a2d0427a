//! `/api/v1/tenant/schemas`

use crate::app::App;
use crate::extract::{Authenticated, Json, NoQuery, Path};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Tagged, answer, commit_gone, commit_with, history, tagged};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::model::schema::Schema;
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::subscription::Key;
use mono_storage::store::Put;
use serde_json::json;

const READ: Permission = permission!("tenant.schemas.read");
const UPDATE: Permission = permission!("tenant.schemas.update");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/", list, about("List the schemas of the tenant").needs(READ))
        .get("/{key}", read, about("Read a schema").needs(READ))
        .put(
            "/{key}",
            put,
            about("Put a schema in place")
                .compares_version()
                .needs(UPDATE)
                .example(json!({
                    "key": "model",
                    "name": "Model",
                    "fields": [{"key": "height",
                    "name": "Height",
                    "type": "number"}],
                }))
                .answers::<200, Schema>(),
        )
        .delete(
            "/{key}",
            delete,
            about("Delete a schema").compares_version().needs(UPDATE).says("One that is used is a conflict."),
        )
        .merge(history::routes_with_revert::<Schema>("schema", &[READ], &[UPDATE]))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    _: NoQuery,
) -> Result<Answer<Vec<Schema>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.schemas().list().await?))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
) -> Result<Tagged<Schema>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let item = tx.schemas().get(&key).await?;
    Ok(tagged(tx.history::<Schema>(&key).await?.latest().await?, item))
}

async fn put(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
    Json(item): Json<Schema>,
) -> Result<(StatusCode, Answer<Schema>), ApiError> {
    if item.key != key {
        let message = format!("the address says `{key}`, the body `{}`", item.key);
        return Err(Error::invalid("key", "key_mismatch", message).into());
    }
    let mut tx = app.database.tenant(&caller).write().await?;
    let put = tx.schemas().put(&item).await?;
    let status = if put == Put::Created { StatusCode::CREATED } else { StatusCode::OK };
    commit_with(tx, status, item).await
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.schemas().delete(&key).await?;
    commit_gone(tx).await
}
