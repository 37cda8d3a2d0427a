//! Many things in one request: each item is a call of its own, in a transaction of its own.

use crate::extract::{Json, from_object};
use crate::routes::{Answer, answer};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::IF_MATCH;
use mono_auth::axum::ApiError;
use mono_core::api::bulk::{Bulk, BulkResult, BulkResults, MOST_ITEMS};
use mono_core::api::envelope::Failure;
use mono_core::{Error, ErrorKind};
use mono_storage::db::{TenantTx, retry};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::time::Instant;

/// After how long no further item is begun: the answer has to come before the request is cut off.
const LONGEST: Duration = Duration::from_secs(20);

/// What the document says of a request that makes many.
pub(crate) const MADE: &str =
    "Each item is made or refused by itself, with the answer that the call for it alone has. At most 100.";
/// What the document says of a request that changes many.
pub(crate) const CHANGED: &str =
    "Each item is changed or refused by itself, with the answer that the call for it alone has. At most 100.";

/// The items of a request; each is read by itself, so that a wrong one is the only one that is refused.
pub(crate) struct Items<T>(Vec<Result<T, Error>>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Items<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if request.headers().contains_key(IF_MATCH) {
            let message = "If-Match is about one thing: here each change has a `version` of its own";
            return Err(Error::invalid("If-Match", "several_things", message).into());
        }
        let Json(Bulk { items }) = Json::<Bulk<Box<RawValue>>>::from_request(request, state).await?;
        if items.len() > MOST_ITEMS {
            let message = format!("a request has at most {MOST_ITEMS} items, this one has {}", items.len());
            return Err(Error::invalid("items", "too_many", message).into());
        }
        Ok(Self(items.iter().map(|item| from_object(item.get().as_bytes())).collect()))
    }
}

/// Commits what a call did.
pub(crate) async fn committed<T>(
    call: impl Future<Output = Result<(TenantTx, T), Error>>,
) -> Result<T, Error> {
    let (tx, data) = call.await?;
    tx.commit().await?;
    Ok(data)
}

/// Does one item after the other, as the call for it alone would be done. Where the database is away, or time is up, the
/// rest is not tried and answered alike.
pub(crate) async fn each<I: Clone, T, F>(
    items: Items<I>,
    done: StatusCode,
    call: impl Fn(I) -> F,
) -> Answer<BulkResults<T>>
where
    F: Future<Output = Result<T, Error>>,
{
    let (start, mut away) = (Instant::now(), None::<(StatusCode, Failure)>);
    let mut results = Vec::with_capacity(items.0.len());
    for item in items.0 {
        let result = match (&away, item) {
            (Some((status, failure)), _) => {
                results.push(BulkResult::refused(status.as_u16(), failure.clone()));
                continue;
            }
            (None, Ok(_)) if start.elapsed() > LONGEST => {
                let message = "this took too long; try what is left again";
                Err(Error::new(ErrorKind::Unavailable, "timeout", message))
            }
            (None, Ok(item)) => retry(|| Box::pin(call(item.clone()))).await,
            (None, Err(error)) => Err(error),
        };
        results.push(match result {
            Ok(data) => BulkResult::Done { status: done.as_u16(), data },
            Err(error) => {
                let is_away = error.kind() == ErrorKind::Unavailable;
                let (status, failure) = ApiError(error).failure();
                away = is_away.then(|| (status, failure.clone()));
                BulkResult::refused(status.as_u16(), failure)
            }
        });
    }
    answer(BulkResults { results })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_begun_in_time_is_not_tried() {
        let wrong = Err(Error::invalid("body", "invalid_field", "a thing that is none"));
        let items = Items(vec![Ok(20), wrong, Ok(1), Ok(0), Err(Error::internal("wrong too")), Ok(0)]);
        // An item takes so many seconds of a clock that goes on when it is told to. The third is begun in the last moment.
        let axum::Json(answer) = each(items, StatusCode::OK, async |seconds| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            Ok(seconds)
        })
        .await;
        let told: Vec<_> = answer
            .data
            .results
            .into_iter()
            .map(|result| match result {
                BulkResult::Done { status, data } => (status, data.to_string()),
                BulkResult::Refused { status, details, .. } => {
                    (status, details["reason"].as_str().unwrap().into())
                }
            })
            .collect();
        let told: Vec<_> = told.iter().map(|(status, reason)| (*status, reason.as_str())).collect();
        let late = (503, "timeout");
        assert_eq!(told, [(200, "20"), (400, "invalid_field"), (200, "1"), late, late, late]);
    }
}
