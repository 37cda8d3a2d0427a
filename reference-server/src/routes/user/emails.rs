//! `/api/v1/user/email`

use crate::app::App;
use crate::extract::Json;
use crate::routes::public::emails::{MailAnswer, on_its_way};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use mono_auth::axum::{ApiError, Person};
use mono_core::api::emails::ChangeEmail;
use secrecy::SecretString;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/email", post(request_change))
}

async fn request_change(
    State(app): State<App>,
    Person(caller): Person,
    Json(given): Json<ChangeEmail>,
) -> Result<MailAnswer, ApiError> {
    let password = given.password.map(SecretString::from);
    app.authenticator.request_email_change(&caller, &given.email, password).await?;
    Ok(on_its_way())
}
