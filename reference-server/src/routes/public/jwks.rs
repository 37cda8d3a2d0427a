//! `/.well-known/jwks.json`

use crate::app::App;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::routing::get;
use axum::{Json, Router};
use mono_core::api::jwks::JwkSet;

/// How long others may keep the keys: shorter than it takes to rotate one.
const CACHED: &str = "public, max-age=300";

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/.well-known/jwks.json", get(read))
}

async fn read(State(app): State<App>) -> ([(HeaderName, &'static str); 1], Json<JwkSet>) {
    ([(header::CACHE_CONTROL, CACHED)], Json(app.authenticator.jwks()))
}
