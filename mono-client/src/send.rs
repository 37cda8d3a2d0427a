//! A call from its beginning to its end: the request, who asks, and what is known about it already.

use crate::answer::Answer;
use crate::cache::{Cache, Key};
use crate::client::Client;
use crate::credential::Credential;
use crate::retry::Repeat;
use crate::trace::Trace;
use crate::wire::{Deadline, Terms};
use mono_core::Result;
use mono_core::api::bulk::{Bulk, BulkResult, BulkResults};
use reqwest::header::{IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, Request, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The header that names a write, so that it is done once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A request in the making.
pub(crate) struct Call {
    request: RequestBuilder,
    /// Whether it says who asks.
    is_signed: bool,
    /// Whether it is sent just once: what counts is how it is now.
    is_once: bool,
    /// Whether its answer may be one that was kept.
    is_cached: bool,
}

impl Call {
    pub(crate) fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        Self { request: self.request.json(body), ..self }
    }

    pub(crate) fn query(self, query: &(impl Serialize + ?Sized)) -> Self {
        Self { request: self.request.query(query), ..self }
    }

    /// With what a function adds to the request.
    pub(crate) fn prepared(self, add: impl FnOnce(RequestBuilder) -> Result<RequestBuilder>) -> Result<Self> {
        Ok(Self { request: add(self.request)?, ..self })
    }

    pub(crate) fn uncached(self) -> Self {
        Self { is_cached: false, ..self }
    }

    /// Expects a version of what is changed.
    pub(crate) fn at_version(self, version: i64) -> Self {
        Self { request: self.request.header(IF_MATCH, format!("\"{version}\"")), ..self }
    }
}

impl Client {
    /// A request in the name of whoever is signed in.
    pub(crate) fn request(&self, method: Method, path: &str) -> Call {
        let is_write = !method.is_safe();
        let mut call = Call { is_signed: true, is_cached: true, ..self.anonymous(method, path) };
        if let Some(key) = self.idempotency_key.as_ref().filter(|_| is_write) {
            call.request = call.request.header(IDEMPOTENCY_KEY, &**key);
        }
        if let Some(tenant) = self.tenant {
            call.request = call.request.header("x-tenant-id", tenant.to_string());
        }
        match self.version.filter(|_| is_write) {
            Some(version) => call.at_version(version),
            None => call,
        }
    }

    /// A request that does not say who asks.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> Call {
        Call { request: self.wire.request(method, path), is_signed: false, is_once: false, is_cached: false }
    }

    /// Sends many items in one request, and gives the result of each.
    pub(crate) async fn send_many<I: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        items: &[I],
    ) -> Result<Vec<Result<T>>> {
        let request = self.request(method, &format!("{path}/bulk"));
        let answer = self.send(request.json(&Bulk { items: items.iter().collect() })).await?;
        let BulkResults { results } = answer.data()?;
        Ok(results.into_iter().map(BulkResult::into_result).collect())
    }

    /// Sends a request just once.
    pub(crate) async fn send_once(&self, call: Call) -> Result<Answer> {
        self.send(Call { is_once: true, is_cached: false, ..call }).await
    }

    /// Sends a request, and again if that is safe and may help.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer> {
        let Call { request, is_signed, is_once, is_cached } = call;
        let (request, trace) = Trace::begin(request)?;
        let terms = Terms {
            repeat: repeat(&request, is_once),
            deadline: Deadline::after(self.timeout),
            span: trace.span.clone(),
        };
        // Boxed: whoever calls holds this future, and it is large.
        let answer = Box::pin(self.answer(request, is_signed, is_cached, &terms));
        let answer = trace.follow(self.timeout, answer).await;
        #[cfg(feature = "snapshot")]
        if answer.as_ref().is_ok_and(|answer| answer.status == StatusCode::FORBIDDEN) {
            self.permissions.doubt();
        }
        answer
    }

    async fn answer(
        &self,
        request: Request,
        is_signed: bool,
        is_cached: bool,
        terms: &Terms,
    ) -> Result<Answer> {
        if !is_signed {
            return self.wire.exchange(request, terms).await;
        }
        let credential = self.session.current().await?;
        match (self.session.cache(), credential) {
            (Some(cache), credential) if !request.method().is_safe() => {
                let _writing = cache.writing(request.url().path());
                self.signed(request, credential, terms).await
            }
            (Some(cache), Some(credential)) if is_cached => {
                self.through(cache, request, credential, terms).await
            }
            (_, credential) => self.signed(request, credential, terms).await,
        }
    }

    /// Reads what is kept, as long as it is fresh, and asks whether it still holds after that.
    async fn through(
        &self,
        cache: &Cache,
        mut request: Request,
        credential: Arc<Credential>,
        terms: &Terms,
    ) -> Result<Answer> {
        let key = Key::new(credential.identity, self.tenant, request.url());
        let found = cache.find(&key);
        if let Some((tag, body)) = &found.kept {
            if found.is_fresh {
                terms.span.record("cache", "fresh");
                return Ok(Answer::kept(tag.clone(), Arc::clone(body)));
            }
            request.headers_mut().insert(IF_NONE_MATCH, tag.clone());
        }
        let answer = self.signed(request, Some(credential), terms).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            terms.span.record("cache", "revalidated");
        }
        Ok(cache.settle(key, found, answer, self.session.identity()))
    }

    /// Sends a request in the name of somebody; once more with the next token, where the server does not take this one.
    async fn signed(
        &self,
        mut request: Request,
        credential: Option<Arc<Credential>>,
        terms: &Terms,
    ) -> Result<Answer> {
        let Some(credential) = credential else { return self.wire.exchange(request, terms).await };
        credential.show(&mut request, &self.wire)?;
        let again = request.try_clone().filter(|_| credential.is_renewable());
        let answer = self.wire.exchange(request, terms).await?;
        let (StatusCode::UNAUTHORIZED, Some(mut again)) = (answer.status, again) else { return Ok(answer) };
        let next = self.session.renew(&credential, &self.wire).await?;
        terms.span.record("renewed", true);
        next.show(&mut again, &self.wire)?;
        self.wire.exchange(again, terms).await
    }
}

fn repeat(request: &Request, is_once: bool) -> Repeat {
    let is_safe = request.method().is_safe() || request.headers().contains_key(IDEMPOTENCY_KEY);
    match (is_once, is_safe) {
        (true, _) => Repeat::Never,
        (false, true) => Repeat::Safe,
        (false, false) => Repeat::Unsent,
    }
}
