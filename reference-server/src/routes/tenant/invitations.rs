//! `/api/v1/tenant/invitations`

use crate::app::App;
use crate::bulk::{self, Items};
use crate::extract::{Authenticated, Json, Path, Query};
use crate::routes::{Answer, answer};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use mono_auth::axum::ApiError;
use mono_core::api::bulk::BulkResults;
use mono_core::api::invitations::{CreateInvitation, ListInvitations};
use mono_core::id::InvitationId;
use mono_core::model::invitation::Invitation;
use mono_core::page::Page;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(list).post(create))
        .route("/bulk", post(create_many))
        .route("/{id}", delete(revoke))
        .route("/{id}/resend", post(resend))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListInvitations>,
) -> Result<Answer<Page<Invitation>>, ApiError> {
    let page = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.invitations().list(page).await?))
}

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(given): Json<CreateInvitation>,
) -> Result<(StatusCode, Answer<Invitation>), ApiError> {
    let invitation = app.authenticator.invite(&caller, given.parse()?).await?;
    Ok((StatusCode::CREATED, answer(invitation)))
}

async fn create_many(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<CreateInvitation>,
) -> Answer<BulkResults<Invitation>> {
    let (app, caller) = (&app, &caller);
    bulk::each(items, StatusCode::CREATED, async |given| {
        app.authenticator.invite(caller, given.parse()?).await
    })
    .await
}

async fn revoke(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<InvitationId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.invitations().revoke(id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn resend(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<InvitationId>,
) -> Result<Answer<Invitation>, ApiError> {
    Ok(answer(app.authenticator.resend_invitation(&caller, id).await?))
}
