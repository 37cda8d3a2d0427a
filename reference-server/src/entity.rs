//! The routes of an application's own entity, the same for each.

use crate::app::App;
use crate::bulk::{self, Items};
use crate::extract::{Authenticated, Json, Path, Query};
use crate::routes::{Tagged, commit, commit_created, commit_gone, history, tagged};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::api::bulk::{BulkChange, BulkResults};
use mono_core::api::envelope::Success;
use mono_core::api::object::object;
use mono_core::caller::Caller;
use mono_core::page::{Page, PageRequest, Slice, SliceRequest};
use mono_storage::db::TenantTx;
use mono_storage::store::{Entity, Stored};
use serde::Deserialize;

type Answer<T> = Result<axum::Json<Success<T>>, ApiError>;

/// The routes of an entity: `GET` and `POST` for all, `GET`, `PUT` and `DELETE` for one under `/{id}`, and `POST
/// /{id}/restore`. `PUT` takes the fields under `fields` and the version that was seen under `version`. `POST /bulk` makes
/// up to 100 at once, and `PATCH /bulk` changes them. `GET /by-cursor` lists
/// them with a cost that does not grow with depth. Below `/{id}/versions` are the versions of one, what differs between
/// two, and the way back to one.
pub fn entity_routes<E: Entity>() -> Router<App> {
    Router::new()
        .route("/", get(list::<E>).post(create::<E>))
        .route("/by-cursor", get(scroll::<E>))
        .route("/bulk", post(create_many::<E>).patch(update_many::<E>))
        .route("/{id}", get(read::<E>).put(update::<E>).delete(delete::<E>))
        .route("/{id}/restore", post(restore::<E>))
        .merge(history::router::<Stored<E>>())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    page: Option<u32>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScrollQuery {
    cursor: Option<String>,
    limit: Option<u32>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "E: Deserialize<'de>"))]
struct Update<E> {
    version: i64,
    #[serde(deserialize_with = "object")]
    fields: E,
}

fn answer<T>(data: T) -> axum::Json<Success<T>> {
    axum::Json(Success::new(data))
}

async fn list<E: Entity>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListQuery>,
) -> Answer<Page<Stored<E>>> {
    let page = PageRequest::parse(query.page, query.limit)?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.entities::<E>().list(page).await?))
}

async fn scroll<E: Entity>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ScrollQuery>,
) -> Answer<Slice<Stored<E>>> {
    let slice = SliceRequest::parse(query.cursor.as_deref(), query.limit)?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.entities::<E>().list_after(slice).await?))
}

async fn create<E: Entity>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(fields): Json<E>,
) -> Result<(StatusCode, axum::Json<Success<Stored<E>>>), ApiError> {
    let (tx, made) = create_one(&app, &caller, fields).await?;
    commit_created(tx, made).await
}

async fn create_many<E: Entity>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<E>,
) -> axum::Json<Success<BulkResults<Stored<E>>>> {
    bulk::each(items, StatusCode::CREATED, |fields| bulk::committed(create_one(&app, &caller, fields))).await
}

async fn create_one<E: Entity>(
    app: &App,
    caller: &Caller,
    fields: E,
) -> Result<(TenantTx, Stored<E>), Error> {
    let mut tx = app.database.tenant(caller).write().await?;
    let stored = tx.entities::<E>().create(fields).await?;
    Ok((tx, stored))
}

async fn read<E: Entity>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<E::Id>,
) -> Result<Tagged<Stored<E>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let stored = tx.entities::<E>().get(id).await?;
    Ok(tagged(stored.version, stored))
}

async fn update<E: Entity>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<E::Id>,
    Json(body): Json<Update<E>>,
) -> Answer<Stored<E>> {
    let (tx, changed) = update_one(&app, &caller, id, body).await?;
    commit(tx, changed).await
}

async fn update_many<E: Entity>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<BulkChange<Update<E>>>,
) -> axum::Json<Success<BulkResults<Stored<E>>>> {
    let (app, caller) = (&app, &caller);
    bulk::each(items, StatusCode::OK, async |BulkChange { id, change }| {
        bulk::committed(update_one(app, caller, id.parse()?, change)).await
    })
    .await
}

async fn update_one<E: Entity>(
    app: &App,
    caller: &Caller,
    id: E::Id,
    body: Update<E>,
) -> Result<(TenantTx, Stored<E>), Error> {
    let mut tx = app.database.tenant(caller).write().await?;
    let stored = tx.entities::<E>().update(id, body.version, body.fields).await?;
    Ok((tx, stored))
}

async fn delete<E: Entity>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<E::Id>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.entities::<E>().delete(id).await?;
    commit_gone(tx).await
}

async fn restore<E: Entity>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<E::Id>,
) -> Answer<Stored<E>> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let stored = tx.entities::<E>().restore(id).await?;
    commit(tx, stored).await
}
