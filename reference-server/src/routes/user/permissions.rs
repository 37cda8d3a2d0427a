//! `/api/v1/user/permissions`

use crate::app::App;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::envelope::Success;
use mono_core::api::permissions::SnapshotResponse;
use std::time::Duration;

/// How long a snapshot is good for: a role that is taken away is gone from a device within the hour.
const GOOD_FOR: Duration = Duration::from_hours(1);

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/snapshot", get(snapshot))
}

async fn snapshot(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<impl IntoResponse, ApiError> {
    let answer = SnapshotResponse {
        snapshot: STANDARD.encode(app.authenticator.snapshot(&caller, GOOD_FOR).await?),
        public_key: STANDARD.encode(app.authenticator.snapshot_public_key()?),
    };
    Ok(axum::Json(Success::new(answer)))
}
