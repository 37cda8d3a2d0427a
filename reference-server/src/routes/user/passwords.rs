//! `/api/v1/user/password`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::{ApiError, Person};
use mono_core::api::passwords::ChangePassword;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new().put(
        "/password",
        change,
        about("Change one's password").says("Every other session ends.").example(json!({
            "currentPassword": "correct horse battery staple",
            "newPassword": "staple battery horse correct",
        })),
    )
}

async fn change(
    State(app): State<App>,
    Person(caller): Person,
    Json(given): Json<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    let (current, new) = (given.current_password.into(), given.new_password.into());
    app.authenticator.change_password(&caller, current, new).await?;
    Ok(StatusCode::NO_CONTENT)
}
