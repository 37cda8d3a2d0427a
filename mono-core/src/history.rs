//! Earlier versions of a thing.

use crate::audit::Action;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A thing as one change left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "{T}Version"))]
#[serde(rename_all = "camelCase")]
pub struct Version<T> {
    /// Its number, from 1.
    pub version: i64,
    /// What was done.
    pub action: Action,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it, as the audit log names it.
    pub actor: String,
    /// The whole thing, after that.
    pub snapshot: T,
}
