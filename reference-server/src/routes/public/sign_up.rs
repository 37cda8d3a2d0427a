//! `/api/v1/public/auth/sign-up`

use crate::app::App;
use crate::extract::Json;
use crate::routes::public::emails::{MailAnswer, on_its_way};
use crate::routes::{Answer, answer};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Extension, Router};
use mono_auth::axum::ApiError;
use mono_core::api::emails::RequestMail;
use mono_core::api::sign_up::{ConfirmSignUp, SignedUp};
use mono_core::caller::RequestContext;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/sign-up", post(request)).route("/sign-up/confirm", post(sign_up))
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
