//! Runs a request once more where the database undid its transaction because of another one, or where its body came so
//! late that whoever sends it may have lost a right meanwhile: no handler has to think of it.

use super::idempotency;
use crate::app::BODY_LIMIT;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{FutureExt, StreamExt, stream};
use mono_auth::axum::{Admission, TransactionConflict};
use mono_storage::db::retry_where;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Mutex;

/// Marks, among the extensions of a request, that it is run once more: it was counted as a call before.
#[derive(Clone, Copy)]
pub(crate) struct Again;

/// Answers with the first attempt that met no other transaction, and after a few with the conflict. An attempt that
/// committed something is the last one, whatever it met afterwards: nothing is done twice.
///
/// An attempt asks who calls before it reads a body. Where it had to wait for the body, it does not get to the end of it: it
/// begins anew, and asks anew.
pub(crate) async fn attempts(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return idempotency::attach(request, next).await;
    }
    let (parts, body) = request.into_parts();
    let kept = Arc::new(Kept::new(body, is_json(&parts.headers)));
    let (admitted, counted) = (AtomicBool::new(false), AtomicBool::new(false));
    let run = || {
        let mut request = Request::from_parts(parts.clone(), from_the_start(Arc::clone(&kept)));
        if admitted.swap(true, Ordering::Relaxed) {
            request.extensions_mut().remove::<Admission>();
        }
        if counted.load(Ordering::Relaxed) {
            request.extensions_mut().insert(Again);
        }
        idempotency::attach(request, next.clone())
    };
    let attempt = async || {
        let response = run().await;
        let response = if kept.was_late() { run().await } else { response };
        counted.store(true, Ordering::Relaxed);
        response
    };
    let met_another = |response: &Response| response.extensions().get::<TransactionConflict>().is_some();
    retry_where(attempt, |response| met_another(response) && !kept.is_too_large()).await
}

/// Who sends something else may work on it before it has come to its end.
fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// The body of a request. What is read of it is kept, so that another attempt reads the same. Nothing is read before a
/// handler asks for it: who may not call fills no memory.
struct Kept {
    chunks: Mutex<Chunks>,
    /// More was read than a handler takes as a whole; it is not kept.
    too_large: AtomicBool,
    /// Whether the end is kept back from who waited for it.
    is_judged_late: bool,
    waited: AtomicBool,
    late: AtomicBool,
}

struct Chunks {
    read: Vec<Bytes>,
    size: usize,
    rest: stream::Fuse<BodyDataStream>,
}

impl Kept {
    fn new(body: Body, is_judged_late: bool) -> Self {
        let rest = body.into_data_stream().fuse();
        Self {
            chunks: Mutex::new(Chunks { read: Vec::new(), size: 0, rest }),
            too_large: AtomicBool::new(false),
            is_judged_late,
            waited: AtomicBool::new(false),
            late: AtomicBool::new(false),
        }
    }

    fn is_too_large(&self) -> bool {
        self.too_large.load(Ordering::Relaxed)
    }

    /// Whether what has just run was not given the end. What runs next is.
    fn was_late(&self) -> bool {
        self.late.swap(false, Ordering::Relaxed)
    }

    /// The chunk at a position: one that was read before, or the next.
    async fn chunk(&self, position: usize) -> Option<Result<Bytes, axum::Error>> {
        let mut chunks = self.chunks.lock().await;
        if let Some(chunk) = chunks.read.get(position) {
            return Some(Ok(chunk.clone()));
        }
        let next = if let Some(next) = chunks.rest.next().now_or_never() {
            next
        } else {
            self.waited.store(true, Ordering::Relaxed);
            chunks.rest.next().await
        };
        let Some(chunk) = next else {
            let is_late =
                self.waited.swap(false, Ordering::Relaxed) && self.is_judged_late && !self.is_too_large();
            self.late.store(is_late, Ordering::Relaxed);
            return is_late.then(|| Err(axum::Error::new(Late)));
        };
        if let Ok(chunk) = &chunk {
            chunks.size = chunks.size.saturating_add(chunk.len());
            if chunks.size <= BODY_LIMIT {
                chunks.read.push(chunk.clone());
            } else {
                chunks.read.clear();
                self.too_large.store(true, Ordering::Relaxed);
            }
        }
        Some(chunk)
    }
}

/// The body is whole, and was waited for.
#[derive(Debug)]
struct Late;

impl std::fmt::Display for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body came late")
    }
}

impl std::error::Error for Late {}

fn from_the_start(kept: Arc<Kept>) -> Body {
    Body::from_stream(stream::unfold((kept, 0_usize), async |(kept, position)| {
        let chunk = kept.chunk(position).await?;
        Some((chunk, (kept, position.saturating_add(1))))
    }))
}
