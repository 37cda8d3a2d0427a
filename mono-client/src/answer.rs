//! An answer of the server, and how it is read.

use crate::credential::Jar;
use crate::error::{self, Answered};
use crate::retry;
use crate::system::{self, NoBody};
use mono_core::api::envelope::{Failure, Success};
use mono_core::{Error, Result};
use reqwest::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// The largest answer that is read; the largest page of a list is far below.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The longest id of a request that is kept; ours have 36 characters.
const MAX_REQUEST_ID: usize = 128;

/// Why there is no answer.
pub(crate) enum Failed {
    /// The connection was not made, or broke.
    Broken(reqwest::Error),
    /// There was one, which nobody can use.
    Unusable(Error),
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Broken(error) => error::transport(error),
            Failed::Unusable(error) => error,
        }
    }
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// The tag of what may be kept.
    pub(crate) tag: Option<HeaderValue>,
    pub(crate) body: Arc<Vec<u8>>,
    /// The cookies that came with it.
    pub(crate) jar: Jar,
    request_id: Option<String>,
}

/// The tag of an answer, where it may be kept: what is marked `no-store` may not.
fn tag(headers: &HeaderMap) -> Option<HeaderValue> {
    let forbids = |value: &HeaderValue| value.to_str().map_or(true, |text| text.contains("no-store"));
    headers.get(ETAG).filter(|_| !headers.get_all(CACHE_CONTROL).iter().any(forbids)).cloned()
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Result<Self, Failed> {
        let headers = response.headers();
        let request_id = headers.get("x-request-id").and_then(|value| value.to_str().ok());
        let mut answer = Self {
            status: response.status(),
            retry_after: retry::after(headers, system::now()),
            tag: tag(headers),
            body: Arc::default(),
            jar: Jar::of(headers),
            request_id: request_id.filter(|id| id.len() <= MAX_REQUEST_ID).map(str::to_owned),
        };
        match system::body(response, MAX_BODY).await {
            Ok(body) => answer.body = Arc::new(body),
            Err(NoBody::Broken(error)) => return Err(Failed::Broken(error)),
            Err(NoBody::TooLarge) => {
                return Err(Failed::Unusable(answer.unexpected("the body is larger than 16 MiB")));
            }
        }
        Ok(answer)
    }

    /// The answer that was kept of an earlier request.
    pub(crate) fn kept(tag: HeaderValue, body: Arc<Vec<u8>>) -> Self {
        let tag = Some(tag);
        Self { status: StatusCode::OK, retry_after: None, tag, body, jar: Jar::default(), request_id: None }
    }

    /// The answer that was kept, of which this one says that it still holds.
    pub(crate) fn still(self, tag: HeaderValue, body: Arc<Vec<u8>>) -> Self {
        Self { status: StatusCode::OK, tag: Some(self.tag.unwrap_or(tag)), body, ..self }
    }

    /// The id that the server gave to the request.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
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
        let body = Arc::unwrap_or_clone(std::mem::take(&mut self.body));
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
