//! `/api/v1/user/invitations`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use crate::routes::Answer;
use crate::routes::public::invitations::accepted;
use axum::extract::State;
use mono_auth::axum::{ApiError, Person};
use mono_core::api::emails::ConfirmToken;
use mono_core::api::invitations::AcceptedInvitation;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new().post(
        "/invitations/accept",
        accept,
        about("Accept an invitation as who is signed in").example(json!({"token": "the token of the link"})),
    )
}

async fn accept(
    State(app): State<App>,
    Person(caller): Person,
    Json(given): Json<ConfirmToken>,
) -> Result<Answer<AcceptedInvitation>, ApiError> {
    Ok(accepted(&app.authenticator.accept_invitation_as(&caller, &given.token).await?))
}
