//! Runs a request once more where the database undid its transaction because of another one: no handler has to think
//! of it.

use super::idempotency;
use crate::app::BODY_LIMIT;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use mono_auth::axum::{Admission, TransactionConflict};
use mono_storage::db::retry_where;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Mutex;

/// Marks, among the extensions of a request, that it is run once more: it was admitted and counted as a call before.
#[derive(Clone, Copy)]
pub(crate) struct Again;

/// Answers with the first attempt that met no other transaction, and after a few with the conflict. An attempt that
/// committed something is the last one, whatever it met afterwards: nothing is done twice.
pub(crate) async fn conflicts(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return idempotency::attach(request, next).await;
    }
    let (parts, body) = request.into_parts();
    let kept = Arc::new(Kept::new(body));
    let again = AtomicBool::new(false);
    let attempt = || {
        let mut request = Request::from_parts(parts.clone(), from_the_start(Arc::clone(&kept)));
        if again.swap(true, Ordering::Relaxed) {
            request.extensions_mut().insert(Again);
            request.extensions_mut().remove::<Admission>();
        }
        idempotency::attach(request, next.clone())
    };
    let met_another = |response: &Response| response.extensions().get::<TransactionConflict>().is_some();
    retry_where(attempt, |response| met_another(response) && !kept.too_large.load(Ordering::Relaxed)).await
}

/// The body of a request. What is read of it is kept, so that another attempt reads the same. Nothing is read before a
/// handler asks for it: who may not call fills no memory.
struct Kept {
    chunks: Mutex<Chunks>,
    /// More was read than a handler takes as a whole; it is not kept.
    too_large: AtomicBool,
}

struct Chunks {
    read: Vec<Bytes>,
    size: usize,
    rest: stream::Fuse<BodyDataStream>,
}

impl Kept {
    fn new(body: Body) -> Self {
        let rest = body.into_data_stream().fuse();
        Self {
            chunks: Mutex::new(Chunks { read: Vec::new(), size: 0, rest }),
            too_large: AtomicBool::new(false),
        }
    }

    /// The chunk at a position: one that was read before, or the next.
    async fn chunk(&self, position: usize) -> Option<Result<Bytes, axum::Error>> {
        let mut chunks = self.chunks.lock().await;
        if let Some(chunk) = chunks.read.get(position) {
            return Some(Ok(chunk.clone()));
        }
        let chunk = chunks.rest.next().await?;
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

fn from_the_start(kept: Arc<Kept>) -> Body {
    Body::from_stream(stream::unfold((kept, 0_usize), async |(kept, position)| {
        let chunk = kept.chunk(position).await?;
        Some((chunk, (kept, position.saturating_add(1))))
    }))
}
