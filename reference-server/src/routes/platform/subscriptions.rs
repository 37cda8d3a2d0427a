//! `/api/v1/platform/tenants/{id}/subscription` and `/api/v1/platform/tenants/{id}/entitlement-overrides`

use crate::app::App;
use crate::extract::{Json, NoQuery, Path, Paths};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit, commit_created, commit_gone};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::api::subscriptions::{ChangeResponse, CreateOverride};
use mono_core::id::{OverrideId, TenantId};
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::subscription::{Change, Preview, StoredOverride, Subscription};
use serde_json::json;

const READ: Permission = permission!("platform.subscriptions.read");
const UPDATE: Permission = permission!("platform.subscriptions.update");
const OVERRIDE: Permission = permission!("platform.tenants.manage-features");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/{id}/subscription", read, about("Read what a tenant has bought").needs(READ))
        .put(
            "/{id}/subscription",
            set,
            about("Say what a tenant has bought, whatever it had")
                .needs(UPDATE)
                .example(json!({"plan": "starter", "state": {"state": "active"}})),
        )
        .post(
            "/{id}/subscription/changes",
            change,
            about("Change the subscription of a tenant")
                .needs(UPDATE)
                .example(json!({"plan": "professional"})),
        )
        .post(
            "/{id}/subscription/preview",
            preview,
            about("Show what a change of the subscription would do")
                .needs(READ)
                .example(json!({"plan": "professional"})),
        )
        .get(
            "/{id}/entitlement-overrides",
            overrides,
            about("List what is different for a tenant than its plan says").needs(READ),
        )
        .post(
            "/{id}/entitlement-overrides",
            add_override,
            about("Make something different for a tenant than its plan says").needs(OVERRIDE).example(
                json!({
                    "change": {"limit": {"limit": "teams",
                    "maximum": 6}},
                    "reason": "a fair",
                }),
            ),
        )
        .delete(
            "/{id}/entitlement-overrides/{override_id}",
            remove_override,
            about("Take back what was different for a tenant").needs(OVERRIDE),
        )
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
) -> Result<Answer<Subscription>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.subscriptions().get(tenant).await?))
}

async fn set(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    Json(subscription): Json<Subscription>,
) -> Result<Answer<Subscription>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    tx.subscriptions().set(tenant, &subscription).await?;
    commit(tx, subscription).await
}

async fn change(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    Json(change): Json<Change>,
) -> Result<Answer<ChangeResponse>, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    let (subscription, preview) = tx.subscriptions().change(tenant, &change).await?;
    commit(tx, ChangeResponse { subscription, preview }).await
}

async fn preview(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    Json(change): Json<Change>,
) -> Result<Answer<Preview>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.subscriptions().preview(tenant, &change).await?))
}

async fn overrides(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    _: NoQuery,
) -> Result<Answer<Vec<StoredOverride>>, ApiError> {
    let mut tx = app.database.platform(&caller).read().await?;
    Ok(answer(tx.subscriptions().overrides(tenant).await?))
}

async fn add_override(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(tenant): Path<TenantId>,
    Json(body): Json<CreateOverride>,
) -> Result<(StatusCode, Answer<StoredOverride>), ApiError> {
    let exception = body.at(app.database.now());
    let mut tx = app.database.platform(&caller).write().await?;
    let stored = tx.subscriptions().add_override(tenant, &exception).await?;
    commit_created(tx, stored).await
}

async fn remove_override(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(tenant, id): Paths<TenantId, OverrideId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.platform(&caller).write().await?;
    tx.subscriptions().remove_override(tenant, id).await?;
    commit_gone(tx).await
}
