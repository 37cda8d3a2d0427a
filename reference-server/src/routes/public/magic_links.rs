//! `/api/v1/public/auth/magic-link`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use crate::routes::public::auth;
use crate::routes::public::emails::{ALIKE, MailAnswer, on_its_way};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use mono_auth::MagicLink;
use mono_auth::axum::ApiError;
use mono_auth::cookie::require_same_origin;
use mono_core::ErrorKind;
use mono_core::api::auth::{CookieLoginResponse, LoginResponse, SecondFactorRequired};
use mono_core::api::emails::RequestMail;
use mono_core::api::magic_links::ConfirmMagicLink;
use mono_core::caller::RequestContext;
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post(
            "/magic-link",
            request,
            about("Ask for a mail with which one signs in")
                .says(ALIKE)
                .example(json!({"email": "ann@harbour.example"})),
        )
        .post(
            "/magic-link/confirm",
            sign_in,
            about("Sign in with the token of the mail")
                .example(json!({"token": "the token of the link"}))
                .answers::<200, LoginResponse>()
                .answers::<200, CookieLoginResponse>()
                .answers::<200, SecondFactorRequired>()
                .fails(ErrorKind::Unauthorized)
                .fails(ErrorKind::Forbidden),
        )
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
