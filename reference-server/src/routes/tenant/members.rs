//! `/api/v1/tenant/members`

use crate::app::App;
use crate::extract::{Authenticated, Path, Query};
use crate::routes::{Answer, answer, history};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use mono_auth::axum::ApiError;
use mono_core::api::members::{ListMembers, ScrollMembers};
use mono_core::caller::Caller;
use mono_core::id::MemberId;
use mono_core::model::member::Member;
use mono_core::model::user::UserStatus;
use mono_core::page::{Page, Slice};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(list))
        .route("/by-cursor", get(scroll))
        .route("/{id}", get(read).delete(remove))
        .route("/{id}/suspend", post(suspend))
        .route("/{id}/reactivate", post(reactivate))
        .merge(history::routes::<Member>())
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListMembers>,
) -> Result<Answer<Page<Member>>, ApiError> {
    let (page, filter) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.members().list(&filter, page).await?))
}

async fn scroll(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ScrollMembers>,
) -> Result<Answer<Slice<Member>>, ApiError> {
    let (slice, filter) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.members().list_after(&filter, slice).await?))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<MemberId>,
) -> Result<Answer<Member>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.members().get(id).await?))
}

async fn remove(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<MemberId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.members().remove(id).await?;
    app.commit_rights(tx).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn suspend(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<MemberId>,
) -> Result<Answer<Member>, ApiError> {
    set_status(&app, &caller, id, UserStatus::Suspended).await
}

async fn reactivate(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<MemberId>,
) -> Result<Answer<Member>, ApiError> {
    set_status(&app, &caller, id, UserStatus::Active).await
}

async fn set_status(
    app: &App,
    caller: &Caller,
    id: MemberId,
    status: UserStatus,
) -> Result<Answer<Member>, ApiError> {
    let mut tx = app.database.tenant(caller).write().await?;
    let member = tx.members().set_status(id, status).await?;
    app.commit_rights(tx).await?;
    Ok(answer(member))
}
