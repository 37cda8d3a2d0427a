//! `/ping`: the process is there. `/health`: the services that it needs are there.

use crate::app::App;
use crate::openapi::{Routes, about};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mono_core::api::envelope::Success;
use serde_json::{Value, json};

pub(crate) fn routes() -> Routes {
    Routes::new().get("/ping", ping, about("Say that the process is there")).get(
        "/health",
        health,
        about("Say whether the services are there that the server needs")
            .answers::<200, Value>()
            .answers::<503, Value>(),
    )
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
