//! `/api/v1/tenant/members`

use crate::app::App;
use crate::extract::{Authenticated, Path, Query};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Tagged, answer, commit, commit_gone, history, tagged};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::api::members::{ListMembers, ScrollMembers};
use mono_core::caller::Caller;
use mono_core::id::MemberId;
use mono_core::model::member::Member;
use mono_core::model::user::UserStatus;
use mono_core::page::{Page, Slice};
use mono_core::permission;
use mono_core::permission::Permission;

const READ: Permission = permission!("tenant.members.read");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/", list, about("List the members of the tenant, by name").needs(READ))
        .get(
            "/by-cursor",
            scroll,
            about("List the members of the tenant, newest first, by cursor").needs(READ),
        )
        .get("/{id}", read, about("Read a member").needs(READ))
        .delete(
            "/{id}",
            remove,
            about("Remove a member from the tenant")
                .compares_version()
                .needs(permission!("tenant.members.remove"))
                .says("The person keeps their sign-in and other tenants."),
        )
        .post(
            "/{id}/suspend",
            suspend,
            about("Suspend a member")
                .compares_version()
                .needs(permission!("tenant.members.suspend"))
                .says("They may do nothing in the tenant until they are reactivated."),
        )
        .post(
            "/{id}/reactivate",
            reactivate,
            about("Reactivate a suspended member")
                .compares_version()
                .needs(permission!("tenant.members.suspend")),
        )
        .merge(history::routes::<Member>("member", &[READ]))
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
) -> Result<Tagged<Member>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let member = tx.members().get(id).await?;
    Ok(tagged(member.version, member))
}

async fn remove(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<MemberId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.members().remove(id).await?;
    commit_gone(tx).await
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
    commit(tx, member).await
}
