//! Traces: what each request did and how long each statement of it took, sent to a collector over OTLP.
//!
//! Only spans that the server and its storage name are sent, and no line of the log: those may hold what only the log takes
//! out.

use crate::collector::Collector;
use axum::http::{HeaderMap, StatusCode};
use mono_core::Error;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::time::Duration;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// What is sent.
const SPANS: [(&str, &str); 2] = [("reference_server", "request"), ("mono_storage", "statement")];
/// How long a collector may take for what it is sent. What it does not take is lost, and not sent again: traces are no
/// reason to hold memory, or a stop.
const PATIENCE: Duration = Duration::from_secs(3);

/// Sends traces from a thread of its own until it is ended.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins. A collector that is not there yet is tried with each batch.
    pub(crate) fn start(collector: &Collector) -> Result<Self, Error> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(collector.traces())
            .with_timeout(PATIENCE)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|error| {
                let message = "traces cannot be sent there";
                Error::invalid("otlp_endpoint", "invalid_endpoint", message).with_source(error)
            })?;
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("mono").with_attribute(version).build();
        Ok(Self(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build()))
    }

    /// What hears of the spans.
    pub(crate) fn layer<S: Subscriber + for<'s> LookupSpan<'s>>(&self) -> impl Layer<S> + use<S> {
        OpenTelemetryLayer::new(self.0.tracer("mono"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(filter_fn(is_sent))
    }

    /// Sends what is left.
    pub(crate) async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(PATIENCE)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be sent");
        }
    }
}

fn is_sent(metadata: &Metadata<'_>) -> bool {
    let krate = metadata.target().split("::").next().unwrap_or_default();
    metadata.is_span() && SPANS.contains(&(krate, metadata.name()))
}

/// Makes the span of a request a part of the trace that the request names. Nothing has happened in it yet.
pub(crate) fn begin(span: &Span, method: &'static str, route: &str, headers: &HeaderMap) {
    // There is a parent only where `traceparent` is whole; a span that is not sent has none.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(headers)));
    span.record("otel.name", tracing::field::display(format_args!("{method} {route}")));
    span.record("otel.kind", "server");
    span.set_attribute("http.request.method", method);
    span.set_attribute("http.route", route.to_owned());
}

/// Says how a request was answered.
pub(crate) fn answered(span: &Span, status: StatusCode) {
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(opentelemetry::trace::Status::error(""));
    }
}
