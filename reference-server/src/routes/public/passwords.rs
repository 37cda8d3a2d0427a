//! `/api/v1/public/auth/password-reset` and `/api/v1/public/auth/set-password`

use crate::app::App;
use crate::extract::Json;
use crate::routes::public::emails::{MailAnswer, on_its_way};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Extension, Router};
use mono_auth::axum::ApiError;
use mono_core::api::emails::RequestMail;
use mono_core::api::passwords::ConfirmPassword;
use mono_core::caller::RequestContext;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/password-reset", post(request_reset))
        .route("/password-reset/confirm", post(reset))
        .route("/set-password/confirm", post(set))
}

async fn request_reset(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<RequestMail>,
) -> Result<MailAnswer, ApiError> {
    app.authenticator.request_password_reset(&given.email, context).await?;
    Ok(on_its_way())
}

async fn reset(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<ConfirmPassword>,
) -> Result<StatusCode, ApiError> {
    app.authenticator.reset_password(&given.token, given.password.into(), context).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<ConfirmPassword>,
) -> Result<StatusCode, ApiError> {
    app.authenticator.set_password(&given.token, given.password.into(), context).await?;
    Ok(StatusCode::NO_CONTENT)
}
