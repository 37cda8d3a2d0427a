//! `/api/v1/platform/users`

use crate::app::App;
use crate::extract::Path;
use crate::routes::public::emails::{MailAnswer, on_its_way};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::id::UserId;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/{id}/set-password", post(send_set_password))
}

async fn send_set_password(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<UserId>,
) -> Result<MailAnswer, ApiError> {
    app.authenticator.send_set_password(&caller, id).await?;
    Ok(on_its_way())
}
