//! What the signature of a handler tells.

use super::describe::{Describe, Place};
use crate::bulk::Items;
use crate::extract::{Authenticated, Json, NoQuery, Path, Paths, Query, VersionPath, Watcher};
use crate::routes::{Answer, Serialised, Tagged, Unkept};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use mono_auth::axum::{ApiError, Authenticated as Uncounted, Person};
use mono_core::ErrorKind;
use mono_core::api::jwks::JwkSet;
use mono_core::id::TenantId;
use schemars::JsonSchema;
use std::future::Future;

/// What a handler takes.
pub(crate) trait Input {
    /// Says what a request has to bring for it.
    fn describe(operation: &mut Describe<'_>);
}

/// What a handler answers.
pub(crate) trait Output {
    /// Says what the answer is.
    fn describe(operation: &mut Describe<'_>);
}

/// A handler whose signature tells what it takes and answers.
pub(crate) trait Handled<Arguments> {
    /// Says both.
    fn describe(operation: &mut Describe<'_>);
}

macro_rules! handled {
    ($($argument:ident)*) => {
        impl<F, Answering, Answered, $($argument),*> Handled<($($argument,)*)> for F
        where
            F: FnOnce($($argument),*) -> Answering,
            Answering: Future<Output = Answered>,
            Answered: Output,
            $($argument: Input,)*
        {
            fn describe(operation: &mut Describe<'_>) {
                $($argument::describe(operation);)*
                Answered::describe(operation);
            }
        }
    };
}

handled!();
handled!(A);
handled!(A B);
handled!(A B C);
handled!(A B C D);
handled!(A B C D E);
handled!(A B C D E G);

impl<T> Input for State<T> {
    fn describe(_: &mut Describe<'_>) {}
}

impl<T> Input for Extension<T> {
    fn describe(_: &mut Describe<'_>) {}
}

impl Input for HeaderMap {
    fn describe(_: &mut Describe<'_>) {}
}

impl Input for Authenticated {
    fn describe(operation: &mut Describe<'_>) {
        Uncounted::describe(operation);
        operation.fails(&[ErrorKind::LimitExceeded]);
    }
}

impl Input for Uncounted {
    fn describe(operation: &mut Describe<'_>) {
        operation.authenticated();
        operation.once();
        let description = "Which of the caller's tenants is meant; left out, the one of the token.";
        operation.optional_parameter::<TenantId>("X-Tenant-ID", Place::Header, description);
    }
}

impl Input for Watcher {
    fn describe(operation: &mut Describe<'_>) {
        operation.authenticated();
    }
}

impl Input for Person {
    fn describe(operation: &mut Describe<'_>) {
        operation.authenticated();
    }
}

impl<T: JsonSchema> Input for Path<T> {
    fn describe(operation: &mut Describe<'_>) {
        operation.path_parameter::<T>();
    }
}

impl<A: JsonSchema, B: JsonSchema> Input for Paths<A, B> {
    fn describe(operation: &mut Describe<'_>) {
        operation.path_parameter::<A>();
        operation.path_parameter::<B>();
    }
}

impl<T: JsonSchema> Input for VersionPath<T> {
    fn describe(operation: &mut Describe<'_>) {
        operation.path_parameter::<T>();
        operation.path_parameter::<i64>();
    }
}

impl<T: JsonSchema> Input for Query<T> {
    fn describe(operation: &mut Describe<'_>) {
        operation.query::<T>();
    }
}

impl<T: JsonSchema> Input for Json<T> {
    fn describe(operation: &mut Describe<'_>) {
        operation.json_body::<T>();
    }
}

impl<T: JsonSchema> Input for Items<T> {
    fn describe(operation: &mut Describe<'_>) {
        operation.bulk_body::<T>();
    }
}

impl Input for NoQuery {
    fn describe(operation: &mut Describe<'_>) {
        operation.fails(&[ErrorKind::Validation]);
    }
}

impl<T: Output> Output for Result<T, ApiError> {
    fn describe(operation: &mut Describe<'_>) {
        T::describe(operation);
    }
}

impl<T: JsonSchema> Output for Answer<T> {
    fn describe(operation: &mut Describe<'_>) {
        operation.answer::<T>(200);
    }
}

impl<T: JsonSchema> Output for Tagged<T> {
    fn describe(operation: &mut Describe<'_>) {
        Answer::<T>::describe(operation);
    }
}

impl<T: JsonSchema> Output for Unkept<T> {
    fn describe(operation: &mut Describe<'_>) {
        Answer::<T>::describe(operation);
        operation.unkept();
    }
}

/// Of something that was made. Where another status is possible too, [`About::answers`](super::About::answers) tells.
impl<T: JsonSchema> Output for (StatusCode, Answer<T>) {
    fn describe(operation: &mut Describe<'_>) {
        operation.answer::<T>(201);
    }
}

/// Of something that is gone or done.
impl Output for StatusCode {
    fn describe(operation: &mut Describe<'_>) {
        operation.no_content();
    }
}

/// Of something that is gone or done, with headers.
impl Output for (StatusCode, HeaderMap) {
    fn describe(operation: &mut Describe<'_>) {
        operation.no_content();
    }
}

/// Of something that is no data of ours and comes without the envelope.
impl Output for axum::Json<JwkSet> {
    fn describe(operation: &mut Describe<'_>) {
        operation.bare::<JwkSet>();
    }
}

/// An answer with headers.
impl<T: Output> Output for ([(HeaderName, &'static str); 1], T) {
    fn describe(operation: &mut Describe<'_>) {
        T::describe(operation);
    }
}

/// Tells nothing: what comes stands where it is routed.
impl Output for Response {
    fn describe(_: &mut Describe<'_>) {}
}

/// Tells as little.
impl Output for Serialised {
    fn describe(_: &mut Describe<'_>) {}
}
