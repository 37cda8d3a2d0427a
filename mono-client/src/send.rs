//! Sends a request and reads its answer.

use crate::client::Client;
use crate::error::{self, Answered};
use crate::retry;
use mono_core::api::bulk::{Bulk, BulkResult, BulkResults};
use mono_core::api::envelope::{Failure, Success};
use mono_core::{Error, Result};
use reqwest::header::IF_MATCH;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;

/// The largest answer that is read; the largest page of a list is far below.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The header that names a write, so that it is done once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The longest id of a request that is kept; ours have 36 characters.
const MAX_REQUEST_ID: usize = 128;

impl Client {
    /// A request in the name of whoever is signed in.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let expected = self.version.filter(|_| !method.is_safe());
        let key = self.idempotency_key.as_ref().filter(|_| !method.is_safe());
        let mut request = self.token.authorize(self.anonymous(method, path));
        if let Some(key) = key {
            request = request.header(IDEMPOTENCY_KEY, &**key);
        }
        if let Some(tenant) = self.tenant {
            request = request.header("x-tenant-id", tenant.to_string());
        }
        if let Some(version) = expected {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        request
    }

    /// A request that does not say who asks.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request, and again if that is safe and may help.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let mut request = request.build().map_err(error::transport)?;
        let mut pauses = retry::pauses(request.method(), request.headers().contains_key(IDEMPOTENCY_KEY));
        self.in_time(async {
            loop {
                let again = request.try_clone();
                let attempt = self.http.execute(request).await;
                let pause = if retry::may_help(&attempt) { pauses.next() } else { None };
                let (Some(pause), Some(again)) = (pause, again) else {
                    return Answer::read(attempt.map_err(error::transport)?).await;
                };
                tokio::time::sleep(pause).await;
                request = again;
            }
        })
        .await
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
    pub(crate) async fn send_once(&self, request: RequestBuilder) -> Result<Answer> {
        self.in_time(async { Answer::read(request.send().await.map_err(error::transport)?).await }).await
    }

    async fn in_time(&self, answer: impl Future<Output = Result<Answer>>) -> Result<Answer> {
        tokio::time::timeout(self.timeout, answer).await.unwrap_or_else(|_| Err(error::timeout()))
    }
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    request_id: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    async fn read(mut response: Response) -> Result<Self> {
        let request_id = response.headers().get("x-request-id").and_then(|value| value.to_str().ok());
        let request_id = request_id.filter(|id| id.len() <= MAX_REQUEST_ID).map(str::to_owned);
        let mut answer = Self { status: response.status(), request_id, body: Vec::new() };
        while let Some(chunk) = response.chunk().await.map_err(error::transport)? {
            if answer.body.len() + chunk.len() > MAX_BODY {
                return Err(answer.unexpected("the body is larger than 16 MiB"));
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// What was asked for, or the failure that the server speaks of.
    pub(crate) fn data<T: DeserializeOwned>(self) -> Result<T> {
        if self.status.is_success() { self.success() } else { Err(self.failure()) }
    }

    /// The body as text, or the failure that the server speaks of.
    pub(crate) fn text(mut self) -> Result<String> {
        if !self.status.is_success() {
            return Err(self.failure());
        }
        let body = std::mem::take(&mut self.body);
        String::from_utf8(body).map_err(|_| self.unexpected("the body is not text"))
    }

    /// What was asked for and comes without an envelope, or the failure that the server speaks of.
    pub(crate) fn bare<T: DeserializeOwned>(self) -> Result<T> {
        if !self.status.is_success() {
            return Err(self.failure());
        }
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error))
    }

    /// Nothing (204), or the failure that the server speaks of.
    pub(crate) fn nothing(self) -> Result<()> {
        if self.status == StatusCode::NO_CONTENT {
            return Ok(());
        }
        // Whoever answers 200 to a deletion is not our server: the login page of some network, say.
        Err(if self.status.is_success() { self.unexpected("the status is not 204") } else { self.failure() })
    }

    /// The content of the envelope of success, whatever the status.
    pub(crate) fn success<T: DeserializeOwned>(self) -> Result<T> {
        match serde_json::from_slice::<Success<T>>(&self.body) {
            Ok(Success { success: true, data }) => Ok(data),
            Ok(_) => Err(self.unexpected("the status and the body contradict each other")),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    fn failure(self) -> Error {
        if !self.status.is_client_error() && !self.status.is_server_error() {
            return self.unexpected("the status is neither success nor failure");
        }
        match serde_json::from_slice::<Failure>(&self.body) {
            Ok(failure) if !failure.success => Error::from(failure).with_source(self.answered(None)),
            Ok(_) => self.unexpected("the status and the body contradict each other"),
            Err(error) => self.unreadable(&error),
        }
    }

    /// Says where the body is wrong, not with what: it may hold a token.
    fn unreadable(&self, error: &serde_json::Error) -> Error {
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        self.unexpected(&format!(
            "the body is not what was asked for ({kind:?}, line {line} column {column})"
        ))
    }

    fn unexpected(&self, problem: &str) -> Error {
        error::unexpected(self.answered(Some(problem.to_owned())))
    }

    fn answered(&self, problem: Option<String>) -> Answered {
        Answered { status: self.status.as_u16(), request_id: self.request_id.clone(), problem }
    }
}
