//! For axum: the extractor that makes a `Caller` of a request, and the one mapper from error to answer.

use crate::Authenticator;
use crate::cookie::{self, ACCESS_COOKIE};
use axum::Json;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mono_core::api::envelope::Failure;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::TenantId;
use mono_core::idempotency::{IdempotencyKey, KeptAnswer};
use mono_core::{Error, ErrorKind};
use mono_storage::db::TRANSACTION_CONFLICT;
use std::pin::Pin;
use std::sync::Arc;

/// The header that carries an API key, where `Authorization` is wanted for something else.
pub const API_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
/// The header of an answer that was given before, to the same request with the same idempotency key.
pub const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The header that selects one of the caller's tenants.
pub const TENANT_HEADER: HeaderName = HeaderName::from_static("x-tenant-id");

/// The caller of a request with `Authorization: Bearer …`, `X-API-Key` or the cookies of a browser, and if it likes
/// `X-Tenant-ID`. A change with `If-Match` is refused where that is not the current version of what it changes.
///
/// Who calls is asked when the headers are there, before a body is read. A server of your own that takes bodies of any length
/// asks once more where a body came late, as the router of the reference server does: a right may be lost meanwhile.
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
        let authenticator = Authenticator::from_ref(state);
        let credential = credential(&parts.headers)?;
        let tenant = chosen_tenant(&parts.headers)?;
        let request = parts.extensions.get::<RequestContext>().cloned().unwrap_or_default();
        let caller = match credential {
            Credential::Bearer(token) => authenticator.authenticate(token, tenant, request).await?,
            Credential::ApiKey(key) => authenticator.authenticate_key(key, tenant, request).await?,
            Credential::Cookie(token) => {
                let caller = authenticator.authenticate_session(token, tenant, request).await?;
                authenticator.check_csrf(&caller, parts)?;
                caller
            }
        };
        let caller = caller.expecting(expected_version(parts)?);
        let caller = match parts.extensions.get::<IdempotencyKey>() {
            Some(key) => caller.once(key.clone()),
            None => caller,
        };
        Ok(Self(admitted(parts, caller).await?))
    }
}

/// The version in the header `If-Match` of a request that changes something: `"3"`, or the `ETag` of an answer that showed
/// it, `"3.…"`, of which only the number is compared. With `*` there has to be something to change, as for every change.
fn expected_version(parts: &Parts) -> Result<Option<i64>, Error> {
    let mut values = parts.headers.get_all(header::IF_MATCH).iter().filter(|_| !parts.method.is_safe());
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|_| values.next().is_none());
    if text == Some("*") {
        return Ok(None);
    }
    let version = text.and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
    let number = version.map(|tag| tag.split_once('.').map_or(tag, |(number, _)| number));
    let number = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    number.and_then(|number| number.parse().ok()).map(Some).ok_or_else(|| {
        let message = "the header If-Match holds one version in quotes, such as \"3\", or an ETag";
        Error::invalid("If-Match", "invalid_version", message)
    })
}

/// The person of a request, in no tenant: for what concerns the person alone. It works where the tenant that the token
/// names is suspended, so that they can choose another.
pub struct Person(pub Caller);

impl<S> FromRequestParts<S> for Person
where
    S: Send + Sync,
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let authenticator = Authenticator::from_ref(state);
        let request = parts.extensions.get::<RequestContext>().cloned().unwrap_or_default();
        let caller = match credential(&parts.headers)? {
            Credential::Bearer(token) | Credential::ApiKey(token) => {
                authenticator.authenticate_person(token, request).await?
            }
            Credential::Cookie(token) => {
                let caller = authenticator.authenticate_person(token, request).await?;
                authenticator.check_csrf(&caller, parts)?;
                caller
            }
        };
        // What concerns a person alone counts no versions.
        if expected_version(parts)?.is_some() {
            return Err(Error::no_version().into());
        }
        Ok(Self(admitted(parts, caller).await?))
    }
}

/// Is asked about each caller as soon as it is known, before anything is done for it. A server puts it into the
/// extensions of a request.
#[derive(Clone)]
pub struct Admission(Arc<dyn Fn(Caller) -> Admitting + Send + Sync>);

/// The answer of an [`Admission`], in a while.
pub type Admitting = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Admission {
    /// Asks the function; what it refuses is the answer to the request.
    pub fn new(ask: impl Fn(Caller) -> Admitting + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }
}

/// The caller, if the server admits it.
async fn admitted(parts: &Parts, caller: Caller) -> Result<Caller, Error> {
    tell_log(&caller);
    if let Some(Admission(ask)) = parts.extensions.get::<Admission>() {
        ask(caller.clone()).await?;
    }
    Ok(caller)
}

