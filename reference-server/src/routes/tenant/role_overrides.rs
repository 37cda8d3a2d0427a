//! `/api/v1/tenant/role-overrides`

use super::roles::RoleKey;
use crate::app::App;
use crate::extract::{Authenticated, Json, NoQuery, Paths};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit, commit_gone};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::api::role_overrides::{PutRoleOverride, RoleOverride};
use mono_core::permission;
use mono_core::permission::{OverrideKind, Permission};
use serde_json::json;

const UPDATE: Permission = permission!("tenant.roles.update");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/",
            list,
            about("List what the tenant changes in roles of the platform")
                .needs(permission!("tenant.roles.read")),
        )
        .put(
            "/{role}/{kind}",
            put,
            about("Change a role of the platform within the tenant")
                .needs(UPDATE)
                .says("It stands in place of an earlier change of the same kind. Nobody adds what they do not have.")
                .example(json!({"patterns": ["tenant.accounts.read"]})),
        )
        .delete(
            "/{role}/{kind}",
            delete,
            about("Take a change of a role of the platform back")
                .needs(UPDATE)
                .says("For who has what comes back."),
        )
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    _: NoQuery,
) -> Result<Answer<Vec<RoleOverride>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.roles().overrides().await?.into_iter().map(RoleOverride::from).collect()))
}

async fn put(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(RoleKey(role), kind): Paths<RoleKey, OverrideKind>,
    Json(body): Json<PutRoleOverride>,
) -> Result<Answer<RoleOverride>, ApiError> {
    let patterns = body.parse()?;
    let mut tx = app.database.tenant(&caller).write().await?;
    let change = tx.roles().set_override(&role, kind, &patterns).await?;
    commit(tx, change.into()).await
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(RoleKey(role), kind): Paths<RoleKey, OverrideKind>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.roles().remove_override(&role, kind).await?;
    commit_gone(tx).await
}
