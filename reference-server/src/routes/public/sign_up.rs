//! `/api/v1/public/auth/sign-up`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use crate::routes::public::emails::{ALIKE, MailAnswer, on_its_way};
use crate::routes::{Answer, answer};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::ErrorKind;
use mono_core::api::emails::RequestMail;
use mono_core::api::sign_up::{ConfirmSignUp, SignedUp};
use mono_core::caller::RequestContext;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post(
            "/sign-up",
            request,
            about("Ask for a mail with which one signs up")
                .says(ALIKE)
                .example(json!({"email": "ann@new.example"}))
                .fails(ErrorKind::Forbidden),
        )
        .post(
            "/sign-up/confirm",
            sign_up,
            about("Sign up with the token of the mail")
                .example(json!({
                    "token": "the token of the link",
                    "name": "Ann",
                    "password": "correct horse battery staple",
                }))
                .fails(ErrorKind::Forbidden)
                .fails(ErrorKind::Conflict),
        )
}

async fn request(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<RequestMail>,
) -> Result<MailAnswer, ApiError> {
    app.authenticator.request_sign_up(&given.email, context).await?;
    Ok(on_its_way())
}

async fn sign_up(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<ConfirmSignUp>,
) -> Result<(StatusCode, Answer<SignedUp>), ApiError> {
    let user_id =
        app.authenticator.sign_up(&given.token, &given.name, given.password.into(), context).await?;
    Ok((StatusCode::CREATED, answer(SignedUp { user_id })))
}
