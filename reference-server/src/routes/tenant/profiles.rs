//! `/api/v1/tenant/members/{id}/profiles` and `/api/v1/tenant/profiles`

use crate::app::App;
use crate::bulk::{self, Items};
use crate::extract::{Authenticated, Json, NoQuery, Path, Query};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Tagged, answer, commit, commit_created, commit_gone, history, tagged};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::api::bulk::{BulkChange, BulkResults};
use mono_core::api::profiles::{CreateProfile, CreateProfileOf, ListProfiles, ScrollProfiles, UpdateProfile};
use mono_core::caller::Caller;
use mono_core::id::{MemberId, ProfileId};
use mono_core::model::profile::{Profile, ProfileChange};
use mono_core::model::tenant::Document;
use mono_core::page::{Page, Slice};
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::subscription::Key;
use mono_storage::db::TenantTx;
use serde_json::json;

const READ: Permission = permission!("tenant.members.read");
const READ_OWN: Permission = permission!("user.profile.read");
const UPDATE: Permission = permission!("tenant.members.update");
const UPDATE_OWN: Permission = permission!("user.profile.update");
const PUBLISH_OWN: Permission = permission!("user.profile.publish");

/// The routes below `/api/v1/tenant/members`.
pub(crate) fn routes_of_members() -> Routes {
    Routes::new()
        .get("/{id}/profiles", list, about("List the profiles of a member").needs_one_of(&[READ, READ_OWN]))
        .post(
            "/{id}/profiles",
            create,
            about("Make a profile of a member, as a draft")
                .needs_one_of(&[UPDATE, UPDATE_OWN])
                .example(json!({"kind": "model", "data": {"height": 180}})),
        )
}

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/",
            page,
            about("List the profiles that the caller may see, by page").needs_one_of(&[READ, READ_OWN]),
        )
        .get(
            "/by-cursor",
            scroll,
            about("List the profiles that the caller may see, newest first, by cursor")
                .needs_one_of(&[READ, READ_OWN]),
        )
        .post(
            "/bulk",
            create_many,
            about("Make many profiles").needs_one_of(&[UPDATE, UPDATE_OWN]).says(bulk::MADE).example(json!({
                "items": [{"memberId": "01980000-0000-7000-8000-000000000000",
                "kind": "model",
                "data": {"height": 180}}],
            })),
        )
        .patch(
            "/bulk",
            update_many,
            about("Change many profiles").needs_one_of(&[UPDATE, UPDATE_OWN]).says(bulk::CHANGED).example(
                json!({
                    "items": [{"id": "01980000-0000-7000-8000-000000000000",
                    "change": {"data": {"height": 181}}}],
                }),
            ),
        )
        .get("/{id}", read, about("Read a profile").needs_one_of(&[READ, READ_OWN]))
        .patch(
            "/{id}",
            update,
            about("Change or publish a profile")
                .compares_version()
                .needs_one_of(&[UPDATE, UPDATE_OWN, PUBLISH_OWN])
                .says(
                    "On a profile of one's own, a new status needs `user.profile.publish`, \
                    data `user.profile.update`.",
                )
                .example(json!({"status": "published"})),
        )
        .delete(
            "/{id}",
            delete,
            about("Delete a profile")
                .compares_version()
                .needs_one_of(&[UPDATE, UPDATE_OWN])
                .says("It can be restored until it is purged."),
        )
        .post(
            "/{id}/restore",
            restore,
            about("Restore a deleted profile, as a draft")
                .compares_version()
                .needs_one_of(&[UPDATE, UPDATE_OWN]),
        )
        .merge(history::routes_with_revert::<Profile>("profile", &[READ, READ_OWN], &[UPDATE, UPDATE_OWN]))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(member): Path<MemberId>,
    _: NoQuery,
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
    let (tx, made) = create_one(&app, &caller, member, kind, data).await?;
    commit_created(tx, made).await
}

async fn create_many(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<CreateProfileOf>,
) -> Answer<BulkResults<Profile>> {
    let (app, caller) = (&app, &caller);
    bulk::each(items, StatusCode::CREATED, async |body| {
        let (member, kind, data) = body.parse()?;
        bulk::committed(create_one(app, caller, member, kind, data)).await
    })
    .await
}

async fn create_one(
    app: &App,
    caller: &Caller,
    member: MemberId,
    kind: Key,
    data: Document,
) -> Result<(TenantTx, Profile), Error> {
    let mut tx = app.database.tenant(caller).write().await?;
    let profile = tx.profiles().create(member, kind, data).await?;
    Ok((tx, profile))
}

async fn page(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListProfiles>,
) -> Result<Answer<Page<Profile>>, ApiError> {
    let (page, filter) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.profiles().page(&filter, page).await?))
}

async fn scroll(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ScrollProfiles>,
) -> Result<Answer<Slice<Profile>>, ApiError> {
    let (slice, filter) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.profiles().list_after(&filter, slice).await?))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ProfileId>,
) -> Result<Tagged<Profile>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let profile = tx.profiles().get(id).await?;
    Ok(tagged(profile.version, profile))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ProfileId>,
    Json(body): Json<UpdateProfile>,
) -> Result<Answer<Profile>, ApiError> {
    let change = body.parse()?;
    let (tx, changed) = update_one(&app, &caller, id, change).await?;
    commit(tx, changed).await
}

async fn update_many(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<BulkChange<UpdateProfile>>,
) -> Answer<BulkResults<Profile>> {
    let (app, caller) = (&app, &caller);
    bulk::each(items, StatusCode::OK, async |BulkChange { id, change }| {
        bulk::committed(update_one(app, caller, id.parse()?, change.parse()?)).await
    })
    .await
}

async fn update_one(
    app: &App,
    caller: &Caller,
    id: ProfileId,
    change: ProfileChange,
) -> Result<(TenantTx, Profile), Error> {
    let mut tx = app.database.tenant(caller).write().await?;
    let profile = tx.profiles().update(id, change).await?;
    Ok((tx, profile))
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ProfileId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.profiles().delete(id).await?;
    commit_gone(tx).await
}

async fn restore(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<ProfileId>,
) -> Result<Answer<Profile>, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let profile = tx.profiles().restore(id).await?;
    commit(tx, profile).await
}
