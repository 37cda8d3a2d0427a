//! `/api/v1/tenant/roles`
//!
//! A role is the document that stands in a seed file.

use crate::app::App;
use crate::extract::{Authenticated, Json, NoQuery, Path};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit, commit_created, commit_gone};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::permission::Role;
use mono_core::{Error, permission};
use schemars::JsonSchema;
use serde_json::{Value, json};
use std::str::FromStr;

/// The key of a role in the address. What no role has is not found.
#[derive(JsonSchema)]
pub(crate) struct RoleKey(pub(crate) String);

impl FromStr for RoleKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(Self(text.to_owned()))
    }
}

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/",
            list,
            about("List the roles that the tenant has made itself").needs(permission!("tenant.roles.read")),
        )
        .post(
            "/",
            create,
            about("Make a role of the tenant's own")
                .needs(permission!("tenant.roles.create"))
                .says("Nobody makes a role that gives more than they have.")
                .example(example()),
        )
        .put(
            "/{key}",
            update,
            about("Put a role in place of the one with its key")
                .needs(permission!("tenant.roles.update"))
                .example(example()),
        )
        .delete(
            "/{key}",
            delete,
            about("Delete a role of the tenant's own")
                .needs(permission!("tenant.roles.delete"))
                .says("One that somebody has, or that another role inherits, is a conflict."),
        )
}

fn example() -> Value {
    json!({"key": "front_desk", "name": "Front desk", "allow": ["tenant.accounts.read"], "parents": ["user"]})
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    _: NoQuery,
) -> Result<Answer<Vec<Role>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.roles().list().await?))
}

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(role): Json<Role>,
) -> Result<(StatusCode, Answer<Role>), ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let role = tx.roles().create(role).await?;
    commit_created(tx, role).await
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(RoleKey(key)): Path<RoleKey>,
    Json(role): Json<Role>,
) -> Result<Answer<Role>, ApiError> {
    if role.key != key {
        return Err(Error::invalid("key", "key_mismatch", "the address and the body name two roles").into());
    }
    let mut tx = app.database.tenant(&caller).write().await?;
    let role = tx.roles().update(role).await?;
    commit(tx, role).await
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(RoleKey(key)): Path<RoleKey>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.roles().delete(&key).await?;
    commit_gone(tx).await
}
