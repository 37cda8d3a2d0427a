//! `/api/v1/tenant/guardrails`

use crate::app::App;
use crate::extract::{Authenticated, Json, NoQuery, Path};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit_created, commit_gone};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::api::guardrails::{CreateGuardrail, SetGuardrail};
use mono_core::id::GrantId;
use mono_core::permission;
use mono_core::permission::{Pattern, Permission, Scope};
use serde_json::json;

const UPDATE: Permission = permission!("tenant.roles.update");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/",
            list,
            about("List what is forbidden to everybody").needs(permission!("tenant.roles.read")),
        )
        .post(
            "/",
            forbid,
            about("Forbid permissions to everybody")
                .needs(UPDATE)
                .says(
                    "In the tenant or in a part of it, whatever gives them. Nobody forbids what they do not have, or \
                     what lifts the guardrail again.",
                )
                .example(json!({"pattern": "tenant.accounts.delete", "reason": "kept for the auditors"})),
        )
        .delete(
            "/{id}",
            lift,
            about("Lift what is forbidden to everybody")
                .needs(UPDATE)
                .says("For who has, apart from this guardrail, what it forbids."),
        )
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    _: NoQuery,
) -> Result<Answer<Vec<SetGuardrail>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.guardrails().list().await?.into_iter().map(SetGuardrail::from).collect()))
}

async fn forbid(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(body): Json<CreateGuardrail>,
) -> Result<(StatusCode, Answer<SetGuardrail>), ApiError> {
    let pattern = Pattern::parse(&body.pattern)?;
    let mut tx = app.database.tenant(&caller).write().await?;
    let scope = body.scope.unwrap_or(Scope::tenant(tx.tenant()));
    let id = tx.guardrails().forbid(&pattern, scope, &body.reason).await?;
    commit_created(tx, SetGuardrail { id, pattern: body.pattern, scope, reason: body.reason }).await
}

async fn lift(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<GrantId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.guardrails().lift(id).await?;
    commit_gone(tx).await
}
