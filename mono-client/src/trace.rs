//! What the logs of both sides are told of a call: a span here, and its id in the log of the server.

use crate::answer::Answer;
use crate::error;
use crate::system;
use mono_core::Result;
use mono_core::id::Uuid;
use reqwest::{Request, RequestBuilder};
use std::time::Duration;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// The header that names a request in the log of the server.
const REQUEST_ID: &str = "x-request-id";

/// A call as the logs know it.
pub(crate) struct Trace {
    id: String,
    /// Where it is written down how the call goes.
    pub(crate) span: Span,
}

impl Trace {
    /// Names the request.
    pub(crate) fn begin(request: RequestBuilder) -> Result<(Request, Self)> {
        let id = format!("{:032x}", rand::random::<u128>());
        let request = request.header(REQUEST_ID, &id).build().map_err(error::transport)?;
        let span = span(&request, &id);
        Ok((request, Self { id, span }))
    }

    /// Waits so long at most for the answer to the call, and writes down how it ended.
    pub(crate) async fn follow(
        self,
        timeout: Duration,
        answer: impl Future<Output = Result<Answer>>,
    ) -> Result<Answer> {
        let answer = async {
            let answer = system::timeout(timeout, answer).await.unwrap_or_else(|| Err(error::timeout()));
            self.note(&answer);
            answer
        };
        answer.instrument(self.span.clone()).await.map_err(|error| match error.details() {
            // There was no answer that could name the request.
            None => error.with_details(serde_json::json!({ "requestId": self.id })),
            Some(_) => error,
        })
    }

    fn note(&self, answer: &Result<Answer>) {
        match answer {
            Ok(answer) => {
                self.span.record("status", answer.status.as_u16());
                if let Some(id) = answer.request_id() {
                    self.span.record("request_id", id);
                }
            }
            Err(error) => drop(self.span.record("error", error.code())),
        }
        tracing::debug!("answered");
    }
}

/// What a log says of a call: nothing of what is asked for, and no token.
fn span(request: &Request, id: &str) -> Span {
    tracing::debug_span!(
        "call",
        method = %request.method(),
        route = route(request.url().path()),
        request_id = id,
        status = Empty,
        error = Empty,
        repeats = Empty,
        renewed = Empty,
        cache = Empty,
    )
}

/// The path without the ids of things.
fn route(path: &str) -> String {
    let plain =
        |segment: &str| if Uuid::try_parse(segment).is_ok() { "{id}".to_owned() } else { segment.to_owned() };
    path.split('/').map(plain).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_names_no_thing() {
        let path = "/mono/api/v1/tenant/accounts/018f4e3a-0000-7000-8000-000000000001/versions/3";
        assert_eq!(route(path), "/mono/api/v1/tenant/accounts/{id}/versions/3");
    }
}
