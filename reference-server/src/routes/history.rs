//! `/{id}/versions`, below the address of each noun of a tenant of which versions are kept

use crate::app::App;
use crate::extract::{Authenticated, Path, Query, VersionPath};
use crate::routes::{Answer, answer};
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use mono_auth::axum::ApiError;
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::audit::FieldChange;
use mono_core::history::Version;
use mono_core::page::{Page, PageRequest};
use mono_storage::store::{Revert, Versioned};

/// The routes of a thing that does not go back.
pub(crate) fn routes<T: Versioned>() -> Router<App> {
    Router::new()
        .route("/{id}/versions", get(list::<T>))
        .route("/{id}/versions/diff", get(diff::<T>))
        .route("/{id}/versions/{version}", get(version::<T>))
}

/// The routes of a thing that goes back to earlier versions.
pub(crate) fn routes_with_revert<T: Revert>() -> Router<App> {
    routes::<T>().route("/{id}/versions/{version}/revert", post(revert::<T>))
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
    app.commit_rights(tx).await?;
    Ok(answer(thing))
}
