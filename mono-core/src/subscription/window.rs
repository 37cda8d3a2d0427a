//! The stretch of time over which use is counted.

use crate::time::Timestamp;
use chrono::{DateTime, Datelike, Days, Months, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

/// The stretch of time over which a limit counts. Days and months are those of the calendar in UTC, so every node
/// agrees on them and a subscription that began on the 31st has no short months.
///
/// ```
/// use mono_core::subscription::Window;
/// let leap_day = "2028-02-29T23:59:59Z".parse()?;
/// assert_eq!(Window::Month.start(leap_day).to_rfc3339(), "2028-02-01T00:00:00+00:00");
/// assert_eq!(Window::Month.end(leap_day).unwrap().to_rfc3339(), "2028-03-01T00:00:00+00:00");
/// assert_eq!(Window::Total.end(leap_day), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// What exists now; it is given back when a thing is deleted.
    Total,
    /// What was used since midnight UTC.
    Day,
    /// What was used since the first of the month, midnight UTC.
    Month,
}

impl Window {
    /// The first moment of the window that `now` is in. For [`Window::Total`] it is 1970-01-01, so that a counter's
    /// key (tenant, limit, start of the window) always has a value.
    pub fn start(self, now: Timestamp) -> Timestamp {
        let day = now.date_naive();
        let first = match self {
            Self::Total => return DateTime::<Utc>::UNIX_EPOCH,
            Self::Day => day,
            // Every month has a first day.
            Self::Month => day.with_day(1).unwrap_or(day),
        };
        first.and_time(NaiveTime::MIN).and_utc()
    }

    /// The first moment that is no longer in the window of `now`; `None` if the window never ends.
    pub fn end(self, now: Timestamp) -> Option<Timestamp> {
        let start = self.start(now).date_naive();
        let next = match self {
            Self::Total => return None,
            Self::Day => start.checked_add_days(Days::new(1)),
            Self::Month => start.checked_add_months(Months::new(1)),
        };
        next.map(|day| day.and_time(NaiveTime::MIN).and_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_time_is_no_panic() {
        for window in [Window::Total, Window::Day, Window::Month] {
            let _ = (window.start(DateTime::<Utc>::MAX_UTC), window.end(DateTime::<Utc>::MAX_UTC));
            let _ = (window.start(DateTime::<Utc>::MIN_UTC), window.end(DateTime::<Utc>::MIN_UTC));
        }
    }
}
