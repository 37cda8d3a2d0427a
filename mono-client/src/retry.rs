//! What is sent again, and after how long.

use crate::answer::{Answer, Failed};
use crate::system;
use chrono::DateTime;
use mono_core::time::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// The pause before the second attempt, give or take a half; each further one is four times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause of ours is longer; the server may ask for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Which failures of a request are worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// None: what counts is how it is now.
    Never,
    /// Where it has certainly not reached the server: of a write that did, nobody knows whether it was done.
    Unsent,
    /// Any that may pass: it reads, or has an idempotency key.
    Safe,
}

/// How long to wait before another attempt; `None` where none may help.
pub(crate) fn pause(repeat: Repeat, turn: u32, outcome: &Result<Answer, Failed>) -> Option<Duration> {
    match (repeat, outcome) {
        (Repeat::Safe, Ok(answer)) => match (answer.status, answer.retry_after) {
            // Jitter here too: all who were sent away are told the same moment. A conflict that passes is the same key on its
            // way already.
            (
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT,
                Some(after),
            ) => Some(after.saturating_add(FIRST_PAUSE.mul_f64(rand::random()))),
            (StatusCode::SERVICE_UNAVAILABLE, None) => Some(back_off(turn)),
            // Without a time it is no hurry that passes, but a limit of the plan.
            _ => None,
        },
        (Repeat::Safe, Err(Failed::Broken(_))) => Some(back_off(turn)),
        (Repeat::Unsent, Err(Failed::Broken(error))) if system::never_sent(error) => Some(back_off(turn)),
        _ => None,
    }
}

fn back_off(turn: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(4_u32.saturating_pow(turn)).min(LONGEST_PAUSE);
    // Jitter: clients that lost the same server must not all come back at the same moment.
    pause.mul_f64(rand::random_range(0.5..1.5))
}

/// What `Retry-After` asks for: a number of seconds, or a moment (RFC 9110).
pub(crate) fn after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = DateTime::parse_from_rfc2822(text).ok()?;
    Some((moment.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn pauses_grow_and_are_never_at_once() {
        for (turn, least, most) in [(0, 50, 150), (1, 200, 600), (2, 800, 2_400), (9, 5_000, 15_000)] {
            let pause = back_off(turn);
            let between = Duration::from_millis(least)..Duration::from_millis(most);
            assert!(between.contains(&pause), "{turn}: {pause:?}");
        }
        back_off(u32::MAX);
    }

    #[test]
    fn the_server_asks_for_seconds_or_for_a_moment() {
        let now = "1994-11-06T08:49:07Z".parse().unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(after(&HeaderMap::new(), now), None);
    }
}
