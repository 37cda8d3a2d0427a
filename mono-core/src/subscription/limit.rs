//! What is counted.

use super::{Allowance, Key, Window};
use crate::text::Name;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that is counted, such as accounts, bytes or calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// By what plans and counters name it.
    pub key: Key,
    /// What people read.
    pub name: Name,
    /// What one of it is, in the singular: `account`, `byte`, `call`.
    pub unit: Key,
    /// The group that it is shown in: `tenancy`, `storage`, `api`.
    pub category: Key,
    /// The maximum where the plan does not name the limit.
    pub default: Allowance,
    /// The stretch of time over which it is counted.
    pub window: Window,
    /// What happens at the maximum.
    pub enforcement: Enforcement,
}

/// What happens at the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// What goes beyond the maximum is refused.
    Hard,
    /// What goes beyond the maximum is let through and reported.
    Soft,
}

impl Limit {
    /// The first moment of the window that `now` is in; see [`Window::start`].
    pub fn window_start(&self, now: Timestamp) -> Timestamp {
        self.window.start(now)
    }
}
