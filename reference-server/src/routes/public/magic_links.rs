//! `/api/v1/public/auth/magic-link`

use crate::app::App;
use crate::extract::Json;
use crate::routes::public::auth;
use crate::routes::public::emails::{MailAnswer, on_its_way};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use mono_auth::MagicLink;
use mono_auth::axum::ApiError;
use mono_auth::cookie::require_same_origin;
use mono_core::api::emails::RequestMail;
use mono_core::api::magic_links::ConfirmMagicLink;
use mono_core::caller::RequestContext;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/magic-link", post(request)).route("/magic-link/confirm", post(sign_in))
}

async fn request(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    Json(given): Json<RequestMail>,
) -> Result<MailAnswer, ApiError> {
    app.authenticator.request_magic_link(&given.email, context).await?;
    Ok(on_its_way())
}

async fn sign_in(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Json(given): Json<ConfirmMagicLink>,
) -> Result<Response, ApiError> {
    if given.cookies {
        require_same_origin(&headers)?;
    }
    let link = MagicLink { token: given.token, tenant: given.tenant, host: auth::host(&headers) };
    auth::answer(&app, app.authenticator.magic_link(link, context).await?, given.cookies)
}
