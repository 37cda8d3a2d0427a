//! Many things in one request: each is done or refused by itself, with the answer that it would have had alone.

use super::envelope::Failure;
use super::object::object;
use crate::error::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most items of one request.
pub const MOST_ITEMS: usize = 100;

/// `POST …/bulk` makes and `PATCH …/bulk` changes the items, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "{T}Bulk"))]
#[serde(deny_unknown_fields)]
pub struct Bulk<T> {
    /// At most 100.
    #[cfg_attr(feature = "openapi", schemars(length(max = MOST_ITEMS)))]
    pub items: Vec<T>,
}

/// A change of one thing, among others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "{C}BulkChange"))]
#[serde(deny_unknown_fields, bound(deserialize = "C: Deserialize<'de>"))]
pub struct BulkChange<C> {
    /// The thing.
    #[cfg_attr(feature = "openapi", schemars(with = "uuid::Uuid"))]
    pub id: String,
    /// What the call that changes this one alone takes as its body.
    #[serde(deserialize_with = "object")]
    pub change: C,
}

impl<C> BulkChange<C> {
    /// A change of the thing with this id.
    pub fn new(id: impl std::fmt::Display, change: C) -> Self {
        Self { id: id.to_string(), change }
    }
}

/// The answer: 200, whatever became of the items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "{T}BulkResults"))]
pub struct BulkResults<T> {
    /// One for each item, in the order of the items.
    pub results: Vec<BulkResult<T>>,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "{T}BulkResult"))]
#[serde(untagged)]
pub enum BulkResult<T> {
    /// It was done.
    Done {
        /// The status that the call for this one alone has.
        status: u16,
        /// What that call answers.
        data: T,
    },
    /// It was refused, and left nothing behind.
    Refused {
        /// The status that the call for this one alone has.
        status: u16,
        /// The code of the kind of failure, such as `NOT_FOUND`.
        error: String,
        /// A sentence for people.
        message: String,
        /// Data for a program; always holds `reason`, the code of this very failure.
        details: Value,
    },
}

impl<T> BulkResult<T> {
    /// A refusal, as the call for this one alone words it.
    pub fn refused(status: u16, failure: Failure) -> Self {
        let Failure { error, message, details, success: _ } = failure;
        Self::Refused { status, error, message, details }
    }

    /// The thing, or the failure.
    ///
    /// # Errors
    /// What the call for this one alone fails with.
    pub fn into_result(self) -> Result<T, Error> {
        match self {
            Self::Done { data, .. } => Ok(data),
            Self::Refused { error, message, details, .. } => {
                Err(Failure { success: false, error, message, details }.into())
            }
        }
    }
}
