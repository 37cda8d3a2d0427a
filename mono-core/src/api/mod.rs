//! The wire types of the HTTP API, one module per endpoint, used by the server and the client alike.
//!
//! Requests hold plain text; `parse` turns one into the typed form and reports everything that is wrong at once.

pub mod accounts;
pub mod audit;
pub mod auth;
pub mod entitlements;
pub mod envelope;
pub mod permissions;
pub mod subscriptions;

use crate::error::{Error, Problem};

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
