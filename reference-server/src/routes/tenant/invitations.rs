//! `/api/v1/tenant/invitations`

use crate::app::App;
use crate::bulk::{self, Items};
use crate::extract::{Authenticated, Json, Path, Query};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit_gone};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::ErrorKind;
use mono_core::api::bulk::BulkResults;
use mono_core::api::invitations::{CreateInvitation, ListInvitations};
use mono_core::id::InvitationId;
use mono_core::model::invitation::Invitation;
use mono_core::page::Page;
use mono_core::permission;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/",
            list,
            about("List the invitations that nobody has accepted yet")
                .needs(permission!("tenant.members.invite")),
        )
        .post(
            "/",
            create,
            about("Invite somebody by mail")
                .fails(ErrorKind::NotFound)
                .needs(permission!("tenant.members.invite"))
                .says("Roles that the invitation brings need `tenant.roles.assign` too.")
                .example(json!({"email": "ann@new.example", "roles": [{"role": "user"}]})),
        )
        .post(
            "/bulk",
            create_many,
            about("Invite many people by mail")
                .needs(permission!("tenant.members.invite"))
                .says(bulk::MADE)
                .example(json!({"items": [{"email": "ann@new.example", "roles": [{"role": "user"}]}]})),
        )
        .delete("/{id}", revoke, about("Take an invitation back").needs(permission!("tenant.members.invite")))
        .post(
            "/{id}/resend",
            resend,
            about("Send an invitation again")
                .needs(permission!("tenant.members.invite"))
                .says("The link of the mail before works no more."),
        )
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
    commit_gone(tx).await
}

async fn resend(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<InvitationId>,
) -> Result<Answer<Invitation>, ApiError> {
    Ok(answer(app.authenticator.resend_invitation(&caller, id).await?))
}