/// From here on each line of the log says for whom it was written.
fn tell_log(caller: &Caller) {
    let span = tracing::Span::current();
    if let Ok(tenant) = caller.tenant() {
        span.record("tenant", tracing::field::display(tenant));
    }
    span.record("user", tracing::field::display(caller.actor()));
}

/// Whether a request shows anything to say who it is from, be it right or wrong.
pub fn has_credential(headers: &HeaderMap) -> bool {
    !matches!(credential(headers), Err(error) if error.code() == MISSING)
}

/// The code of the refusal of who shows nothing.
const MISSING: &str = "missing_credentials";

/// What a request shows to say who it is from.
enum Credential<'h> {
    /// An access token or an API key that a program put there.
    Bearer(&'h str),
    /// An API key that a program put there.
    ApiKey(&'h str),
    /// An access token that a browser sends by itself.
    Cookie(&'h str),
}

/// The one credential of a request. Of two, one would have to be believed and the other ignored: none is.
fn credential(headers: &HeaderMap) -> Result<Credential<'_>, Error> {
    let has = |name| headers.contains_key(name);
    match (has(header::AUTHORIZATION), has(API_KEY_HEADER), cookie::cookie(headers, ACCESS_COOKIE)) {
        (true, false, None) => bearer(headers).map(Credential::Bearer),
        (false, true, None) => one_value(headers, API_KEY_HEADER).map(Credential::ApiKey),
        (false, false, Some(token)) => Ok(Credential::Cookie(token)),
        (false, false, None) => {
            Err(unauthorized(MISSING, "this needs a bearer token in the Authorization header"))
        }
        _ => Err(several()),
    }
}

fn several() -> Error {
    unauthorized("invalid_credentials", "give one credential, not several")
}

/// The value of a header that stands once; one that is no text is as good as an empty one.
fn one_value(headers: &HeaderMap, name: HeaderName) -> Result<&str, Error> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if values.next().is_some() { Err(several()) } else { Ok(value) }
}

fn unauthorized(code: &'static str, message: &str) -> Error {
    Error::new(ErrorKind::Unauthorized, code, message)
}

/// The one bearer token of a request (RFC 6750).
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let value = one_value(headers, header::AUTHORIZATION)?;
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
    let tenant = value.to_str().unwrap_or_default().parse();
    tenant
        .map(Some)
        .map_err(|_| Error::invalid("X-Tenant-ID", "invalid_id", "this is not the id of a tenant"))
}

/// Marks, among the extensions of an answer, that the database undid the transaction of the request because of another
/// one: the same request may be run once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionConflict;

/// A failure as an HTTP answer, in the envelope. Its kind stands among the extensions of the answer. What it came from goes to the log and never to the client.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl ApiError {
    /// The status and the words of the answer; the cause goes to the log.
    pub fn failure(&self) -> (StatusCode, Failure) {
        let error = &self.0;
        let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let source = std::error::Error::source(error).map(ToString::to_string);
        if error.code() == TRANSACTION_CONFLICT {
            // Most often the request is run once more and succeeds.
            tracing::warn!(code = error.code(), source, "{error}");
        } else if status.is_server_error() {
            tracing::error!(code = error.code(), source, "{error}");
        } else {
            // The words may repeat what the client sent, and so a password in the wrong place.
            tracing::debug!(code = error.code(), "refused");
        }
        match error.kind() {
            // The words of an internal failure are for the operator, who reads them in the log.
            ErrorKind::Internal => (status, Failure::from(&Error::internal("hidden"))),
            _ => (status, Failure::from(error)),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(kept) = KeptAnswer::of(&self.0) {
            return answer_again(kept);
        }
        let (status, body) = self.failure();
        let error = self.0;
        let wait = retry_after(&error);
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(error.kind());
        if error.code() == TRANSACTION_CONFLICT {
            response.extensions_mut().insert(TransactionConflict);
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110: an answer 401 names the scheme.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The answer that was given to the same request before.
fn answer_again(kept: &KeptAnswer) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = (status, kept.body.clone()).into_response();
    let headers = response.headers_mut();
    headers.insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
    if kept.body.is_empty() {
        headers.remove(header::CONTENT_TYPE);
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

/// After how many seconds to try again, where the failure says so. What is away is most often back soon.
fn retry_after(error: &Error) -> Option<u64> {
    let told = error.details().and_then(|details| details.get("retryAfterSeconds")?.as_u64());
    told.or((error.kind() == ErrorKind::Unavailable).then_some(1))
}
