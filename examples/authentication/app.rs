//! Authentication in an axum app of one's own: a login, and a route that knows who calls.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use mono_auth::axum::{ApiError, Authenticated};
use mono_auth::{Authenticator, SignIn};
use mono_core::api::auth::LoginRequest;
use mono_core::caller::RequestContext;

/// The routes. The state is the authenticator itself; any state will do that `FromRef` gets one out of.
pub fn app(authenticator: Authenticator) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/me", get(me))
        // Where a request comes from. A server fills it for each request: guesses are counted by address.
        .layer(Extension(RequestContext::default()))
        .with_state(authenticator)
}

async fn login(
    State(authenticator): State<Authenticator>,
    Extension(request): Extension<RequestContext>,
    Json(given): Json<LoginRequest>,
) -> Result<String, ApiError> {
    let signed_in =
        authenticator.sign_in(SignIn::new(given.email, given.password), request).await?.signed_in()?;
    Ok(signed_in.access_token)
}

async fn me(Authenticated(caller): Authenticated) -> Result<String, ApiError> {
    Ok(format!("{} in tenant {}", caller.actor(), caller.tenant()?))
}
