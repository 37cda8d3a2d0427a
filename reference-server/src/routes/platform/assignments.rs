//! `/api/v1/platform/assignments`

use crate::app::App;
use crate::extract::{Json, NoQuery, Path};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit_created, commit_gone};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::assignments::AssignPlatformRole;
use mono_core::id::{AssignmentId, UserId};
use mono_core::model::user::PlatformAssignment;
use mono_core::permission;
use mono_core::permission::Permission;
use mono_storage::store::NewPlatformAssignment;
use serde_json::json;

const MANAGE: Permission = permission!("platform.roles.manage");

pub(crate) fn routes() -> Routes {
    let user = UserId::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001);
    Routes::new()
        .get("/", list, about("List who has which role on the whole platform").needs(MANAGE))
        .post(
            "/",
            assign,
            about("Give a person a role on the whole platform")
                .needs(MANAGE)
                .says("For who holds everything on the platform, for at least as long.")
                .example(json!({"userId": user, "role": "platform_admin"})),
        )
        .delete(
            "/{id}",
            end,
            about("Take a role on the whole platform away")
                .needs(MANAGE)
                .says("The last one who holds everything on the platform without an end keeps it."),
        )
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    _: NoQuery,
) -> Result<Answer<Vec<PlatformAssignment>>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.assignments().list().await?))
}

async fn assign(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(body): Json<AssignPlatformRole>,
) -> Result<(StatusCode, Answer<PlatformAssignment>), ApiError> {
    let AssignPlatformRole { user_id: user, role, starts_at, ends_at } = body;
    let mut tx = app.database.platform(&caller).write().await?;
    let assigned = tx.assignments().assign(NewPlatformAssignment { user, role, starts_at, ends_at }).await?;
    commit_created(tx, assigned).await
}

async fn end(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<AssignmentId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    tx.assignments().end(id).await?;
    commit_gone(tx).await
}
