//! `/api/v1/tenant/members/{id}/grants` and `/api/v1/tenant/grants`

use crate::app::App;
use crate::extract::{Authenticated, Json, NoQuery, Path};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit_created, commit_gone};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::api::grants::{CreateGrant, GivenGrant};
use mono_core::id::{GrantId, MemberId};
use mono_core::permission::{Pattern, Permission, Scope};
use mono_core::{Error, permission};
use mono_storage::store::NewGrant;
use serde_json::json;

const ASSIGN: Permission = permission!("tenant.roles.assign");

/// The routes below `/api/v1/tenant/members`.
pub(crate) fn routes_of_members() -> Routes {
    Routes::new()
        .get(
            "/{id}/grants",
            list,
            about("List what a member was given or forbidden directly").needs(ASSIGN),
        )
        .post(
            "/{id}/grants",
            give,
            about("Give a member permissions directly, or forbid them")
                .needs(ASSIGN)
                .says(
                    "Nobody gives more than they have, and nobody forbids anything to somebody who has more. What is \
                     forbidden is forbidden, whatever else gives it.",
                )
                .example(json!({"pattern": "tenant.accounts.read", "effect": "allow"})),
        )
}

pub(crate) fn routes() -> Routes {
    Routes::new().delete(
        "/{id}",
        revoke,
        about("Take back what a member was given or forbidden directly")
            .needs(ASSIGN)
            .says("It holds no more from the next call of the member on."),
    )
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(member): Path<MemberId>,
    _: NoQuery,
) -> Result<Answer<Vec<GivenGrant>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let given = tx.grants().list(member).await?;
    Ok(answer(given.into_iter().map(GivenGrant::try_from).collect::<Result<_, Error>>()?))
}

async fn give(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(member): Path<MemberId>,
    Json(body): Json<CreateGrant>,
) -> Result<(StatusCode, Answer<GivenGrant>), ApiError> {
    let CreateGrant { pattern, effect, scope, starts_at, ends_at } = body;
    let pattern = Pattern::parse(&pattern)?;
    let mut tx = app.database.tenant(&caller).write().await?;
    let scope = scope.unwrap_or(Scope::tenant(tx.tenant()));
    let given = tx.grants().give(NewGrant { member, pattern, effect, scope, starts_at, ends_at }).await?;
    commit_created(tx, GivenGrant::try_from(given)?).await
}

async fn revoke(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<GrantId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.grants().revoke(id).await?;
    commit_gone(tx).await
}
