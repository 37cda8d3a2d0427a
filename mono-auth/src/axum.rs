//! For axum: the extractor that makes a `Caller` of a request, and the one mapper from error to answer.

use crate::Authenticator;
use axum::Json;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mono_core::api::envelope::Failure;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::TenantId;
use mono_core::{Error, ErrorKind};

/// The header that selects one of the caller's tenants.
pub const TENANT_HEADER: HeaderName = HeaderName::from_static("x-tenant-id");

/// The caller of a request with `Authorization: Bearer …`, and if it likes `X-Tenant-ID`.
///
/// ```no_run
/// use mono_auth::axum::{ApiError, Authenticated};
/// async fn whoami(Authenticated(caller): Authenticated) -> Result<String, ApiError> {
///     Ok(caller.actor().to_string())
/// }
/// ```
pub struct Authenticated(pub Caller);

impl<S> FromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers)?;
        let tenant = chosen_tenant(&parts.headers)?;
        let request = parts.extensions.get::<RequestContext>().cloned().unwrap_or_default();
        let caller = Authenticator::from_ref(state).authenticate(token, tenant, request).await?;
        Ok(Self(caller))
    }
}

/// The one bearer token of a request (RFC 6750).
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let unauthorized = |code: &'static str, message: &str| Error::new(ErrorKind::Unauthorized, code, message);
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| {
        unauthorized("missing_credentials", "this needs a bearer token in the Authorization header")
    })?;
    if values.next().is_some() {
        return Err(unauthorized("invalid_credentials", "give one credential, not several"));
    }
    let value = value.to_str().unwrap_or_default();
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(unauthorized("invalid_credentials", "the Authorization header is `Bearer` and a token")),
    }
}

fn chosen_tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Error> {
    let mut values = headers.get_all(TENANT_HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::invalid("X-Tenant-ID", "invalid_id", "give one tenant, not several"));
    }
    value.to_str().unwrap_or_default().parse().map(Some)
}

/// A failure as an HTTP answer, in the envelope. What it came from goes to the log and never to the client.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = self.0;
        let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let source = std::error::Error::source(&error).map(ToString::to_string);
        if status.is_server_error() {
            tracing::error!(code = error.code(), source, "{error}");
        } else {
            tracing::debug!(code = error.code(), source, "{error}");
        }
        let body = match error.kind() {
            // The words of an internal failure are for the operator, who reads them in the log.
            ErrorKind::Internal => Failure::from(&Error::internal("hidden")),
            _ => Failure::from(&error),
        };
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110: an answer 401 names the scheme.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
