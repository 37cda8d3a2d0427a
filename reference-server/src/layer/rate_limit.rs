//! Nobody calls more often than the limits let them.
//!
//! Who is not known is counted before anything is done for them. Who shows a credential is counted by it, as soon as the
//! extractor of the handler has found whose it is; where it turns out to be nobody's, by network after all.

use crate::app::App;
use crate::openapi::Routes;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, Method};
use axum::response::{IntoResponse, Response};
use mono_auth::axum::{Admission, ApiError, has_credential};
use mono_core::caller::{Actor, Caller, RequestContext};
use mono_core::rate_limit::RateLimits;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::rate_limit::{Client, RateLimiter, Verdict};
use serde_json::json;
use std::sync::{Arc, OnceLock};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// What watches over the server has to be told even where everybody calls at once.
const EXEMPT: [&str; 3] = ["/ping", "/ready", "/health"];
/// Here a credential is what one comes for: whoever shows one is a stranger all the same.
const PUBLIC: &str = "/api/v1/public/";

/// The limits, and who counts.
#[derive(Debug)]
pub struct RateLimiting {
    /// How often one may call.
    pub limits: RateLimits,
    /// Counts.
    pub limiter: RateLimiter,
}

pub(crate) async fn limit<F: Future<Output = Response>>(
    app: &Arc<App>,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let Some(limiting) = &app.rate_limits else { return answer(request).await };
    let path = request.uri().path();
    if EXEMPT.contains(&path) || app.http.is_watcher(request.headers()) {
        return answer(request).await;
    }
    let stranger = path.starts_with(PUBLIC) || !has_credential(request.headers());
    let only_reads = request.method().is_safe();
    let (route, context) = (route(&request), request.extensions().get().cloned().unwrap_or_default());
    let counted = Arc::new(OnceLock::new());
    if stranger {
        if let Err(refusal) = limiting.count_stranger(app, &route, &context, &counted).await {
            return told(ApiError(refusal).into_response(), &counted, app.database.now());
        }
    } else {
        request.extensions_mut().insert(admission(app, limiting, &route, &counted));
    }
    let mut response = answer(request).await;
    if counted.get().is_none()
        && let Err(refusal) = limiting.count_stranger(app, &route, &context, &counted).await
        // Who changed something is not told that they did not. To read what is there for anybody, such as the
        // documentation, nobody gains by a credential that is none.
        && (response.status().is_client_error() || only_reads && !response.status().is_server_error())
    {
        response = ApiError(refusal).into_response();
    }
    told(response, &counted, app.database.now())
}

/// What the tightest limit says; nothing where there is none.
type Counted = OnceLock<Option<Verdict>>;

/// Counts the caller as soon as it is known.
fn admission(app: &Arc<App>, limiting: &Arc<RateLimiting>, route: &str, counted: &Arc<Counted>) -> Admission {
    let (app, limiting, counted) = (Arc::clone(app), Arc::clone(limiting), Arc::clone(counted));
    let route: Arc<str> = route.into();
    Admission::new(move |caller| {
        let (app, limiting, counted) = (Arc::clone(&app), Arc::clone(&limiting), Arc::clone(&counted));
        let route = Arc::clone(&route);
        Box::pin(async move { limiting.count_caller(&app, &route, &caller, &counted).await })
    })
}

impl RateLimiting {
    /// The same, for routes that say themselves which permissions they ask for.
    pub(crate) fn asking(&self, routes: &Routes) -> Self {
        let limits = routes
            .permissions()
            .fold(self.limits.clone(), |limits, (route, asked)| limits.asking(route, &asked));
        Self { limits, limiter: self.limiter.clone() }
    }

    async fn count_stranger(
        &self,
        app: &App,
        route: &str,
        context: &RequestContext,
        counted: &Counted,
    ) -> Result<(), Error> {
        let limits = self.limits.of_stranger(route);
        let client = Client::stranger(context.ip_address);
        decide(self.limiter.take(&client, &limits, app.database.now()).await, counted)
    }

    async fn count_caller(
        &self,
        app: &App,
        route: &str,
        caller: &Caller,
        counted: &Counted,
    ) -> Result<(), Error> {
        let tier = self.limits.tier(route, app.authenticator.rate_limit_tiers().await?);
        let key = match caller.actor() {
            Actor::ApiKey { key, .. } => Some(key),
            _ => None,
        };
        let limits = self.limits.of_caller(route, tier, caller.entitlements(), key);
        decide(self.limiter.take(&client(caller), &limits, app.database.now()).await, counted)
    }
}

/// Whose calls are counted together: those of a person in a tenant, or those of a key. Support staff who act as somebody use
/// up their own.
fn client(caller: &Caller) -> Client {
    let (user, key) = match caller.actor() {
        Actor::User { user, impersonator, .. } => (Some(impersonator.unwrap_or(user)), None),
        Actor::ApiKey { key, user, .. } => (Some(user), Some(key.uuid())),
        Actor::System(_) => (None, None),
    };
    Client { tenant: caller.tenant().ok(), user, key, ..Client::default() }
}

fn decide(verdict: Option<Verdict>, counted: &Counted) -> Result<(), Error> {
    if let Some(verdict) = &verdict {
        let outcome = if verdict.admitted { "admitted" } else { "refused" };
        let limit = verdict.name.to_string();
        metrics::counter!("rate_limit_decisions_total", "limit" => limit, "outcome" => outcome).increment(1);
    }
    let refusal = verdict.as_ref().filter(|verdict| !verdict.admitted).map(refusal);
    // A handler that asks twice who calls is counted twice; the first answer stands in the headers.
    let _ = counted.set(verdict);
    refusal.map_or(Ok(()), Err)
}

fn refusal(verdict: &Verdict) -> Error {
    let seconds = verdict.wait.as_secs() + u64::from(verdict.wait.subsec_nanos() > 0);
    Error::new(ErrorKind::RateLimited, "rate_limited", format!("too many calls; try again in {seconds} s"))
        .with_details(json!({
            "limit": &*verdict.name,
            "maximum": verdict.limit,
            "retryAfterSeconds": seconds,
        }))
}

/// The answer, with what the tightest limit says in its headers.
fn told(mut response: Response, counted: &Counted, now: Timestamp) -> Response {
    if let Some(Some(verdict)) = counted.get() {
        let reset = now + verdict.reset;
        let seconds = reset.timestamp() + i64::from(reset.timestamp_subsec_nanos() > 0);
        set(response.headers_mut(), LIMIT, i64::from(verdict.limit));
        set(response.headers_mut(), REMAINING, i64::from(verdict.remaining));
        set(response.headers_mut(), RESET, seconds);
    }
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: i64) {
    headers.insert(name, value.into());
}

/// Method and path as the router knows them: `GET /api/v1/tenant/accounts/{id}`. A `HEAD` is a `GET` without a body.
fn route(request: &Request) -> String {
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    format!("{method} {path}")
}
