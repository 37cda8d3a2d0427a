//! Where a request comes from, and the id that ties together everything it causes.

use crate::app::App;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use mono_core::caller::RequestContext;
use std::net::SocketAddr;
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer words about a client are cut: they go into the audit log.
const MAX_USER_AGENT: usize = 256;

pub(crate) async fn attach(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let correlation_id = given_id(&request).unwrap_or_else(|| Uuid::new_v4().to_string());
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let context = RequestContext {
        ip_address: request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|peer| app.trusted_proxies.client(peer.0.ip(), request.headers())),
        user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
        correlation_id: Some(correlation_id.clone()),
    };
    let span = tracing::info_span!("request", method = %request.method(), path = request.uri().path(), correlation_id);
    request.extensions_mut().insert(context);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&correlation_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The id that the client gave, if it is a plain word that can stand in a log.
fn given_id(request: &Request) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    ((1..=64).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}
