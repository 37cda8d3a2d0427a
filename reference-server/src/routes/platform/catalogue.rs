//! `/api/v1/platform/plans`, and the same for add-ons, features, feature sets, limits and templates
//!
//! An item is the document that stands in a seed file, with its `snake_case` fields.

use crate::app::App;
use crate::extract::{Json, NoQuery, Path};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit_gone, commit_with};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::Error;
use mono_core::subscription::{CatalogueItem, ItemKind, Key};
use mono_storage::store::{Put, catalogue_rights};
use schemars::JsonSchema;
use serde_json::{Value, json};

/// The routes of one kind of item.
pub(crate) fn routes<T: CatalogueItem + JsonSchema>() -> Routes {
    let noun = T::KIND.name().replace('_', " ");
    let rights = catalogue_rights(T::KIND);
    Routes::new()
        .get("/", list::<T>, about(format!("List every {noun} of the catalogue")).needs(rights.read))
        .get("/{key}", read::<T>, about(format!("Read a {noun}")).needs(rights.read))
        .put(
            "/{key}",
            put::<T>,
            about(format!("Put a {noun} in place"))
                .needs(rights.read)
                .needs_one_of(&[rights.create, rights.update])
                .says("The body is the document that stands in a seed file.")
                .example(example(T::KIND))
                .answers::<200, T>(),
        )
        .delete(
            "/{key}",
            delete::<T>,
            about(format!("Delete a {noun}")).needs(rights.delete).says("One that is used is a conflict."),
        )
}

/// An item of each kind.
fn example(kind: ItemKind) -> Value {
    let price = json!({ "amount": 4900, "currency": "EUR", "interval": "month" });
    match kind {
        ItemKind::Feature => json!({ "key": "reports", "name": "Reports", "kind": "boolean" }),
        ItemKind::FeatureSet => json!({ "key": "insight", "name": "Insight", "features": ["reports"] }),
        ItemKind::Limit => json!({ "key": "reports", "name": "Reports", "unit": "piece", "category": "other",
            "default": 10, "window": "month", "enforcement": "hard" }),
        ItemKind::Plan => json!({ "key": "team", "name": "Team", "price": price }),
        ItemKind::AddOn => json!({ "key": "more_reports", "name": "More reports", "price": price }),
        ItemKind::Template => json!({ "key": "agency", "name": "Agency", "plan": "team" }),
    }
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
    let status = if put == Put::Created { StatusCode::CREATED } else { StatusCode::OK };
    commit_with(tx, status, item).await
}

async fn delete<T: CatalogueItem>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(key): Path<Key>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    tx.catalogue().delete::<T>(&key).await?;
    commit_gone(tx).await
}
