//! `/ping`: the process is there. `/ready`: it takes requests. `/health`: how it is, in one word; `/health/detailed` for
//! those who run it, and `/metrics` for Prometheus.

use crate::app::App;
use crate::extract::Watcher;
use crate::routes::{Answer, answer};
use crate::{health, metrics};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use mono_auth::axum::ApiError;
use mono_core::api::envelope::Success;
use mono_core::api::health::{Health, HealthReport};
use mono_core::{Error, ErrorKind};
use serde_json::{Map, Value, json};

/// The format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/ping", get(ping))
        .route("/ready", get(ready))
        .route("/health", get(overall))
        .route("/health/detailed", get(detailed))
        .route("/metrics", get(measured))
}

async fn ping() -> Answer<&'static str> {
    answer("pong")
}

/// Says no before the server ends, so that no new request comes.
async fn ready(State(app): State<App>) -> (StatusCode, Answer<Value>) {
    let (status, word) = match (app.lifecycle.is_stopping(), health::database(&app).await.status) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        (false, Health::Down) => (StatusCode::SERVICE_UNAVAILABLE, "down"),
        (false, _) => (StatusCode::OK, "ready"),
    };
    (status, answer(json!({ "status": word })))
}

async fn overall(State(app): State<App>) -> (StatusCode, Json<Success<Value>>) {
    let services: Vec<_> = std::iter::once(health::database(&app).await).chain(health::redis(&app)).collect();
    let words: Map<_, _> =
        services.iter().map(|service| (service.name.clone(), json!(service.status))).collect();
    let status = health::overall(&services);
    (code(status), answer(json!({ "status": status, "services": words })))
}

async fn detailed(State(app): State<App>, _: Watcher) -> (StatusCode, Answer<HealthReport>) {
    let report = health::report(&app).await;
    (code(report.status), answer(report))
}

const fn code(status: Health) -> StatusCode {
    match status {
        Health::Down => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    }
}

async fn measured(State(app): State<App>, _: Watcher) -> Result<impl IntoResponse, ApiError> {
    let Some(handle) = metrics::start() else {
        return Err(
            Error::new(ErrorKind::NotFound, "no_metrics", "this program measures in another way").into()
        );
    };
    Ok(([(header::CONTENT_TYPE, TEXT)], metrics::render(&app, &handle).await))
}
