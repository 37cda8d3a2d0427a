//! The way to a server: sends a request, again where that is safe and may help, and reads the answer.

use crate::answer::{Answer, Failed};
use crate::retry::{self, Repeat};
use crate::system::{self, Instant};
use crate::trace::Trace;
use mono_core::Result;
use reqwest::{Method, Request, RequestBuilder};
use std::sync::Arc;
use std::time::Duration;
use tracing::Span;

/// How long a request for the next token is sent again: the server gives the same one for ten seconds, and ends the session of
/// a token that comes later.
const SAME_TOKEN: Duration = Duration::from_secs(5);

/// The way to one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Arc<str>,
    /// How often a request is sent again at most.
    pub(crate) repeats: u32,
    /// How long the next token may take, whoever waits for it.
    pub(crate) timeout: Duration,
}

/// The moment at which nobody waits any more; none lies too far away.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self(Instant::now().checked_add(timeout))
    }

    fn allows(self, pause: Duration) -> bool {
        self.0.is_none_or(|moment| pause < moment.saturating_duration_since(Instant::now()))
    }
}

/// On which terms a request is sent.
pub(crate) struct Terms {
    pub(crate) repeat: Repeat,
    pub(crate) deadline: Deadline,
    /// Where it is written down how often it was sent.
    pub(crate) span: Span,
}

impl Wire {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Asks for the next token: a call of its own, whoever waits for it.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Result<Answer> {
        let (request, trace) = Trace::begin(request)?;
        let deadline = Deadline::after(self.timeout.min(SAME_TOKEN));
        let terms = Terms { repeat: Repeat::Safe, deadline, span: trace.span.clone() };
        trace.follow(self.timeout, self.exchange(request, &terms)).await
    }

    /// Sends a request until there is an answer, or none can be hoped for before the deadline.
    pub(crate) async fn exchange(&self, mut request: Request, terms: &Terms) -> Result<Answer> {
        let mut turn = 0;
        loop {
            let again = request.try_clone().filter(|_| turn < self.repeats);
            let outcome = self.attempt(request).await;
            let pause = retry::pause(terms.repeat, turn, &outcome);
            let pause = pause.filter(|pause| terms.deadline.allows(*pause));
            let (Some(pause), Some(again)) = (pause, again) else { return Ok(outcome?) };
            tracing::debug!(turn, ?pause, "sends the request again");
            system::sleep(pause).await;
            (request, turn) = (again, turn + 1);
            terms.span.record("repeats", turn);
        }
    }

    async fn attempt(&self, request: Request) -> Result<Answer, Failed> {
        Answer::read(self.http.execute(request).await.map_err(Failed::Broken)?).await
    }
}
