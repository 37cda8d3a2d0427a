//! `/api/v1/public/auth`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use axum::Extension;
use axum::extract::State;
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use mono_auth::axum::ApiError;
use mono_auth::cookie::{REFRESH_COOKIE, cookie, remove_cookies, require_same_origin, set_cookies};
use mono_auth::{SignIn, SignInAnswer, SignedIn};
use mono_core::api::auth::{
    CookieLoginResponse, LoginRequest, LoginResponse, RefreshRequest, SecondFactorRequired,
};
use mono_core::api::envelope::Success;
use mono_core::api::second_factor::SecondFactorLogin;
use mono_core::caller::RequestContext;
use mono_core::{Error, ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post(
            "/login",
            login,
            about("Sign in with a password")
                .says(
                    "With `cookies`, the tokens come as cookies of a browser and the answer \
                    holds the token against forged requests. Who has a second factor gets \
                    a challenge, to be shown with a code.",
                )
                .example(json!({
                    "email": "admin@harbour.example",
                    "password": "correct horse battery staple",
                }))
                .answers::<200, LoginResponse>()
                .answers::<200, CookieLoginResponse>()
                .answers::<200, SecondFactorRequired>()
                .fails(ErrorKind::Unauthorized)
                .fails(ErrorKind::Forbidden),
        )
        .post(
            "/second-factor",
            second_factor,
            about("Sign in with the code of the second factor")
                .example(json!({"challenge": "the challenge of the answer before", "code": "123456"}))
                .answers::<200, LoginResponse>()
                .answers::<200, CookieLoginResponse>()
                .fails(ErrorKind::Unauthorized)
                .fails(ErrorKind::Forbidden),
        )
        .post(
            "/refresh",
            refresh,
            about("Get new tokens for a refresh token")
                .says(
                    "A refresh token works once; one that is used a second time ends its \
                    session. A browser sends it as a cookie.",
                )
                .example(json!({"refreshToken": "the refresh token of the answer before"}))
                .answers::<200, LoginResponse>()
                .answers::<200, CookieLoginResponse>()
                .fails(ErrorKind::Unauthorized)
                .fails(ErrorKind::Forbidden),
        )
        .post(
            "/logout",
            logout,
            about("End the session of a refresh token")
                .example(json!({"refreshToken": "the refresh token of the session"}))
                .fails(ErrorKind::Unauthorized)
                .fails(ErrorKind::Forbidden),
        )
}

async fn login(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Json(given): Json<LoginRequest>,
) -> Result<Response, ApiError> {
    if given.cookies {
        // Else another site could sign the browser in as somebody else.
        require_same_origin(&headers)?;
    }
    let host = host(&headers);
    let (password, tenant) = (given.password.into(), given.tenant);
    let given_in = SignIn { email: given.email, password, tenant, host };
    answer(&app, app.authenticator.sign_in(given_in, context).await?, given.cookies)
}

async fn second_factor(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Json(given): Json<SecondFactorLogin>,
) -> Result<Response, ApiError> {
    if given.cookies {
        require_same_origin(&headers)?;
    }
    let signed_in = app.authenticator.sign_in_with_code(&given.challenge, &given.code, context).await?;
    tokens(&app, signed_in, given.cookies)
}

/// The name of the host that the client called.
pub(crate) fn host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.map(|host| host.split(':').next().unwrap_or_default().to_owned())
}

async fn refresh(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Json(given): Json<RefreshRequest>,
) -> Result<Response, ApiError> {
    let (token, cookies) = refresh_token(&headers, given)?;
    let signed_in = app.authenticator.refresh(token.expose_secret(), context).await?;
    tokens(&app, signed_in, cookies)
}

async fn logout(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Json(given): Json<RefreshRequest>,
) -> Result<(StatusCode, HeaderMap), ApiError> {
    let (token, _) = refresh_token(&headers, given)?;
    app.authenticator.sign_out(token.expose_secret(), context).await?;
    let mut headers = HeaderMap::new();
    remove_cookies(&mut headers)?;
    Ok((StatusCode::NO_CONTENT, headers))
}

/// The refresh token of the body or of the cookie, and whether it was the cookie.
fn refresh_token(headers: &HeaderMap, given: RefreshRequest) -> Result<(SecretString, bool), Error> {
    let unauthorized = |code: &'static str, message: &str| Error::new(ErrorKind::Unauthorized, code, message);
    match (given.refresh_token, cookie(headers, REFRESH_COOKIE)) {
        (Some(token), None) => Ok((token.into(), false)),
        (None, Some(token)) => {
            require_same_origin(headers)?;
            Ok((token.into(), true))
        }
        (Some(_), Some(_)) => Err(unauthorized("invalid_credentials", "give one credential, not several")),
        (None, None) => Err(unauthorized("missing_credentials", "this needs a refresh token")),
    }
}

/// What comes of signing in: the tokens of a person, or what the second factor is shown with.
pub(crate) fn answer(app: &App, answer: SignInAnswer, cookies: bool) -> Result<Response, ApiError> {
    match answer {
        SignInAnswer::SignedIn(signed_in) => tokens(app, signed_in, cookies),
        SignInAnswer::SecondFactor(challenge) => {
            let answer = SecondFactorRequired {
                second_factor_required: true,
                challenge: challenge.token.expose_secret().to_owned(),
                expires_at: challenge.expires_at,
            };
            Ok(axum::Json(Success::new(answer)).into_response())
        }
    }
}

/// The tokens of a person, in the body or in cookies.
pub(crate) fn tokens(app: &App, signed_in: SignedIn, cookies: bool) -> Result<Response, ApiError> {
    let (expires_at, session_expires_at) = (signed_in.expires_at, signed_in.session_expires_at);
    let (session_id, user_id, tenant_id) = (signed_in.session_id, signed_in.user_id, signed_in.tenant_id);
    let impersonator_id = signed_in.impersonator_id;
    if cookies {
        let csrf_token = app.authenticator.csrf_token(session_id)?;
        let mut headers = HeaderMap::new();
        set_cookies(&mut headers, &signed_in, app.database.now())?;
        let answer = CookieLoginResponse {
            csrf_token,
            expires_at,
            session_expires_at,
            session_id,
            user_id,
            tenant_id,
            impersonator_id,
        };
        return Ok((headers, axum::Json(Success::new(answer))).into_response());
    }
    let answer = LoginResponse {
        access_token: signed_in.access_token,
        token_type: "Bearer".to_owned(),
        expires_at,
        refresh_token: signed_in.refresh_token.map(|token| token.expose_secret().to_owned()),
        session_expires_at,
        session_id,
        user_id,
        tenant_id,
        impersonator_id,
    };
    Ok(axum::Json(Success::new(answer)).into_response())
}
