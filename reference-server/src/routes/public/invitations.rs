//! `/api/v1/public/auth/invitations`: for who holds the link of an invitation.

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer};
use axum::Extension;
use axum::extract::State;
use mono_auth::axum::ApiError;
use mono_core::ErrorKind;
use mono_core::api::emails::ConfirmToken;
use mono_core::api::invitations::{AcceptInvitation, AcceptedInvitation, InvitationFacts};
use mono_core::caller::RequestContext;
use mono_core::model::member::Member;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post(
            "/inspect",
            inspect,
            about("Read what an invitation offers").example(json!({"token": "the token of the link"})),
        )
        .post(
            "/accept",
            accept,
            about("Accept an invitation")
                .says("Who is new gives name and password; who is known, their password.")
                .example(json!({
                    "token": "the token of the link",
                    "name": "Ann",
                    "password": "correct horse battery staple",
                }))
                .fails(ErrorKind::Forbidden)
                .fails(ErrorKind::Conflict),
        )
}

async fn inspect(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<ConfirmToken>,
) -> Result<Answer<InvitationFacts>, ApiError> {
    let facts = app.authenticator.inspect_invitation(&given.token, context).await?;
    Ok(answer(InvitationFacts {
        tenant_name: facts.tenant,
        email: facts.invitation.email,
        roles: facts.invitation.roles.into_iter().map(|given| given.role).collect(),
        expires_at: facts.invitation.expires_at,
        known: facts.known,
    }))
}

async fn accept(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<AcceptInvitation>,
) -> Result<Answer<AcceptedInvitation>, ApiError> {
    let AcceptInvitation { token, name, password } = given;
    let given = mono_auth::AcceptInvitation { token, name, password: password.into() };
    Ok(accepted(&app.authenticator.accept_invitation(given, context).await?))
}

pub(crate) fn accepted(member: &Member) -> Answer<AcceptedInvitation> {
    let (tenant_id, member_id, user_id) = (member.tenant_id, member.id, member.user_id);
    answer(AcceptedInvitation { tenant_id, member_id, user_id })
}
