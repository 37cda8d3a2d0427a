//! `/api/v1/tenant/usage`

use crate::app::App;
use crate::extract::Query;
use crate::openapi::{Routes, about};
use axum::Json;
use axum::extract::State;
use mono_auth::axum::{ApiError, Authenticated as Uncounted};
use mono_core::api::entitlements::UsageReport;
use mono_core::api::envelope::Success;
use mono_core::permission;
use mono_core::subscription::DailyUsage;

pub(crate) fn routes() -> Routes {
    Routes::new().get(
        "/",
        read,
        about("Read how much the tenant used, day by day").needs(permission!("tenant.billing.read")),
    )
}

async fn read(
    State(app): State<App>,
    Uncounted(caller): Uncounted,
    Query(report): Query<UsageReport>,
) -> Result<Json<Success<Vec<DailyUsage>>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(Json(Success::new(tx.daily_usage(None, report.from, report.until).await?)))
}
