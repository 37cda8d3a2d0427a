//! `/api/v1/public/auth/verify-email` and `/api/v1/public/auth/change-email`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Describe, Output, Routes, about};
use crate::routes::answer;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mono_auth::axum::ApiError;
use mono_core::ErrorKind;
use mono_core::api::emails::{ConfirmToken, MailRequested, RequestMail};
use mono_core::caller::RequestContext;
use serde_json::json;

/// The one answer to who asks for a mail.
pub(crate) struct MailAnswer;

impl IntoResponse for MailAnswer {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, answer(MailRequested::default())).into_response()
    }
}

impl Output for MailAnswer {
    fn describe(operation: &mut Describe<'_>) {
        operation.answer::<MailRequested>(202);
    }
}

pub(crate) fn on_its_way() -> MailAnswer {
    MailAnswer
}

/// What is said of each request for a mail.
pub(crate) const ALIKE: &str = "The answer is the same whether the address is known or not.";

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post(
            "/verify-email",
            request_verification,
            about("Ask for a mail that verifies an address")
                .says(ALIKE)
                .example(json!({"email": "ann@harbour.example"})),
        )
        .post(
            "/verify-email/confirm",
            verify,
            about("Verify an address with the token of the mail")
                .example(json!({"token": "the token of the link"})),
        )
        .post(
            "/change-email/confirm",
            change,
            about("Change an address with the token of the mail")
                .example(json!({"token": "the token of the link"}))
                .fails(ErrorKind::Conflict),
        )
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
