//! `/ping`: the process is there. `/health`: the services that it needs are there.

use crate::app::App;
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
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

async fn ping() -> Answer<&'static str> {
    answer("pong")
}

async fn health(State(app): State<App>) -> Response {
    let database = app.database.ping().await;
    if let Err(error) = &database {
        tracing::error!(source = std::error::Error::source(error), "the database does not answer");
    }
    let redis = app.database.bus().redis_state();
    let (status, word) = match (&database, redis) {
        (Err(_), _) => (StatusCode::SERVICE_UNAVAILABLE, "down"),
        // Everything is served, only slower: no reason to send requests elsewhere.
        (Ok(()), Some(false)) => (StatusCode::OK, "degraded"),
        (Ok(()), _) => (StatusCode::OK, "healthy"),
    };
    let mut services = json!({ "database": if database.is_ok() { "healthy" } else { "down" } });
    if let (Some(is_up), Some(services)) = (redis, services.as_object_mut()) {
        services.insert("redis".to_owned(), json!(if is_up { "healthy" } else { "down" }));
    }
    (status, answer(json!({ "status": word, "services": services }))).into_response()
}
