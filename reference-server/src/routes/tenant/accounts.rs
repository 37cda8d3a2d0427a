//! `/api/v1/tenant/accounts`

use crate::app::App;
use crate::bulk::{self, Items};
use crate::extract::{Authenticated, Json, Path, Query};
use crate::openapi::{Routes, about};
use crate::routes::{
    Answer, Serialised, Tagged, answer, commit, commit_created, commit_gone, history, tagged,
};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::{ApiError, Authenticated as Uncounted};
use mono_core::Error;
use mono_core::api::accounts::{CreateAccount, ListAccounts, ScrollAccounts, UpdateAccount};
use mono_core::api::bulk::{BulkChange, BulkResults};
use mono_core::api::entitlements::EntitlementsResponse;
use mono_core::caller::Caller;
use mono_core::id::AccountId;
use mono_core::model::account::{Account, AccountChange};
use mono_core::page::{Page, Slice};
use mono_core::permission;
use mono_core::permission::Permission;
use mono_storage::db::TenantTx;
use serde_json::json;

const CREATE: Permission = permission!("tenant.accounts.create");
const READ: Permission = permission!("tenant.accounts.read");
const UPDATE: Permission = permission!("tenant.accounts.update");
const SUSPEND: Permission = permission!("tenant.accounts.suspend");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/",
            list,
            about("List the accounts that the caller may see, by page")
                .needs(READ)
                .answers::<200, Page<Account>>(),
        )
        .post(
            "/",
            create,
            about("Make an account").needs(CREATE).example(json!({
                "name": "Blue Agency",
                "type": "agency",
                "email": "office@blue.example",
            })),
        )
        .get(
            "/by-cursor",
            scroll,
            about("List the accounts that the caller may see, newest first, by cursor").needs(READ),
        )
        .post(
            "/bulk",
            create_many,
            about("Make many accounts")
                .needs(CREATE)
                .says(bulk::MADE)
                .example(json!({"items": [{"name": "Blue Agency"}, {"name": "Red Agency"}]})),
        )
        .patch(
            "/bulk",
            update_many,
            about("Change many accounts").needs_one_of(&[UPDATE, SUSPEND]).says(bulk::CHANGED).example(
                json!({
                    "items": [{"id": "01980000-0000-7000-8000-000000000000",
                    "change": {"name": "Blue Agency"}}],
                }),
            ),
        )
        .get("/{id}", read, about("Read an account").needs(READ))
        .patch(
            "/{id}",
            update,
            about("Change an account")
                .compares_version()
                .needs_one_of(&[UPDATE, SUSPEND])
                .says(
                    "A new status needs `tenant.accounts.suspend`, everything else \
                    `tenant.accounts.update`.",
                )
                .example(json!({"name": "Blue Agency", "email": null})),
        )
        .delete(
            "/{id}",
            delete,
            about("Delete an account")
                .compares_version()
                .needs(permission!("tenant.accounts.delete"))
                .says("It can be restored until it is purged."),
        )
        .post(
            "/{id}/restore",
            restore,
            about("Restore a deleted account")
                .compares_version()
                .needs(permission!("tenant.accounts.restore")),
        )
        .get(
            "/{id}/entitlements",
            entitlements,
            about("Read what an account may use and has used").needs(permission!("account.billing.read")),
        )
        .merge(history::routes_with_revert::<Account>("account", &[READ], &[UPDATE, SUSPEND]))
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
    let (slice, filter) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.accounts().list_after(&filter, slice).await?))
}

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(body): Json<CreateAccount>,
) -> Result<(StatusCode, Answer<Account>), ApiError> {
    let (tx, made) = create_one(&app, &caller, body).await?;
    commit_created(tx, made).await
}

async fn create_many(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<CreateAccount>,
) -> Answer<BulkResults<Account>> {
    bulk::each(items, StatusCode::CREATED, |body| bulk::committed(create_one(&app, &caller, body))).await
}

async fn create_one(app: &App, caller: &Caller, body: CreateAccount) -> Result<(TenantTx, Account), Error> {
    let new = body.parse()?;
    let mut tx = app.database.tenant(caller).write().await?;
    let account = tx.accounts().create(new).await?;
    Ok((tx, account))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AccountId>,
) -> Result<Tagged<Account>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let account = tx.accounts().get(id).await?;
    Ok(tagged(account.version, account))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AccountId>,
    Json(body): Json<UpdateAccount>,
) -> Result<Answer<Account>, ApiError> {
    let change = body.parse()?;
    let (tx, changed) = update_one(&app, &caller, id, change).await?;
    commit(tx, changed).await
}

async fn update_many(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<BulkChange<UpdateAccount>>,
) -> Answer<BulkResults<Account>> {
    let (app, caller) = (&app, &caller);
    bulk::each(items, StatusCode::OK, async |BulkChange { id, change }| {
        bulk::committed(update_one(app, caller, id.parse()?, change.parse()?)).await
    })
    .await
}

async fn update_one(
    app: &App,
    caller: &Caller,
    id: AccountId,
    change: AccountChange,
) -> Result<(TenantTx, Account), Error> {
    let mut tx = app.database.tenant(caller).write().await?;
    let account = tx.accounts().update(id, change).await?;
    Ok((tx, account))
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AccountId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.accounts().delete(id).await?;
    commit_gone(tx).await
}

async fn restore(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AccountId>,
) -> Result<Answer<Account>, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let account = tx.accounts().restore(id).await?;
    commit(tx, account).await
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
