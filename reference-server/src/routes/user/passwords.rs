//! `/api/v1/user/password`

use crate::app::App;
use crate::extract::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::put;
use mono_auth::axum::{ApiError, Person};
use mono_core::api::passwords::ChangePassword;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/password", put(change))
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
