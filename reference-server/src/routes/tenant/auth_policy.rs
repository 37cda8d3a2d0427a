//! `/api/v1/tenant/auth-policy`

use crate::app::App;
use crate::extract::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::auth_policy::{AuthPolicyResponse, UpdateAuthPolicy};
use mono_core::api::envelope::Success;
use mono_core::model::auth_policy::TenantAuthPolicy;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(read).patch(update))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<axum::Json<Success<AuthPolicyResponse>>, ApiError> {
    let policy = app.database.tenant(&caller).read().await?.auth_policy().get().await?;
    Ok(answer(&app, policy))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(change): Json<UpdateAuthPolicy>,
) -> Result<axum::Json<Success<AuthPolicyResponse>>, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let policy = tx.auth_policy().update(change, app.authenticator.policy()).await?;
    app.commit_rights(tx).await?;
    Ok(answer(&app, policy))
}

fn answer(app: &App, policy: TenantAuthPolicy) -> axum::Json<Success<AuthPolicyResponse>> {
    let platform = app.authenticator.policy().clone();
    let effective = platform.tightened(&policy.own);
    let answer = AuthPolicyResponse { effective, platform, own: policy.own, version: policy.version };
    axum::Json(Success::new(answer))
}
