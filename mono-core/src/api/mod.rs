//! The wire types of the HTTP API, one module per endpoint, used by the server and the client alike.
//!
//! Requests hold plain text; `parse` turns one into the typed form and reports everything that is wrong at once.

pub mod accounts;
pub mod api_keys;
pub mod assignments;
pub mod audit;
pub mod auth;
pub mod auth_policy;
pub mod bulk;
pub mod emails;
pub mod entitlements;
pub mod envelope;
pub mod grants;
pub mod guardrails;
pub mod health;
pub mod history;
pub mod invitations;
pub mod jwks;
pub mod magic_links;
pub mod mail_templates;
pub mod members;
pub mod object;
pub mod passwords;
pub mod permissions;
pub mod profiles;
pub mod role_overrides;
pub mod second_factor;
pub mod sessions;
pub mod sign_up;
pub mod subscriptions;
pub mod teams;
pub mod tenants;
pub mod users;

use crate::distinct;
use crate::error::{Error, Problem};
use crate::page::{PageRequest, SliceRequest};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Collects what is wrong with the fields of a request, so that all of it is reported at once.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Keeps the value, or the problems of its failure.
    pub(crate) fn take<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.0.extend(error.problems())).ok()
    }

    /// The failure that names every problem; called where a value is missing because of one.
    pub(crate) fn into_error(self) -> Error {
        Error::validation(self.0)
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Checks where a slice of a list begins, and names that together with what is wrong with the filter of the list.
fn slice_of<F>(
    cursor: Option<&str>,
    limit: Option<u32>,
    list: Result<(PageRequest, F), Error>,
) -> Result<(SliceRequest, F), Error> {
    let mut problems = Problems::default();
    let slice = problems.take(SliceRequest::parse(cursor, limit));
    match (slice, problems.take(list)) {
        (Some(slice), Some((_, filter))) => Ok((slice, filter)),
        _ => Err(problems.into_error()),
    }
}

/// Refuses `null` for what cannot be removed, so that it is not taken for "leave it as it is".
fn not_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads JSON that says everything once.
fn distinct_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    distinct::json(deserializer).map(Some)
}

/// Tells `null` (`Some(None)`) from a field that is left out (`None`).
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The longest search text, in characters.
const MAX_SEARCH: usize = 200;

/// Checks the text that a list is searched for.
fn search_text(text: String) -> Result<String, Error> {
    if text.chars().count() > MAX_SEARCH {
        return Err(Error::invalid("search", "too_long", "the search text has at most 200 characters"));
    }
    if text.contains(char::is_control) {
        return Err(Error::invalid(
            "search",
            "control_character",
            "the search text holds a control character",
        ));
    }
    Ok(text)
}
