//! `/api/v1/tenant/accounts`

use crate::app::App;
use crate::bulk::{self, Items};
use crate::extract::{Authenticated, IfMatch, Json, Path, Query};
use crate::routes::{Answer, Serialised, answer, history};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use mono_auth::axum::{ApiError, Authenticated as Uncounted};
use mono_core::Error;
use mono_core::api::accounts::{CreateAccount, ListAccounts, ScrollAccounts, UpdateAccount};
use mono_core::api::bulk::{BulkChange, BulkResults};
use mono_core::api::entitlements::EntitlementsResponse;
use mono_core::caller::Caller;
use mono_core::id::AccountId;
use mono_core::model::account::{Account, AccountChange};
use mono_core::page::Slice;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(list).post(create))
        .route("/by-cursor", get(scroll))
        .route("/bulk", post(create_many).patch(update_many))
        .route("/{id}", get(read).patch(update).delete(delete))
        .route("/{id}/restore", post(restore))
        .route("/{id}/entitlements", get(entitlements))
        .merge(history::routes_with_revert::<Account>())
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListAccounts>,
) -> Result<Serialised, ApiError> {
    let (page, filter) = query.parse()?;
    Ok(Serialised(app.database.account_page(&caller, &filter, page).await?))
}

async fn scroll(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ScrollAccounts>,
) -> Result<Answer<Slice<Account>>, ApiError> {
    let (cursor, limit, filter) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.accounts().list_after(&filter, cursor, limit).await?))
}

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(body): Json<CreateAccount>,
) -> Result<(StatusCode, Answer<Account>), ApiError> {
    Ok((StatusCode::CREATED, answer(create_one(&app, &caller, body).await?)))
}

async fn create_many(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<CreateAccount>,
) -> Answer<BulkResults<Account>> {
    bulk::each(items, StatusCode::CREATED, |body| create_one(&app, &caller, body)).await
}

async fn create_one(app: &App, caller: &Caller, body: CreateAccount) -> Result<Account, Error> {
    let new = body.parse()?;
    let mut tx = app.database.tenant(caller).write().await?;
    let account = tx.accounts().create(new).await?;
    tx.commit().await?;
    Ok(account)
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AccountId>,
) -> Result<Answer<Account>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.accounts().get(id).await?))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AccountId>,
    if_match: IfMatch,
    Json(body): Json<UpdateAccount>,
) -> Result<Answer<Account>, ApiError> {
    let mut change = body.parse()?;
    change.version = if_match.or(change.version)?;
    Ok(answer(update_one(&app, &caller, id, change).await?))
}

async fn update_many(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<BulkChange<UpdateAccount>>,
) -> Answer<BulkResults<Account>> {
    let (app, caller) = (&app, &caller);
    bulk::each(items, StatusCode::OK, async |BulkChange { id, change }| {
        update_one(app, caller, id.parse()?, change.parse()?).await
    })
    .await
}

async fn update_one(
    app: &App,
    caller: &Caller,
    id: AccountId,
    change: AccountChange,
) -> Result<Account, Error> {
    let status_changes = change.status.is_some();
    let mut tx = app.database.tenant(caller).write().await?;
    let account = tx.accounts().update(id, change).await?;
    // A suspended account is refused to everybody in it from now on.
    if status_changes {
        app.commit_rights(tx).await?;
    } else {
        tx.commit().await?;
    }
    Ok(account)
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AccountId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.accounts().delete(id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AccountId>,
) -> Result<Answer<Account>, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let account = tx.accounts().restore(id).await?;
    tx.commit().await?;
    Ok(answer(account))
}

async fn entitlements(
    State(app): State<App>,
    Uncounted(caller): Uncounted,
    Path(id): Path<AccountId>,
) -> Result<Answer<EntitlementsResponse>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let usage = tx.usage(Some(id)).await?;
    Ok(answer(EntitlementsResponse::new(caller.entitlements_of(Some(id)), usage)))
}
