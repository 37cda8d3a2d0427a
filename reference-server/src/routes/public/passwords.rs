//! `/api/v1/public/auth/password-reset` and `/api/v1/public/auth/set-password`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use crate::routes::public::emails::{ALIKE, MailAnswer, on_its_way};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::ErrorKind;
use mono_core::api::emails::RequestMail;
use mono_core::api::passwords::ConfirmPassword;
use mono_core::caller::RequestContext;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post(
            "/password-reset",
            request_reset,
            about("Ask for a mail with which one sets another password")
                .says(ALIKE)
                .example(json!({"email": "ann@harbour.example"})),
        )
        .post(
            "/password-reset/confirm",
            reset,
            about("Set another password with the token of the mail")
                .says("Every session of the person ends.")
                .example(
                    json!({"token": "the token of the link", "password": "correct horse battery staple"}),
                )
                .fails(ErrorKind::Forbidden),
        )
        .post(
            "/set-password/confirm",
            set,
            about("Set a first password with the token of the mail")
                .example(
                    json!({"token": "the token of the link", "password": "correct horse battery staple"}),
                )
                .fails(ErrorKind::Forbidden),
        )
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
