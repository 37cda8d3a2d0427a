//! `/api/v1/tenant/members/{id}/assignments` and `/api/v1/tenant/assignments`

use crate::app::App;
use crate::extract::{Authenticated, Json, NoQuery, Path};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit_created, commit_gone};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::api::assignments::{AssignRole, AssignedRole};
use mono_core::id::{AssignmentId, MemberId};
use mono_core::permission;
use mono_core::permission::Permission;
use mono_storage::store::NewAssignment;
use serde_json::json;

const ASSIGN: Permission = permission!("tenant.roles.assign");

/// The routes below `/api/v1/tenant/members`.
pub(crate) fn routes_of_members() -> Routes {
    Routes::new().get("/{id}/assignments", list, about("List the roles of a member").needs(ASSIGN)).post(
        "/{id}/assignments",
        assign,
        about("Give a member a role")
            .needs(ASSIGN)
            .says("Nobody gives more than they have.")
            .example(json!({"role": "user"})),
    )
}

pub(crate) fn routes() -> Routes {
    Routes::new().delete(
        "/{id}",
        revoke,
        about("Take a role away from a member")
            .needs(ASSIGN)
            .says("It is refused everywhere from the next call of the member on."),
    )
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(member): Path<MemberId>,
    _: NoQuery,
) -> Result<Answer<Vec<AssignedRole>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let assigned = tx.assignments().list(member).await?;
    let roles = assigned.into_iter().map(AssignedRole::try_from).collect::<Result<_, Error>>()?;
    Ok(answer(roles))
}

async fn assign(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(member): Path<MemberId>,
    Json(body): Json<AssignRole>,
) -> Result<(StatusCode, Answer<AssignedRole>), ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let scope = body.scope(tx.tenant());
    let AssignRole { role, starts_at, ends_at, .. } = body;
    let assigned = tx.assignments().assign(NewAssignment { member, role, scope, starts_at, ends_at }).await?;
    commit_created(tx, AssignedRole::try_from(assigned)?).await
}

async fn revoke(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AssignmentId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.assignments().revoke(id).await?;
    commit_gone(tx).await
}
