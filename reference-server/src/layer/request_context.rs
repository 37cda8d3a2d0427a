//! Where a request comes from, and the id that ties together everything it causes. What is outside of everything else is
//! done here, at once.

use super::security_headers;
use crate::app::App;
use crate::metrics::Answered;
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use mono_core::caller::RequestContext;
use std::net::SocketAddr;
use std::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Longer words about a client are cut: they go into the audit log.
const MAX_USER_AGENT: usize = 256;

pub(crate) async fn attach<F: Future<Output = Response>>(
    app: &App,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let begun = Instant::now();
    let correlation_id = trace_id(request.headers())
        .or_else(|| given_id(request.headers()))
        .map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let context = RequestContext {
        ip_address: request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|peer| app.trusted_proxies.client(peer.0.ip(), request.headers())),
        user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
        correlation_id: Some(correlation_id.clone()),
    };
    let span = span(&request, &correlation_id);
    request.extensions_mut().insert(context);
    let (method, route) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let in_flight = app.measures.begin();
    let mut response = answer(request).instrument(span.clone()).await;
    drop(in_flight);
    app.measures.count(&Answered {
        method: &method,
        route: route.as_ref().map(MatchedPath::as_str),
        status: response.status(),
        failure: response.extensions().get().copied(),
        duration: begun.elapsed(),
    });
    span.in_scope(|| {
        let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(target: "mono::access", status = response.status().as_u16(), milliseconds, "answered");
    });
    security_headers::set(response.headers_mut(), app.http.is_https);
    if let Ok(value) = HeaderValue::from_str(&correlation_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// What each line of the log says that is written for a request. The path is the one that the router knows: what a client
/// wrote into an address may be a secret.
fn span(request: &Request, correlation_id: &str) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str);
    let action = format_args!("{} {route}", request.method());
    tracing::info_span!("request", correlation_id, action, tenant = Empty, user = Empty)
}

/// The id that the client gave, if it is a plain word that can stand in a log.
fn given_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    ((1..=64).contains(&id.len()) && id.bytes().all(plain)).then_some(id)
}

/// The trace that the request is a part of (W3C Trace Context): `00-TRACE-PARENT-FLAGS`. A later version may say more
/// behind.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?.to_str().ok()?;
    let mut parts = value.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| {
        text.len() == length
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_whole = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let is_known = version != "ff" && (version != "00" || parts.next().is_none());
    let names = |id: &str| id.bytes().any(|byte| byte != b'0');
    (is_whole && is_known && names(trace) && names(parent) && values.next().is_none()).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_taken_where_it_is_whole() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(TRACEPARENT, value.parse().unwrap());
            }
            trace_id(&headers).map(str::to_owned)
        };
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for good in ["00-{}-00f067aa0ba902b7-01", "cc-{}-00f067aa0ba902b7-00-what-comes-later"] {
            assert_eq!(read(&[&good.replace("{}", trace)]).as_deref(), Some(trace), "{good}");
        }
        for bad in [
            "",
            "00",
            "ff-{}-00f067aa0ba902b7-01",
            "00-{}-00f067aa0ba902b7-01-more",
            "00-{}-0000000000000000-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-{}-00f067aa0ba902b-01",
            "00-{}0-00f067aa0ba902b7-01",
        ] {
            assert_eq!(read(&[&bad.replace("{}", trace)]), None, "{bad}");
        }
        let twice = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(read(&[&twice, &twice]), None);
    }
}
