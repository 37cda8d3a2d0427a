//! Moments, as the languages know them.

use crate::error::Result;
use mono_core::Error;
use mono_core::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads a moment, to the microsecond; the field is named where it is none.
pub(crate) fn moment(field: &str, time: SystemTime) -> Result<Timestamp> {
    let micros = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()),
        Err(before) => i64::try_from(before.duration().as_micros()).map(|micros| -micros),
    };
    // Not `From<SystemTime>`: it panics where the year is out of range.
    let moment = micros.ok().and_then(Timestamp::from_timestamp_micros);
    Ok(moment.ok_or_else(|| Error::invalid(field, "out_of_range", "the moment is out of range"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn moments_before_and_after_the_epoch_are_read() {
        let read = |time| moment("now", time).unwrap().to_rfc3339();
        assert_eq!(read(UNIX_EPOCH + Duration::from_nanos(1_500)), "1970-01-01T00:00:00.000001+00:00");
        assert_eq!(read(UNIX_EPOCH - Duration::from_secs(1)), "1969-12-31T23:59:59+00:00");
    }

    #[test]
    fn absurd_moments_are_an_error_and_no_panic() {
        let far = Duration::from_secs(1 << 50);
        for absurd in [UNIX_EPOCH + far, UNIX_EPOCH - far] {
            assert_eq!(
                moment("expires_at", absurd).unwrap_err().to_string(),
                "expires_at: the moment is out of range"
            );
        }
    }
}
