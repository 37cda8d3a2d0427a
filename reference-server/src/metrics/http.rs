//! The measures of each request. Their handles are kept: to look one up by its labels costs more than to count.

use axum::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram};
use mono_core::ErrorKind;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The route of a request for which the router knows none.
const NOWHERE: &str = "none";
const TIERS: [&str; 5] = ["public", "platform", "tenant", "account", "user"];

/// What is known of a request that was answered.
pub(crate) struct Answered<'r> {
    pub(crate) method: &'r Method,
    /// As the router knows it.
    pub(crate) route: Option<&'r str>,
    pub(crate) status: StatusCode,
    pub(crate) failure: Option<ErrorKind>,
    pub(crate) duration: Duration,
}

#[derive(Clone)]
struct Measures {
    requests: Counter,
    duration: Histogram,
    /// Counts where the status is that of an error.
    errors: Option<Counter>,
}

/// Measures by route, and then by method and status.
type Known = HashMap<String, HashMap<(&'static str, u16), Measures>>;

/// The measures of requests.
pub struct HttpMetrics {
    known: RwLock<Known>,
    in_flight: Gauge,
}

impl HttpMetrics {
    /// Begins to measure.
    pub(crate) fn new() -> Arc<Self> {
        super::start();
        Arc::new(Self { known: RwLock::default(), in_flight: metrics::gauge!("http_requests_in_flight") })
    }

    /// Counts a request as under way until the guard is dropped: a client that goes away ends it, too.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.increment(1);
        InFlight(self.in_flight.clone())
    }

    pub(crate) fn count(&self, answered: &Answered<'_>) {
        let measures = self.measures(answered);
        measures.requests.increment(1);
        measures.duration.record(answered.duration);
        if let Some(errors) = &measures.errors {
            errors.increment(1);
        }
        if let Some(kind) = answered.failure {
            let tier = tier(answered.route.unwrap_or_default());
            metrics::counter!("api_errors_total", "code" => kind.code(), "tier" => tier).increment(1);
        }
    }

    fn measures(&self, answered: &Answered<'_>) -> Measures {
        let route = answered.route.unwrap_or(NOWHERE);
        let key = (known_method(answered.method), answered.status.as_u16());
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(measures) = known.get(route).and_then(|of_route| of_route.get(&key)) {
            return measures.clone();
        }
        drop(known);
        let measures = Measures::new(key.0, route, key.1);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(route.to_owned()).or_default().entry(key).or_insert(measures).clone()
    }
}

impl Measures {
    fn new(method: &'static str, route: &str, status: u16) -> Self {
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
            ("tier", tier(route).to_owned()),
        ];
        Self {
            requests: metrics::counter!("http_requests_total", &labels),
            duration: metrics::histogram!("http_request_duration_seconds", &labels),
            errors: (status >= 400).then(|| metrics::counter!("http_errors_total", &labels)),
        }
    }
}

/// A request that is under way.
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// A client may make methods up.
pub(crate) fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

/// The tier of a route: `tenant` of `/api/v1/tenant/accounts`.
fn tier(route: &str) -> &'static str {
    let tier = route.strip_prefix("/api/v1/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    TIERS.into_iter().find(|known| *known == tier).unwrap_or("none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_made_up_by_a_client() {
        assert_eq!(tier("/api/v1/tenant/accounts/{id}"), "tenant");
        assert_eq!((tier("/api/v1/evil"), tier("/ping"), tier("")), ("none", "none", "none"));
        assert_eq!(known_method(&Method::from_bytes(b"EVIL").unwrap()), "OTHER");
    }
}
