//! `/api/v1/user`

use crate::app::App;
use crate::openapi::{Routes, about};
use axum::Json;
use axum::extract::State;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::envelope::Success;
use mono_core::api::users::ProfileResponse;
use mono_core::caller::Actor;

pub(crate) fn routes() -> Routes {
    Routes::new().get("/api/v1/user", profile, about("Read who is signed in"))
}

async fn profile(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Success<ProfileResponse>>, ApiError> {
    let user = app.authenticator.profile(&caller).await?;
    let Actor::User { impersonator: impersonator_id, .. } = caller.actor() else {
        return Err(mono_core::Error::internal("a profile is of a person").into());
    };
    let tenant_id = caller.tenant().ok();
    let answer = ProfileResponse {
        id: user.id,
        email: user.email,
        email_verified: user.email_verified_at.is_some(),
        name: user.name,
        tenant_id,
        impersonator_id,
    };
    Ok(Json(Success::new(answer)))
}
