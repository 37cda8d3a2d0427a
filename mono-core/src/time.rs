//! The one representation of a moment, and the clock that is passed in.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// A moment in UTC with microsecond precision, the precision that every supported database keeps.
pub type Timestamp = DateTime<Utc>;

pub use chrono::{Datelike, NaiveDate, NaiveTime};

/// Tells the time. Passed in, so that a test decides what time it is.
pub trait Clock: Send + Sync {
    /// The present moment, truncated to microseconds.
    fn now(&self) -> Timestamp;
}

/// Drops what is finer than a microsecond, so that a value survives a round trip through a database unchanged.
///
/// ```
/// use mono_core::time::{truncate, Timestamp};
/// let fine: Timestamp = "2026-01-02T03:04:05.123456789Z".parse()?;
/// assert_eq!(truncate(fine).to_rfc3339(), "2026-01-02T03:04:05.123456+00:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn truncate(moment: Timestamp) -> Timestamp {
    // Outside the years 1677 to 2262 rounding is refused; such a moment is kept as it is.
    moment.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(moment)
}

/// A clock that stands still, for tests and examples.
///
/// ```
/// use mono_core::time::{Clock, FixedClock};
/// let clock = FixedClock("2026-01-02T03:04:05Z".parse()?);
/// assert_eq!(clock.now(), clock.now());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        truncate(self.0)
    }
}
