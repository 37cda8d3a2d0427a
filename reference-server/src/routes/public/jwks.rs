//! `/.well-known/jwks.json`

use crate::app::App;
use crate::openapi::{Routes, about};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use mono_core::api::jwks::JwkSet;

/// How long others may keep the keys: shorter than it takes to rotate one.
const CACHED: &str = "public, max-age=300";

pub(crate) fn routes() -> Routes {
    Routes::new().get(
        "/.well-known/jwks.json",
        read,
        about("Read the public keys with which access tokens are verified")
            .says("Empty where tokens are signed with a secret."),
    )
}

async fn read(State(app): State<App>) -> ([(HeaderName, &'static str); 1], Json<JwkSet>) {
    ([(header::CACHE_CONTROL, CACHED)], Json(app.authenticator.jwks()))
}
