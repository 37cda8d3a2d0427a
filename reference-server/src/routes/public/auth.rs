//! `/api/v1/public/auth`

use crate::app::App;
use crate::extract::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Extension, Router};
use mono_auth::SignIn;
use mono_auth::axum::ApiError;
use mono_core::api::auth::{LoginRequest, LoginResponse};
use mono_core::api::envelope::Success;
use mono_core::caller::RequestContext;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/login", post(login))
}

async fn login(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<LoginRequest>,
) -> Result<impl IntoResponse, ApiError> {
    let given = SignIn { email: given.email, password: given.password.into(), tenant: given.tenant };
    let signed_in = app.authenticator.sign_in(given, context).await?;
    let answer = LoginResponse {
        access_token: signed_in.access_token,
        token_type: "Bearer".to_owned(),
        expires_at: signed_in.expires_at,
        user_id: signed_in.user_id,
        tenant_id: signed_in.tenant_id,
    };
    // RFC 6749: an answer that holds a token is kept by no cache.
    Ok(([(CACHE_CONTROL, "no-store")], axum::Json(Success::new(answer))))
}
