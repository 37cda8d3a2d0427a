//! How much of something one may have.

use serde::{Deserialize, Serialize};

/// The most that a limit lets through: a number, or no end at all.
///
/// In JSON and in the database it is one whole number, and `-1` means unlimited. The order is the natural one:
/// unlimited is more than any number.
///
/// ```
/// use mono_core::subscription::Allowance;
/// assert_eq!(serde_json::from_str::<Allowance>("-1")?, Allowance::Unlimited);
/// assert!(Allowance::UpTo(5) < Allowance::Unlimited);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(try_from = "i64", into = "i64")]
pub enum Allowance {
    /// At most this many, in the unit of the limit.
    UpTo(u64),
    /// As many as one likes.
    Unlimited,
}

impl Allowance {
    /// Nothing at all.
    pub const NONE: Self = Self::UpTo(0);

    /// The greatest number that the database can keep.
    pub const GREATEST: u64 = i64::MAX.unsigned_abs();

    /// Both together. Unlimited wins; a sum that is too great stays at [`Self::GREATEST`].
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::UpTo(a), Self::UpTo(b)) => Self::UpTo(a.saturating_add(b).min(Self::GREATEST)),
            _ => Self::Unlimited,
        }
    }

    /// This many times the allowance; no times is nothing, also of the unlimited.
    pub fn times(self, quantity: u32) -> Self {
        match self {
            Self::UpTo(each) => Self::UpTo(each.saturating_mul(u64::from(quantity)).min(Self::GREATEST)),
            Self::Unlimited if quantity == 0 => Self::NONE,
            Self::Unlimited => Self::Unlimited,
        }
    }

    /// What is left after `used`; nothing where more than the allowance is in use.
    pub fn minus(self, used: u64) -> Self {
        match self {
            Self::UpTo(maximum) => Self::UpTo(maximum.saturating_sub(used)),
            Self::Unlimited => Self::Unlimited,
        }
    }

    /// Whether `total` stays within the allowance.
    pub fn holds(self, total: u64) -> bool {
        match self {
            Self::UpTo(maximum) => total <= maximum,
            Self::Unlimited => true,
        }
    }
}

/// A number below -1 stands for nothing, and is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a maximum is a whole number from 0, or -1 for unlimited")]
pub struct NegativeAllowance;

impl TryFrom<i64> for Allowance {
    type Error = NegativeAllowance;

    fn try_from(number: i64) -> Result<Self, NegativeAllowance> {
        match u64::try_from(number) {
            Ok(maximum) => Ok(Self::UpTo(maximum)),
            Err(_) if number == -1 => Ok(Self::Unlimited),
            Err(_) => Err(NegativeAllowance),
        }
    }
}

impl From<Allowance> for i64 {
    fn from(allowance: Allowance) -> Self {
        match allowance {
            Allowance::UpTo(maximum) => Self::try_from(maximum).unwrap_or(Self::MAX),
            Allowance::Unlimited => -1,
        }
    }
}

impl std::fmt::Display for Allowance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UpTo(maximum) => write!(f, "{maximum}"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_products_never_overflow() {
        let most = Allowance::UpTo(Allowance::GREATEST);
        assert_eq!(most.plus(Allowance::UpTo(1)), most);
        assert_eq!(most.times(u32::MAX), most);
        assert_eq!(Allowance::Unlimited.times(0), Allowance::NONE);
        assert_eq!(Allowance::UpTo(3).plus(Allowance::Unlimited), Allowance::Unlimited);
        assert_eq!(i64::from(Allowance::UpTo(u64::MAX)), i64::MAX);
    }

    #[test]
    fn only_minus_one_is_unlimited() {
        assert_eq!(Allowance::try_from(-1), Ok(Allowance::Unlimited));
        assert_eq!(Allowance::try_from(-2), Err(NegativeAllowance));
        assert!(serde_json::from_str::<Allowance>("1e400").is_err());
        assert!(serde_json::from_str::<Allowance>("9223372036854775808").is_err());
    }
}
