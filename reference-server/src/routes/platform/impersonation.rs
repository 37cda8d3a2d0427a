//! `/api/v1/platform/tenants/{tenant}/members/{member}/impersonate`

use crate::app::App;
use crate::extract::{Json, Paths};
use crate::openapi::{Routes, about};
use crate::routes::public::auth::tokens;
use axum::extract::State;
use axum::response::Response;
use mono_auth::axum::{ApiError, Person};
use mono_core::api::auth::LoginResponse;
use mono_core::api::users::ImpersonateRequest;
use mono_core::id::{MemberId, TenantId};
use mono_core::permission;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new().post(
        "/{tenant}/members/{member}/impersonate",
        impersonate,
        about("Act as a member of a tenant")
            .needs(permission!("platform.tenants.impersonate"))
            .says("For an hour at most; the tenant reads the reason in its audit log.")
            .example(json!({"reason": "ticket 7"}))
            .answers::<200, LoginResponse>(),
    )
}

async fn impersonate(
    State(app): State<App>,
    Person(caller): Person,
    Paths(tenant, member): Paths<TenantId, MemberId>,
    Json(given): Json<ImpersonateRequest>,
) -> Result<Response, ApiError> {
    let signed_in = app.authenticator.impersonate(&caller, tenant, member, &given.reason).await?;
    tokens(&app, signed_in, false)
}
