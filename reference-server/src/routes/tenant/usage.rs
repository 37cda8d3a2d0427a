//! `/api/v1/tenant/usage`

use crate::app::App;
use crate::extract::Query;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use mono_auth::axum::{ApiError, Authenticated as Uncounted};
use mono_core::api::entitlements::UsageReport;
use mono_core::api::envelope::Success;
use mono_core::subscription::DailyUsage;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(read))
}

async fn read(
    State(app): State<App>,
    Uncounted(caller): Uncounted,
    Query(report): Query<UsageReport>,
) -> Result<Json<Success<Vec<DailyUsage>>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(Json(Success::new(tx.daily_usage(None, report.from, report.until).await?)))
}
