//! `/api/v1/platform/tenants/{tenant}/members/{member}/impersonate`

use crate::app::App;
use crate::extract::{Json, Paths};
use crate::routes::public::auth::tokens;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use mono_auth::axum::{ApiError, Person};
use mono_core::api::users::ImpersonateRequest;
use mono_core::id::{MemberId, TenantId};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/{tenant}/members/{member}/impersonate", post(impersonate))
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
