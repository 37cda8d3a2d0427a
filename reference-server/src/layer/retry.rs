//! Reads the body of a request that changes something, and runs the request once more where the database undid its
//! transaction because of another one: no handler has to think of it.

use super::idempotency;
use crate::app::BODY_LIMIT;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use mono_auth::axum::{Admission, ApiError, TransactionConflict};
use mono_core::Error;
use mono_storage::db::retry_where;
use std::sync::atomic::{AtomicBool, Ordering};

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
    let body = match read(body).await {
        Ok(Read::Whole(body)) => body,
        Ok(Read::Longer(body)) => return idempotency::attach(Request::from_parts(parts, body), next).await,
        Err(error) => return ApiError(error).into_response(),
    };
    let again = AtomicBool::new(false);
    let attempt = || {
        let mut request = Request::from_parts(parts.clone(), Body::from(body.clone()));
        if again.swap(true, Ordering::Relaxed) {
            request.extensions_mut().insert(Again);
            request.extensions_mut().remove::<Admission>();
        }
        idempotency::attach(request, next.clone())
    };
    retry_where(attempt, |response| response.extensions().get::<TransactionConflict>().is_some()).await
}

enum Read {
    Whole(Bytes),
    /// Longer than what a handler takes as a whole. Nothing is kept of it for another attempt.
    Longer(Body),
}

/// Reads a body, before anybody asks who sends it: whoever loses a right while the last byte is on its way has lost it when
/// the request is judged.
async fn read(body: Body) -> Result<Read, Error> {
    let mut rest = body.into_data_stream();
    let mut chunks = Vec::new();
    let mut size = 0_usize;
    while let Some(chunk) = rest.next().await {
        let chunk = chunk.map_err(|error| {
            Error::invalid("body", "unreadable", "the body could not be read to its end").with_source(error)
        })?;
        size = size.saturating_add(chunk.len());
        chunks.push(chunk);
        if size > BODY_LIMIT {
            let read = stream::iter(chunks.into_iter().map(Ok));
            return Ok(Read::Longer(Body::from_stream(read.chain(rest))));
        }
    }
    // Most bodies come in one piece.
    Ok(Read::Whole(match chunks.as_slice() {
        [chunk] => chunk.clone(),
        chunks => chunks.concat().into(),
    }))
}
