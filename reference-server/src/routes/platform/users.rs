//! `/api/v1/platform/users`

use crate::app::App;
use crate::extract::Path;
use crate::openapi::{Routes, about};
use crate::routes::public::emails::{MailAnswer, on_its_way};
use axum::extract::State;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::id::UserId;
use mono_core::permission;

pub(crate) fn routes() -> Routes {
    Routes::new().post(
        "/{id}/set-password",
        send_set_password,
        about("Send somebody a mail with which they set their first password")
            .needs(permission!("platform.users.create")),
    )
}

async fn send_set_password(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<UserId>,
) -> Result<MailAnswer, ApiError> {
    app.authenticator.send_set_password(&caller, id).await?;
    Ok(on_its_way())
}
