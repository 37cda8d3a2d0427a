//! `/api/v1/tenant/entitlements`

use crate::app::App;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use mono_auth::axum::{ApiError, Authenticated as Uncounted};
use mono_core::api::entitlements::EntitlementsResponse;
use mono_core::api::envelope::Success;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(read))
}

async fn read(
    State(app): State<App>,
    Uncounted(caller): Uncounted,
) -> Result<Json<Success<EntitlementsResponse>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let usage = tx.usage(None).await?;
    Ok(Json(Success::new(EntitlementsResponse::new(caller.entitlements(), usage))))
}
