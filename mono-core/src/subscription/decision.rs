//! The answer to "is there room for this much more?".

use super::{Allowance, Enforcement};
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The answer to "is there room for this much more?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The limit that was asked about.
    pub limit: String,
    /// Whether it may happen. A soft limit always says yes.
    pub allowed: bool,
    /// Whether there is no maximum.
    pub unlimited: bool,
    /// How much was in use before, in the unit of the limit.
    pub current: u64,
    /// The most that may be in use; -1 in JSON for unlimited.
    pub maximum: Allowance,
    /// How much room there was before; 0 where more than the maximum is in use, -1 in JSON for unlimited.
    pub remaining: Allowance,
}

impl Decision {
    pub(super) fn new(
        limit: &str,
        maximum: Allowance,
        enforcement: Enforcement,
        current: u64,
        amount: u64,
    ) -> Self {
        // A sum that does not fit is more than any maximum that is a number.
        let fits =
            current.checked_add(amount).map_or(maximum == Allowance::Unlimited, |sum| maximum.holds(sum));
        Self {
            limit: limit.to_owned(),
            // Taking nothing is always possible, also where a downgrade left more in use than the maximum.
            allowed: fits || amount == 0 || enforcement == Enforcement::Soft,
            unlimited: maximum == Allowance::Unlimited,
            current,
            maximum,
            remaining: maximum.minus(current),
        }
    }

    /// The answer itself where it is yes, the error otherwise.
    ///
    /// # Errors
    /// `LimitExceeded`; see [`Self::into_error`].
    pub fn into_result(self) -> Result<Self> {
        if self.allowed { Ok(self) } else { Err(self.into_error()) }
    }

    /// The error that says no: kind `LimitExceeded`, with `limit`, `current` and `maximum` in its details.
    pub fn into_error(self) -> Error {
        let message = format!("the limit `{}` is used up: {} of {}", self.limit, self.current, self.maximum);
        let details = json!({ "limit": self.limit, "current": self.current, "maximum": self.maximum });
        Error::new(ErrorKind::LimitExceeded, "limit_exceeded", message).with_details(details)
    }
}
