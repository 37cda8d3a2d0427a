//! `/{id}/versions`, below the address of each noun of a tenant of which versions are kept

use crate::app::App;
use crate::extract::{Authenticated, Path, Query, VersionPath};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit};
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use mono_auth::axum::ApiError;
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::audit::FieldChange;
use mono_core::history::Version;
use mono_core::page::{Page, PageRequest};
use mono_core::permission::Permission;
use mono_storage::store::{Revert, Versioned};
use schemars::JsonSchema;

/// The routes of a thing that does not go back. `noun` names it, and one of the permissions is needed to read it.
pub(crate) fn routes<T: Versioned + JsonSchema>(noun: &str, read: &[Permission]) -> Routes
where
    T::Id: JsonSchema,
{
    let can_read = |summary: String| about(summary).needs_one_of(read);
    Routes::new()
        .get("/{id}/versions", list::<T>, can_read(format!("List the versions of one {noun}, newest first")))
        .get("/{id}/versions/diff", diff::<T>, can_read(format!("Compare two versions of one {noun}")))
        .get("/{id}/versions/{version}", version::<T>, can_read(format!("Read a version of one {noun}")))
}

/// The routes of a thing that goes back to earlier versions, for which one of the permissions `revert` is needed too.
pub(crate) fn routes_with_revert<T: Revert + JsonSchema>(
    noun: &str,
    read: &[Permission],
    revert: &[Permission],
) -> Routes
where
    T::Id: JsonSchema,
{
    let summary = format!("Go back to a version of one {noun}");
    routes::<T>(noun, read).post(
        "/{id}/versions/{version}/revert",
        self::revert::<T>,
        about(summary)
            .compares_version()
            .needs_one_of(read)
            .needs_one_of(revert)
            .says("It becomes a new version, by the rules of a change."),
    )
}

/// The routes of an application's own entity, of which the document of this server says nothing.
pub(crate) fn router<T: Revert>() -> Router<App> {
    Router::new()
        .route("/{id}/versions", get(list::<T>))
        .route("/{id}/versions/diff", get(diff::<T>))
        .route("/{id}/versions/{version}", get(version::<T>))
        .route("/{id}/versions/{version}/revert", post(revert::<T>))
}

async fn list<T: Versioned>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<T::Id>,
    Query(query): Query<ListVersions>,
) -> Result<Answer<Page<Version<T>>>, ApiError> {
    let page = PageRequest::parse(query.page, query.limit)?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.history::<T>(&id).await?.list(page).await?))
}

async fn version<T: Versioned>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    VersionPath(id, version): VersionPath<T::Id>,
) -> Result<Answer<Version<T>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.history::<T>(&id).await?.version(version).await?))
}

async fn diff<T: Versioned>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<T::Id>,
    Query(query): Query<CompareVersions>,
) -> Result<Answer<Vec<FieldChange>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.history::<T>(&id).await?.diff(query.from, query.to).await?))
}

async fn revert<T: Revert>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    VersionPath(id, version): VersionPath<T::Id>,
) -> Result<Answer<T>, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    let thing = tx.revert::<T>(&id, version, None).await?;
    // An account may be suspended by it.
    commit(tx, thing).await
}
