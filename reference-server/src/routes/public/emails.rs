//! `/api/v1/public/auth/verify-email` and `/api/v1/public/auth/change-email`

use crate::app::App;
use crate::extract::Json;
use crate::routes::{Answer, answer};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Extension, Router};
use mono_auth::axum::ApiError;
use mono_core::api::emails::{ConfirmToken, MailRequested, RequestMail};
use mono_core::caller::RequestContext;

/// What a handler answers to who asks for a mail.
pub(crate) type MailAnswer = (StatusCode, Answer<MailRequested>);

/// The one answer to who asks for a mail.
pub(crate) fn on_its_way() -> MailAnswer {
    (StatusCode::ACCEPTED, answer(MailRequested::default()))
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/verify-email", post(request_verification))
        .route("/verify-email/confirm", post(verify))
        .route("/change-email/confirm", post(change))
}

async fn request_verification(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<RequestMail>,
) -> Result<MailAnswer, ApiError> {
    app.authenticator.request_verification(&given.email, context).await?;
    Ok(on_its_way())
}

async fn verify(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<ConfirmToken>,
) -> Result<StatusCode, ApiError> {
    app.authenticator.verify_email(&given.token, context).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<ConfirmToken>,
) -> Result<StatusCode, ApiError> {
    app.authenticator.change_email(&given.token, context).await?;
    Ok(StatusCode::NO_CONTENT)
}
