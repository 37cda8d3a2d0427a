//! What is repeated, and after how long.

use reqwest::{Method, Response, StatusCode};
use std::time::Duration;

/// The pauses before the second and the third attempt, give or take a half.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// The pauses between the attempts of a request. What reads is repeated, and a write that has an idempotency key; of any
/// other nobody knows whether it was done.
pub(crate) fn pauses(method: &Method, has_key: bool) -> impl Iterator<Item = Duration> + use<> {
    let repeats = if method == Method::GET || has_key { PAUSES.len() } else { 0 };
    // Jitter: clients that lost the same server must not all come back at the same moment.
    PAUSES.into_iter().take(repeats).map(|pause| pause.mul_f64(rand::random_range(0.5..1.5)))
}

/// Whether another attempt may end better: there was no connection, or the server says that it is away.
pub(crate) fn may_help(attempt: &Result<Response, reqwest::Error>) -> bool {
    match attempt {
        Ok(response) => response.status() == StatusCode::SERVICE_UNAVAILABLE,
        Err(error) => error.is_connect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_is_repeated_and_never_at_once() {
        let count = |method| pauses(&method, false).count();
        assert_eq!([Method::GET, Method::POST, Method::PATCH, Method::DELETE].map(count), [2, 0, 0, 0]);
        assert_eq!(pauses(&Method::POST, true).count(), 2);
        assert!(pauses(&Method::GET, false).all(|pause| pause >= Duration::from_millis(50)));
    }
}
