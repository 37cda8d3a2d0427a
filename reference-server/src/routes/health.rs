//! `/ping`: the process is there. `/health`: the services that it needs are there.

use crate::app::App;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use mono_core::api::envelope::Success;
use serde_json::{Value, json};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/ping", get(ping)).route("/health", get(health))
}

async fn ping() -> Json<Success<&'static str>> {
    Json(Success::new("pong"))
}

async fn health(State(app): State<App>) -> (StatusCode, Json<Success<Value>>) {
    let (status, word) = match app.database.ping().await {
        Ok(()) => (StatusCode::OK, "healthy"),
        Err(error) => {
            tracing::error!(source = std::error::Error::source(&error), "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "down")
        }
    };
    (status, Json(Success::new(json!({ "status": word, "services": { "database": word } }))))
}
