//! `/api/v1/tenant/accounts/{id}/teams` and `/api/v1/tenant/teams`

use crate::app::App;
use crate::bulk::{self, Items};
use crate::extract::{Authenticated, Json, Path, Paths, Query};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Tagged, answer, commit, commit_created, commit_gone, history, tagged};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::api::bulk::{BulkChange, BulkResults};
use mono_core::api::teams::{CreateTeam, CreateTeamIn, ListTeams, UpdateTeam};
use mono_core::caller::Caller;
use mono_core::id::{AccountId, MemberId, TeamId};
use mono_core::model::member::Member;
use mono_core::model::team::{Team, TeamChange};
use mono_core::page::Page;
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::text::Name;
use mono_storage::db::TenantTx;
use serde_json::json;

const CREATE: Permission = permission!("account.teams.create");
const READ: Permission = permission!("account.teams.read");
const UPDATE: Permission = permission!("account.teams.update");

/// The routes below `/api/v1/tenant/accounts`.
pub(crate) fn routes_of_accounts() -> Routes {
    Routes::new().get("/{id}/teams", list, about("List the teams of an account, by name").needs(READ)).post(
        "/{id}/teams",
        create,
        about("Make a team of an account").needs(CREATE).example(json!({"name": "Casting"})),
    )
}

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post(
            "/bulk",
            create_many,
            about("Make many teams").needs(CREATE).says(bulk::MADE).example(json!({
                "items": [{"accountId": "01980000-0000-7000-8000-000000000000",
                "name": "Casting"}],
            })),
        )
        .patch(
            "/bulk",
            update_many,
            about("Change many teams").needs(UPDATE).says(bulk::CHANGED).example(json!({
                "items": [{"id": "01980000-0000-7000-8000-000000000000",
                "change": {"name": "Casting"}}],
            })),
        )
        .get("/{id}", read, about("Read a team").needs(READ))
        .patch(
            "/{id}",
            update,
            about("Change a team").compares_version().needs(UPDATE).example(json!({"name": "Casting"})),
        )
        .delete(
            "/{id}",
            delete,
            about("Delete a team")
                .compares_version()
                .needs(permission!("account.teams.delete"))
                .says("It can be restored until it is purged."),
        )
        .post("/{id}/restore", restore, about("Restore a deleted team").compares_version().needs(CREATE))
        .get("/{id}/members", members, about("List the members of a team, by name").needs(READ))
        .put(
            "/{id}/members/{member_id}",
            add_member,
            about("Put a member into a team").compares_version().needs(UPDATE),
        )
        .delete(
            "/{id}/members/{member_id}",
            remove_member,
            about("Take a member out of a team").compares_version().needs(UPDATE),
        )
        .merge(history::routes_with_revert::<Team>("team", &[READ], &[UPDATE]))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(account): Path<AccountId>,
    Query(query): Query<ListTeams>,
) -> Result<Answer<Page<Team>>, ApiError> {
    let (page, search) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.teams().list(account, search.as_deref(), page).await?))
}

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(account): Path<AccountId>,
    Json(body): Json<CreateTeam>,
) -> Result<(StatusCode, Answer<Team>), ApiError> {
    let name = body.parse()?;
    let (tx, made) = create_one(&app, &caller, account, name).await?;
    commit_created(tx, made).await
}

async fn create_many(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<CreateTeamIn>,
) -> Answer<BulkResults<Team>> {
    let (app, caller) = (&app, &caller);
    bulk::each(items, StatusCode::CREATED, async |body| {
        let (account, name) = body.parse()?;
        bulk::committed(create_one(app, caller, account, name)).await
    })
    .await
}

async fn create_one(
    app: &App,
    caller: &Caller,
    account: AccountId,
    name: Name,
) -> Result<(TenantTx, Team), Error> {
    let mut tx = app.database.tenant(caller).write().await?;
    let team = tx.teams().create(account, name).await?;
    Ok((tx, team))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TeamId>,
) -> Result<Tagged<Team>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let team = tx.teams().get(id).await?;
    Ok(tagged(team.version, team))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TeamId>,
    Json(body): Json<UpdateTeam>,
) -> Result<Answer<Team>, ApiError> {
    let change = body.parse()?;
    let (tx, changed) = update_one(&app, &caller, id, change).await?;
    commit(tx, changed).await
}

async fn update_many(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    items: Items<BulkChange<UpdateTeam>>,
) -> Answer<BulkResults<Team>> {
    let (app, caller) = (&app, &caller);
    bulk::each(items, StatusCode::OK, async |BulkChange { id, change }| {
        bulk::committed(update_one(app, caller, id.parse()?, change.parse()?)).await
    })
    .await
}

async fn update_one(
    app: &App,
    caller: &Caller,
    id: TeamId,
    change: TeamChange,
) -> Result<(TenantTx, Team), Error> {
    let mut tx = app.database.tenant(caller).write().await?;
    let team = tx.teams().update(id, change).await?;
    Ok((tx, team))
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TeamId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.teams().delete(id).await?;
    commit_gone(tx).await
}

async fn restore(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TeamId>,
) -> Result<Answer<Team>, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let team = tx.teams().restore(id).await?;
    commit(tx, team).await
}

async fn members(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TeamId>,
    Query(query): Query<ListTeams>,
) -> Result<Answer<Page<Member>>, ApiError> {
    let (page, search) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.teams().members(id, search.as_deref(), page).await?))
}

async fn add_member(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(id, member): Paths<TeamId, MemberId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.teams().add_member(id, member).await?;
    commit_gone(tx).await
}

async fn remove_member(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(id, member): Paths<TeamId, MemberId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.teams().remove_member(id, member).await?;
    commit_gone(tx).await
}
