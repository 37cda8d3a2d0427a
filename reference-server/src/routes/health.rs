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
    (status, Json(Success::new(json!({ "status": word, "services": services }))))
}
