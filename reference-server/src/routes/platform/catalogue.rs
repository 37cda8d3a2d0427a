//! `/api/v1/platform/plans`, and the same for add-ons, features, feature sets, limits and templates
//!
//! An item is the document that stands in a seed file, with its `snake_case` fields.

use crate::app::App;
use crate::extract::{Json, NoQuery, Path};
use crate::routes::{Answer, answer};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::Error;
use mono_core::subscription::{CatalogueItem, Key};
use mono_storage::store::Put;

/// The routes of one kind of item.
pub(crate) fn routes<T: CatalogueItem>() -> Router<App> {
    Router::new().route("/", get(list::<T>)).route("/{key}", get(read::<T>).put(put::<T>).delete(delete::<T>))
}

async fn list<T: CatalogueItem>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    _: NoQuery,
) -> Result<Answer<Vec<T>>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.catalogue().list().await?))
}

async fn read<T: CatalogueItem>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
) -> Result<Answer<T>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.catalogue().get(&key).await?))
}

async fn put<T: CatalogueItem>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
    Json(item): Json<T>,
) -> Result<(StatusCode, Answer<T>), ApiError> {
    if *item.key() != key {
        let message = format!("the address says `{key}`, the body `{}`", item.key());
        return Err(Error::invalid("key", "key_mismatch", message).into());
    }
    let mut tx = app.database.platform(&caller).write().await?;
    let put = tx.catalogue().put(&item).await?;
    app.commit_rules(tx).await?;
    let status = if put == Put::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, answer(item)))
}

async fn delete<T: CatalogueItem>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    tx.catalogue().delete::<T>(&key).await?;
    app.commit_rules(tx).await?;
    Ok(StatusCode::NO_CONTENT)
}
