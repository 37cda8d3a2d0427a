//! `/api/v1/tenant/option-sets`

use crate::app::App;
use crate::extract::{Authenticated, Json, NoQuery, Path};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Tagged, answer, commit_gone, commit_with, history, tagged};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::model::schema::OptionSet;
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::subscription::Key;
use mono_storage::store::Put;
use serde_json::json;

const READ: Permission = permission!("tenant.schemas.read");
const UPDATE: Permission = permission!("tenant.schemas.update");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/", list, about("List the option sets of the tenant").needs(READ))
        .get("/{key}", read, about("Read an option set").needs(READ))
        .put(
            "/{key}",
            put,
            about("Put an option set in place")
                .compares_version()
                .needs(UPDATE)
                .example(
                    json!({"key": "hair", "name": "Hair", "options": [{"value": "brown", "label": "Brown"}]}),
                )
                .answers::<200, OptionSet>(),
        )
        .delete(
            "/{key}",
            delete,
            about("Delete an option set")
                .compares_version()
                .needs(UPDATE)
                .says("One that is used is a conflict."),
        )
        .merge(history::routes_with_revert::<OptionSet>("option set", &[READ], &[UPDATE]))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    _: NoQuery,
) -> Result<Answer<Vec<OptionSet>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.option_sets().list().await?))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
) -> Result<Tagged<OptionSet>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let item = tx.option_sets().get(&key).await?;
    Ok(tagged(tx.history::<OptionSet>(&key).await?.latest().await?, item))
}

async fn put(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
    Json(item): Json<OptionSet>,
) -> Result<(StatusCode, Answer<OptionSet>), ApiError> {
    if item.key != key {
        let message = format!("the address says `{key}`, the body `{}`", item.key);
        return Err(Error::invalid("key", "key_mismatch", message).into());
    }
    let mut tx = app.database.tenant(&caller).write().await?;
    let put = tx.option_sets().put(&item).await?;
    let status = if put == Put::Created { StatusCode::CREATED } else { StatusCode::OK };
    commit_with(tx, status, item).await
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.option_sets().delete(&key).await?;
    commit_gone(tx).await
}
