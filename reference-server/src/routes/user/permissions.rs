//! `/api/v1/user/permissions`

use crate::app::App;
use crate::openapi::{Routes, about};
use crate::routes::Unkept;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::permissions::SnapshotResponse;
use std::time::Duration;

/// How long a snapshot is good for: a role that is taken away is gone from a device within the hour.
const GOOD_FOR: Duration = Duration::from_hours(1);

pub(crate) fn routes() -> Routes {
    Routes::new().get(
        "/snapshot",
        snapshot,
        about("Read what the caller may do, signed, for a device that is offline").says("Good for an hour."),
    )
}

async fn snapshot(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<Unkept<SnapshotResponse>, ApiError> {
    let response = SnapshotResponse {
        snapshot: STANDARD.encode(app.authenticator.snapshot(&caller, GOOD_FOR).await?),
        public_key: STANDARD.encode(app.authenticator.snapshot_public_key()?),
    };
    Ok(Unkept(response))
}
