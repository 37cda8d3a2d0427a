//! `/api/v1/tenant`: the tenant that the caller works in

use crate::app::App;
use crate::extract::{Authenticated, Json, Path, Query, VersionNumber};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Tagged, commit, tagged};
use axum::extract::State;
use mono_auth::axum::ApiError;
use mono_core::ErrorKind;
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::api::tenants::UpdateOwnTenant;
use mono_core::audit::FieldChange;
use mono_core::history::Version;
use mono_core::model::tenant::Tenant;
use mono_core::page::{Page, PageRequest};
use mono_core::permission;
use mono_core::permission::Permission;
use serde_json::json;

const READ: Permission = permission!("tenant.settings.read");
const UPDATE: Permission = permission!("tenant.settings.update");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/", read, about("Read the tenant that the caller works in").needs(READ))
        .patch(
            "/",
            update,
            about("Change the tenant that the caller works in")
                .compares_version()
                .needs(UPDATE)
                .example(json!({"name": "Harbour", "timeZone": "Europe/Lisbon"})),
        )
        .get("/versions", versions, about("List the versions of the tenant, newest first").needs(READ))
        .get(
            "/versions/diff",
            diff,
            about("Compare two versions of the tenant").needs(READ).fails(ErrorKind::NotFound),
        )
        .get("/versions/{version}", version, about("Read a version of the tenant").needs(READ))
        .post(
            "/versions/{version}/revert",
            revert,
            about("Go back to a version of the tenant").compares_version().needs(UPDATE),
        )
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<Tagged<Tenant>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().own().await?;
    tx.commit().await?;
    Ok(tagged(tenant.version, tenant))
}

async fn update(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Json(body): Json<UpdateOwnTenant>,
) -> Result<Answer<Tenant>, ApiError> {
    let change = body.parse()?;
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().update_own(change).await?;
    commit(tx, tenant).await
}

async fn versions(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListVersions>,
) -> Result<Answer<Page<Version<Tenant>>>, ApiError> {
    let page = PageRequest::parse(query.page, query.limit)?;
    let mut tx = app.database.platform(&caller).write().await?;
    let versions = tx.tenants().own_history().await?.list(page).await?;
    commit(tx, versions).await
}

async fn version(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(VersionNumber(version)): Path<VersionNumber>,
) -> Result<Answer<Version<Tenant>>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let version = tx.tenants().own_history().await?.version(version).await?;
    commit(tx, version).await
}

async fn diff(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<CompareVersions>,
) -> Result<Answer<Vec<FieldChange>>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let changes = tx.tenants().own_history().await?.diff(query.from, query.to).await?;
    commit(tx, changes).await
}

async fn revert(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(VersionNumber(version)): Path<VersionNumber>,
) -> Result<Answer<Tenant>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let tenant = tx.tenants().revert_own(version, None).await?;
    commit(tx, tenant).await
}
