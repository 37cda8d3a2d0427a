//! `/api/v1/public/auth/invitations`: for who holds the link of an invitation.

use crate::app::App;
use crate::extract::Json;
use crate::routes::{Answer, answer};
use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Router};
use mono_auth::axum::ApiError;
use mono_core::api::emails::ConfirmToken;
use mono_core::api::invitations::{AcceptInvitation, AcceptedInvitation, InvitationFacts};
use mono_core::caller::RequestContext;
use mono_core::model::member::Member;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/inspect", post(inspect)).route("/accept", post(accept))
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
