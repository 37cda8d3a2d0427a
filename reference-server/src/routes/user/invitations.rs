//! `/api/v1/user/invitations`

use crate::app::App;
use crate::extract::Json;
use crate::routes::Answer;
use crate::routes::public::invitations::accepted;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use mono_auth::axum::{ApiError, Person};
use mono_core::api::emails::ConfirmToken;
use mono_core::api::invitations::AcceptedInvitation;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/invitations/accept", post(accept))
}

async fn accept(
    State(app): State<App>,
    Person(caller): Person,
    Json(given): Json<ConfirmToken>,
) -> Result<Answer<AcceptedInvitation>, ApiError> {
    Ok(accepted(&app.authenticator.accept_invitation_as(&caller, &given.token).await?))
}
