//! What the server measures, for Prometheus.
//!
//! No label holds what a client wrote: the route is the one that the router knows, and a tenant is none.

mod http;

pub(crate) use http::Answered;
pub use http::HttpMetrics;
#[cfg(feature = "otlp")]
pub(crate) use http::known_method;

use crate::app::App;
use crate::health::count_mails;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use mono_core::time::Clock;
use mono_storage::system::SystemClock;
use std::sync::OnceLock;
use std::time::Duration;

/// From half a millisecond to what a request may take, in seconds.
const SECONDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// What is measured where, and what it means.
const MEANINGS: [(&str, &str); 21] = [
    ("http_requests_total", "Requests that were answered"),
    ("http_request_duration_seconds", "How long requests took"),
    ("http_requests_in_flight", "Requests that are being answered"),
    ("http_errors_total", "Answers with a status of 400 or above"),
    ("api_errors_total", "Failures by the code in the answer"),
    ("db_operation_duration_seconds", "How long statements took"),
    ("db_pool_connections", "Connections to the database by pool: open, idle, and how many there may be"),
    (
        "rate_limit_decisions_total",
        "Calls that a rate limit admitted or refused; the tightest limit is named",
    ),
    ("rate_limit_nodes", "Servers that count together"),
    (
        "audit_entries_total",
        "What was done, by kind of thing and action: logins, failed logins, things created",
    ),
    ("cache_hits_total", "Questions that a layer of the cache answered"),
    ("cache_misses_total", "Questions that a layer of the cache could not answer"),
    ("cache_loads_total", "Loads that a layer of the cache caused"),
    ("cache_evictions_total", "Entries that were dropped to make room"),
    ("cache_bypasses_total", "Questions for which a layer was left out"),
    ("redis_up", "Whether Redis answers, where there is one"),
    ("feature_usage_total", "Uses of permissions that belong to a feature"),
    ("mails_total", "Tries to send a mail"),
    ("mails", "Mails that wait, and mails that were given up"),
    ("mono_info", "The version, as a label"),
    ("process_start_time_seconds", "When the process began, in seconds since 1970"),
];

/// Begins to measure, once in a process; the first server of several counts for all. `None` where the program measures
/// with another recorder.
pub(crate) fn start() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let durations = Matcher::Suffix("_seconds".to_owned());
            let builder = PrometheusBuilder::new().set_buckets_for_metric(durations, &SECONDS).ok()?;
            let handle = builder.install_recorder().ok()?;
            for (name, meaning) in MEANINGS {
                // What the kind is follows from how it is used.
                match name {
                    _ if name.ends_with("_total") => metrics::describe_counter!(name, meaning),
                    _ if name.ends_with("duration_seconds") => metrics::describe_histogram!(name, meaning),
                    _ => metrics::describe_gauge!(name, meaning),
                }
            }
            let began = u32::try_from(SystemClock.now().timestamp()).unwrap_or_default();
            metrics::gauge!("process_start_time_seconds").set(began);
            metrics::gauge!("mono_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            Some(handle)
        })
        .clone()
}

/// Everything that was measured, in the format of Prometheus. What has a state is asked at this moment.
pub(crate) async fn render(app: &App, handle: &PrometheusHandle) -> String {
    for pool in app.database.pool_status() {
        for (state, connections) in [("open", pool.open), ("idle", pool.idle), ("maximum", pool.maximum)] {
            metrics::gauge!("db_pool_connections", "pool" => pool.name, "state" => state).set(connections);
        }
    }
    if let Some(limiting) = &app.rate_limits {
        metrics::gauge!("rate_limit_nodes").set(limiting.limiter.nodes());
    }
    let (memory, shared) = app.database.cache().counts();
    let layers = [("memory", memory), ("redis", shared)].into_iter().chain(app.authenticator.cache_counts());
    for (layer, counts) in layers {
        metrics::counter!("cache_hits_total", "layer" => layer).absolute(counts.hits);
        metrics::counter!("cache_misses_total", "layer" => layer).absolute(counts.misses);
        metrics::counter!("cache_loads_total", "layer" => layer).absolute(counts.loads);
        metrics::counter!("cache_evictions_total", "layer" => layer).absolute(counts.evictions);
        metrics::counter!("cache_bypasses_total", "layer" => layer).absolute(counts.bypasses);
    }
    if let Some(is_up) = app.database.bus().redis_state() {
        metrics::gauge!("redis_up").set(f64::from(u8::from(is_up)));
    }
    match count_mails(app).await {
        Ok(count) => {
            for (state, mails) in [("waiting", count.waiting), ("dead", count.dead)] {
                metrics::gauge!("mails", "state" => state).set(u32::try_from(mails).unwrap_or(u32::MAX));
            }
        }
        Err(error) => tracing::warn!("the mails that wait cannot be counted: {error}"),
    }
    handle.render()
}

/// Puts together what was measured since the last time, so that it takes no more memory where nobody reads it.
pub(crate) async fn keep_small(handle: PrometheusHandle) {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        every.tick().await;
        handle.run_upkeep();
    }
}
