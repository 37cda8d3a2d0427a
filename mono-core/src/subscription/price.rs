//! What a plan costs.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// An amount of money for a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Whole minor units of the currency: cents of a euro, yen.
    pub amount: u64,
    /// The currency.
    pub currency: Currency,
    /// How long the amount pays for.
    pub interval: Interval,
}

/// How long a price pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A month.
    Month,
    /// A year.
    Year,
}

/// A currency code of the form of ISO 4217: three upper-case letters.
///
/// ```
/// use mono_core::subscription::Currency;
/// assert!(Currency::parse("EUR").is_ok());
/// assert!(Currency::parse("eur").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("pattern" = "^[A-Z]{3}$")))]
#[serde(try_from = "String", into = "String")]
pub struct Currency(String);

impl Currency {
    /// Checks a code. The list of existing currencies changes, so only the form is checked.
    ///
    /// # Errors
    /// `Validation` on the field `currency`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(
            "currency",
            "invalid_currency",
            "a currency is three upper-case letters, such as EUR",
        ))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Currency {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0
    }
}
