//! `/api/v1/tenant/members/{id}/profiles` and `/api/v1/tenant/profiles`

use crate::app::App;
use crate::extract::{Authenticated, IfMatch, Json, Path};
use crate::routes::{Answer, answer, history};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use mono_auth::axum::ApiError;
use mono_core::api::profiles::{CreateProfile, UpdateProfile};
use mono_core::id::{MemberId, ProfileId};
use mono_core::model::profile::Profile;

/// The routes below `/api/v1/tenant/members`.
pub(crate) fn routes_of_members() -> Router<App> {
    Router::new().route("/{id}/profiles", get(list).post(create))
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/{id}", get(read).patch(update).delete(delete))
        .route("/{id}/restore", post(restore))
        .merge(history::routes_with_revert::<Profile>())
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(member): Path<MemberId>,
) -> Result<Answer<Vec<Profile>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.profiles().list(member).await?))
}

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(member): Path<MemberId>,
    Json(body): Json<CreateProfile>,
) -> Result<(StatusCode, Answer<Profile>), ApiError> {
    let (kind, data) = body.parse()?;
    let mut tx = app.database.tenant(&caller).write().await?;
    let profile = tx.profiles().create(member, kind, data).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, answer(profile)))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ProfileId>,
) -> Result<Answer<Profile>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.profiles().get(id).await?))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ProfileId>,
    if_match: IfMatch,
    Json(body): Json<UpdateProfile>,
) -> Result<Answer<Profile>, ApiError> {
    let mut change = body.parse()?;
    change.version = if_match.or(change.version)?;
    let mut tx = app.database.tenant(&caller).write().await?;
    let profile = tx.profiles().update(id, change).await?;
    tx.commit().await?;
    Ok(answer(profile))
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ProfileId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.profiles().delete(id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ProfileId>,
) -> Result<Answer<Profile>, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let profile = tx.profiles().restore(id).await?;
    tx.commit().await?;
    Ok(answer(profile))
}
