//! `/ping`: the process is there. `/ready`: it takes requests. `/health`: how it is, in one word; `/health/detailed` for
//! those who run it, and `/metrics` for Prometheus.

use crate::app::App;
use crate::extract::Watcher;
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer};
use crate::{health, metrics};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use mono_auth::axum::ApiError;
use mono_core::api::health::{Health, HealthReport, HealthSummary, Readiness, ReadyResponse};
use mono_core::{Error, ErrorKind, permission};

/// The format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// What those who watch do without a token of their own.
const TOKEN: &str = "Or show the token of those who watch (`MONO_WATCH_TOKEN`) as a bearer token.";

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/ping", ping, about("Say that the process is there"))
        .get(
            "/ready",
            ready,
            about("Say whether the server takes requests")
                .says(
                    "No where the database is away, and from the moment at which the server is told to stop.",
                )
                .answers::<200, ReadyResponse>()
                .answers::<503, ReadyResponse>(),
        )
        .get(
            "/health",
            overall,
            about("Say how the server is, in one word, and the services that it needs")
                .answers::<200, HealthSummary>()
                .answers::<503, HealthSummary>(),
        )
        .get(
            "/health/detailed",
            detailed,
            about("Say how each service is that the server uses")
                .says(TOKEN)
                .needs(permission!("platform.analytics.read"))
                .answers::<200, HealthReport>()
                .answers::<503, HealthReport>(),
        )
        .get(
            "/metrics",
            measured,
            about("Read everything that is measured, in the format of Prometheus")
                .says(TOKEN)
                .needs(permission!("platform.analytics.read"))
                .answers_text(&["text/plain"])
                .fails(ErrorKind::NotFound),
        )
}

async fn ping() -> Answer<&'static str> {
    answer("pong")
}

/// Says no before the server ends, so that no new request comes.
async fn ready(State(app): State<App>) -> Response {
    let (code, status) = match (app.lifecycle.is_stopping(), health::database(&app).await.status) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, Readiness::Stopping),
        (false, Health::Down) => (StatusCode::SERVICE_UNAVAILABLE, Readiness::Down),
        (false, _) => (StatusCode::OK, Readiness::Ready),
    };
    (code, answer(ReadyResponse { status })).into_response()
}

async fn overall(State(app): State<App>) -> Response {
    let services: Vec<_> = std::iter::once(health::database(&app).await).chain(health::redis(&app)).collect();
    let status = health::overall(&services);
    let services = services.into_iter().map(|service| (service.name, service.status)).collect();
    (code(status), answer(HealthSummary { status, services })).into_response()
}

async fn detailed(State(app): State<App>, _: Watcher) -> Response {
    let report = health::report(&app).await;
    (code(report.status), answer(report)).into_response()
}

const fn code(status: Health) -> StatusCode {
    match status {
        Health::Down => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    }
}

async fn measured(State(app): State<App>, _: Watcher) -> Result<Response, ApiError> {
    let Some(handle) = metrics::start() else {
        return Err(
            Error::new(ErrorKind::NotFound, "no_metrics", "this program measures in another way").into()
        );
    };
    Ok(([(header::CONTENT_TYPE, TEXT)], metrics::render(&app, &handle).await).into_response())
}
