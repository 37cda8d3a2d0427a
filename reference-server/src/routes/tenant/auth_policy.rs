//! `/api/v1/tenant/auth-policy`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Tagged, commit, tagged};
use axum::extract::State;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::auth_policy::{AuthPolicyResponse, UpdateAuthPolicy};
use mono_core::model::auth_policy::TenantAuthPolicy;
use mono_core::permission;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/",
            read,
            about("Read how members of the tenant sign in").needs(permission!("tenant.auth_policy.read")),
        )
        .patch(
            "/",
            update,
            about("Change how members of the tenant sign in")
                .compares_version()
                .needs(permission!("tenant.auth_policy.update"))
                .says(
                    "It can be stricter than the platform's policy, not laxer; `null` goes \
                    back to the platform's.",
                )
                .example(json!({"sessionHours": 12, "idleMinutes": null})),
        )
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<Tagged<AuthPolicyResponse>, ApiError> {
    let policy = app.database.tenant(&caller).read().await?.auth_policy().get().await?;
    let policy = response(&app, policy);
    Ok(tagged(policy.version, policy))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(change): Json<UpdateAuthPolicy>,
) -> Result<Answer<AuthPolicyResponse>, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let policy = tx.auth_policy().update(change, app.authenticator.policy()).await?;
    commit(tx, response(&app, policy)).await
}

fn response(app: &App, policy: TenantAuthPolicy) -> AuthPolicyResponse {
    let platform = app.authenticator.policy().clone();
    let effective = platform.tightened(&policy.own);
    AuthPolicyResponse { effective, platform, own: policy.own, version: policy.version }
}
