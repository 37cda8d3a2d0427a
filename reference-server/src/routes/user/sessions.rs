//! `/api/v1/user/sessions`, `/api/v1/user/tenants` and `/api/v1/user/tenant`

use crate::app::App;
use crate::extract::{Json, NoQuery, Path};
use crate::openapi::{Routes, about};
use crate::routes::Unkept;
use crate::routes::public::auth::tokens;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use mono_auth::axum::{ApiError, Person};
use mono_auth::cookie::{ACCESS_COOKIE, cookie};
use mono_core::api::auth::{CookieLoginResponse, LoginResponse};
use mono_core::api::envelope::Success;
use mono_core::api::sessions::{ChooseTenant, RevokedSessions, SessionResponse};
use mono_core::caller::Actor;
use mono_core::id::SessionId;
use mono_core::model::session::Session;
use mono_core::model::tenant::Membership;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/sessions", list, about("List where the caller is signed in"))
        .delete("/sessions/{id}", revoke, about("End one of the caller's sessions"))
        .post("/sessions/revoke-others", revoke_others, about("End every session of the caller but this one"))
        .get("/tenants", memberships, about("List the tenants that the caller belongs to"))
        .put(
            "/tenant",
            choose_tenant,
            about("Choose the tenant to work in")
                .example(json!({"tenantId": "01980000-0000-7000-8000-000000000000"}))
                .answers::<200, LoginResponse>()
                .answers::<200, CookieLoginResponse>(),
        )
}

async fn list(
    State(app): State<App>,
    Person(caller): Person,
    _: NoQuery,
) -> Result<Unkept<Vec<SessionResponse>>, ApiError> {
    let sessions = app.authenticator.sessions(&caller).await?;
    let Actor::User { session: own, .. } = caller.actor() else {
        return Ok(Unkept(vec![]));
    };
    let sessions = sessions.into_iter().map(|session| response(session, own)).collect();
    Ok(Unkept(sessions))
}

fn response(session: Session, own: SessionId) -> SessionResponse {
    SessionResponse {
        id: session.id,
        current: session.id == own,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        ip_address: session.ip_address,
        user_agent: session.user_agent,
        tenant_id: session.chosen_tenant_id,
        impersonated: session.impersonator_id.is_some(),
    }
}

async fn revoke(
    State(app): State<App>,
    Person(caller): Person,
    Path(id): Path<SessionId>,
) -> Result<StatusCode, ApiError> {
    app.authenticator.revoke_session(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke_others(
    State(app): State<App>,
    Person(caller): Person,
) -> Result<axum::Json<Success<RevokedSessions>>, ApiError> {
    let revoked = app.authenticator.revoke_other_sessions(&caller).await?;
    Ok(axum::Json(Success::new(RevokedSessions { revoked })))
}

async fn memberships(
    State(app): State<App>,
    Person(caller): Person,
    _: NoQuery,
) -> Result<axum::Json<Success<Vec<Membership>>>, ApiError> {
    Ok(axum::Json(Success::new(app.authenticator.memberships(&caller).await?)))
}

async fn choose_tenant(
    State(app): State<App>,
    Person(caller): Person,
    headers: HeaderMap,
    Json(given): Json<ChooseTenant>,
) -> Result<Response, ApiError> {
    let signed_in = app.authenticator.choose_tenant(&caller, given.tenant_id).await?;
    tokens(&app, signed_in, cookie(&headers, ACCESS_COOKIE).is_some())
}
