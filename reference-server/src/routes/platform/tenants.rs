//! `/api/v1/platform/tenants`

use crate::app::App;
use crate::extract::{Json, Path, Query, VersionPath};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Tagged, answer, commit, commit_created, tagged};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::api::tenants::{CreateTenant, ListTenants, ScrollTenants, UpdateTenant};
use mono_core::audit::FieldChange;
use mono_core::caller::Caller;
use mono_core::history::Version;
use mono_core::id::TenantId;
use mono_core::model::tenant::{Tenant, TenantStatus};
use mono_core::page::{Page, PageRequest, Slice};
use mono_core::permission;
use mono_core::permission::Permission;
use serde_json::json;

const READ: Permission = permission!("platform.tenants.read");
const UPDATE: Permission = permission!("platform.tenants.update");
const SUSPEND: Permission = permission!("platform.tenants.suspend");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/", list, about("List the tenants").needs(READ))
        .get("/by-cursor", scroll, about("List the tenants, newest first, by cursor").needs(READ))
        .post(
            "/",
            create,
            about("Make a tenant")
                .needs(permission!("platform.tenants.create"))
                .says("From a template it starts with a plan, schemas, option sets and roles.")
                .example(json!({"name": "Harbour", "currency": "EUR"})),
        )
        .get("/{id}", read, about("Read a tenant").needs(READ))
        .patch(
            "/{id}",
            update,
            about("Change a tenant")
                .compares_version()
                .needs(UPDATE)
                .example(json!({"name": "Harbour", "domain": null})),
        )
        .post(
            "/{id}/suspend",
            suspend,
            about("Suspend a tenant: nobody may work in it").compares_version().needs(SUSPEND),
        )
        .post("/{id}/archive", archive, about("Archive a tenant").compares_version().needs(SUSPEND))
        .post("/{id}/reactivate", reactivate, about("Reactivate a tenant").compares_version().needs(SUSPEND))
        .get("/{id}/versions", versions, about("List the versions of a tenant, newest first").needs(READ))
        .get("/{id}/versions/diff", diff, about("Compare two versions of a tenant").needs(READ))
        .get("/{id}/versions/{version}", version, about("Read a version of a tenant").needs(READ))
        .post(
            "/{id}/versions/{version}/revert",
            revert,
            about("Go back to a version of a tenant").compares_version().needs(UPDATE),
        )
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListTenants>,
) -> Result<Answer<Page<Tenant>>, ApiError> {
    let (page, filter) = query.parse()?;
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().list(&filter, page).await?))
}

async fn scroll(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ScrollTenants>,
) -> Result<Answer<Slice<Tenant>>, ApiError> {
    let (slice, filter) = query.parse()?;
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().list_after(&filter, slice).await?))
}

async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(body): Json<CreateTenant>,
) -> Result<(StatusCode, Answer<Tenant>), ApiError> {
    let new = body.parse()?;
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().create_from(new).await?;
    commit_created(tx, tenant).await
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
) -> Result<Tagged<Tenant>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    let tenant = tx.tenants().get(id).await?;
    Ok(tagged(tenant.version, tenant))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
    Json(body): Json<UpdateTenant>,
) -> Result<Answer<Tenant>, ApiError> {
    let change = body.parse()?;
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().update(id, change).await?;
    commit(tx, tenant).await
}

async fn suspend(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
) -> Result<Answer<Tenant>, ApiError> {
    set_status(&app, &caller, id, TenantStatus::Suspended).await
}

async fn archive(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
) -> Result<Answer<Tenant>, ApiError> {
    set_status(&app, &caller, id, TenantStatus::Archived).await
}

async fn reactivate(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
) -> Result<Answer<Tenant>, ApiError> {
    set_status(&app, &caller, id, TenantStatus::Active).await
}

async fn set_status(
    app: &App,
    caller: &Caller,
    id: TenantId,
    status: TenantStatus,
) -> Result<Answer<Tenant>, ApiError> {
    let mut tx = app.database.platform(caller).write().await?;
    let tenant = tx.tenants().set_status(id, status).await?;
    commit(tx, tenant).await
}

async fn versions(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
    Query(query): Query<ListVersions>,
) -> Result<Answer<Page<Version<Tenant>>>, ApiError> {
    let page = PageRequest::parse(query.page, query.limit)?;
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().history(id).await?.list(page).await?))
}

async fn version(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    VersionPath(id, version): VersionPath<TenantId>,
) -> Result<Answer<Version<Tenant>>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().history(id).await?.version(version).await?))
}

async fn diff(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<TenantId>,
    Query(query): Query<CompareVersions>,
) -> Result<Answer<Vec<FieldChange>>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.tenants().history(id).await?.diff(query.from, query.to).await?))
}

async fn revert(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    VersionPath(id, version): VersionPath<TenantId>,
) -> Result<Answer<Tenant>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().revert(id, version, None).await?;
    commit(tx, tenant).await
}
