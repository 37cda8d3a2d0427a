//! The routes: one file for each noun, in the folder of its tier.

use crate::layer::conditional::{RowVersion, tag};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::api::envelope::Success;
use mono_core::caller::Caller;
use mono_storage::cache::Serialised as Text;
use mono_storage::db::{PlatformTx, TenantTx};
use serde::Serialize;

/// What a handler answers: data in the envelope.
pub(crate) type Answer<T> = Json<Success<T>>;

pub(crate) fn answer<T>(data: T) -> Answer<T> {
    Json(Success::new(data))
}

/// A transaction that keeps its answer where the request has an idempotency key.
pub(crate) trait Answering {
    fn caller(&self) -> &Caller;
    async fn commit_answer(self, status: u16, body: &str) -> Result<(), Error>;
}

impl Answering for TenantTx {
    fn caller(&self) -> &Caller {
        self.caller()
    }

    async fn commit_answer(self, status: u16, body: &str) -> Result<(), Error> {
        self.commit_answer(status, body).await
    }
}

impl Answering for PlatformTx {
    fn caller(&self) -> &Caller {
        self.caller()
    }

    async fn commit_answer(self, status: u16, body: &str) -> Result<(), Error> {
        self.commit_answer(status, body).await
    }
}

/// Commits, and answers with a status and data in the envelope. The answer is kept with what was done, where the request
/// has an idempotency key.
pub(crate) async fn commit_with<T: Serialize>(
    tx: impl Answering,
    status: StatusCode,
    data: T,
) -> Result<(StatusCode, Answer<T>), ApiError> {
    let answer = answer(data);
    let body = match tx.caller().idempotency_key() {
        Some(_) => serde_json::to_string(&answer.0).map_err(Error::internal)?,
        None => String::new(),
    };
    tx.commit_answer(status.as_u16(), &body).await?;
    Ok((status, answer))
}

/// Commits, and answers 201 with what was made.
pub(crate) async fn commit_created<T: Serialize>(
    tx: impl Answering,
    data: T,
) -> Result<(StatusCode, Answer<T>), ApiError> {
    commit_with(tx, StatusCode::CREATED, data).await
}

/// Commits, and answers 200 with what there is now.
pub(crate) async fn commit<T: Serialize>(tx: impl Answering, data: T) -> Result<Answer<T>, ApiError> {
    commit_with(tx, StatusCode::OK, data).await.map(|(_, answer)| answer)
}

/// Commits, and answers 204.
pub(crate) async fn commit_gone(tx: impl Answering) -> Result<StatusCode, ApiError> {
    tx.commit_answer(StatusCode::NO_CONTENT.as_u16(), "").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An answer that shows one version of one thing: its `ETag` is what `If-Match` takes.
pub(crate) type Tagged<T> = (Extension<RowVersion>, Answer<T>);

pub(crate) fn tagged<T>(version: i64, data: T) -> Tagged<T> {
    (Extension(RowVersion(version)), answer(data))
}

/// An answer that nobody keeps: what it tells opens doors, or says who stands behind them.
pub(crate) struct Unkept<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Unkept<T> {
    fn into_response(self) -> Response {
        ([(CACHE_CONTROL, "no-store")], answer(self.0)).into_response()
    }
}

/// Data that is JSON already, in the envelope.
pub(crate) struct Serialised(pub(crate) Text);

/// What stands before the data and behind it.
const ENVELOPE: (&[u8], &[u8]) = (br#"{"success":true,"data":"#, b"}");

impl IntoResponse for Serialised {
    fn into_response(self) -> Response {
        let json = self.0.json();
        let mut body = Vec::with_capacity(ENVELOPE.0.len() + json.len() + ENVELOPE.1.len());
        body.extend_from_slice(ENVELOPE.0);
        body.extend_from_slice(json);
        body.extend_from_slice(ENVELOPE.1);
        // Made when the text was: the layer would hash each answer.
        let tag = tag(None, self.0.digest());
        ([(CONTENT_TYPE, "application/json")], [(ETAG, tag)], body).into_response()
    }
}

pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod public {
    //! What anybody may call.
    pub(crate) mod auth;
    pub(crate) mod emails;
    pub(crate) mod invitations;
    pub(crate) mod jwks;
    pub(crate) mod magic_links;
    pub(crate) mod passwords;
    pub(crate) mod sign_up;
}
pub(crate) mod user {
    //! What concerns the caller itself.
    pub(crate) mod emails;
    pub(crate) mod invitations;
    pub(crate) mod passwords;
    pub(crate) mod permissions;
    pub(crate) mod profile;
    pub(crate) mod second_factor;
    pub(crate) mod sessions;
}
pub(crate) mod platform {
    //! What works above the tenants.
    pub(crate) mod assignments;
    pub(crate) mod catalogue;
    pub(crate) mod impersonation;
    pub(crate) mod subscriptions;
    pub(crate) mod tenants;
    pub(crate) mod users;
}
pub(crate) mod tenant {
    //! What works in the caller's tenant.
    pub(crate) mod accounts;
    pub(crate) mod api_keys;
    pub(crate) mod assignments;
    pub(crate) mod audit;
    pub(crate) mod auth_policy;
    pub(crate) mod entitlements;
    pub(crate) mod grants;
    pub(crate) mod guardrails;
    pub(crate) mod invitations;
    pub(crate) mod mail_templates;
    pub(crate) mod members;
    pub(crate) mod option_sets;
    pub(crate) mod profiles;
    pub(crate) mod role_overrides;
    pub(crate) mod roles;
    pub(crate) mod schemas;
    pub(crate) mod teams;
    pub(crate) mod tenants;
    pub(crate) mod usage;
}
