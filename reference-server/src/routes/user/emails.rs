//! `/api/v1/user/email`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use crate::routes::public::emails::{MailAnswer, on_its_way};
use axum::extract::State;
use mono_auth::axum::{ApiError, Person};
use mono_core::api::emails::ChangeEmail;
use secrecy::SecretString;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new().post(
        "/email",
        request_change,
        about("Ask for a mail that changes one's address")
            .says("It goes to the new address; the old one is told.")
            .example(json!({
                "email": "ann@new.example",
                "password": "correct horse battery staple",
            })),
    )
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
