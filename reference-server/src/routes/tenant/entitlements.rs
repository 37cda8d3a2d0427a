//! `/api/v1/tenant/entitlements`

use crate::app::App;
use crate::openapi::{Routes, about};
use axum::Json;
use axum::extract::State;
use mono_auth::axum::{ApiError, Authenticated as Uncounted};
use mono_core::api::entitlements::EntitlementsResponse;
use mono_core::api::envelope::Success;
use mono_core::permission;

pub(crate) fn routes() -> Routes {
    Routes::new().get(
        "/",
        read,
        about("Read what the tenant may use, and how much of it is used")
            .needs(permission!("tenant.billing.read")),
    )
}

async fn read(
    State(app): State<App>,
    Uncounted(caller): Uncounted,
) -> Result<Json<Success<EntitlementsResponse>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let usage = tx.usage(None).await?;
    Ok(Json(Success::new(EntitlementsResponse::new(caller.entitlements(), usage))))
}
