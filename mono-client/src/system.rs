//! What a browser (wasm32) does otherwise than a machine. Everything else of the crate is the same on both.

pub(crate) use here::{Instant, body, http, never_sent, now, sleep, timeout};

/// A future in a box. On a machine it can go to another thread; in a browser there is none.
#[cfg(not(target_arch = "wasm32"))]
pub type BoxFuture<'a, T> = futures_util::future::BoxFuture<'a, T>;
/// A future in a box. On a machine it can go to another thread; in a browser there is none.
#[cfg(target_arch = "wasm32")]
pub type BoxFuture<'a, T> = futures_util::future::LocalBoxFuture<'a, T>;

/// A body that is not to be had.
pub(crate) enum NoBody {
    /// It is larger than the limit.
    TooLarge,
    /// The connection broke.
    Broken(reqwest::Error),
}

#[cfg(not(target_arch = "wasm32"))]
mod here {
    use super::NoBody;
    use mono_core::time::Timestamp;
    use reqwest::{ClientBuilder, Response};
    use std::time::{Duration, SystemTime};
    pub(crate) use tokio::time::{Instant, sleep};

    pub(crate) async fn timeout<T>(most: Duration, answer: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(most, answer).await.ok()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place where the present enters")]
    pub(crate) fn now() -> Timestamp {
        SystemTime::now().into()
    }

    pub(crate) fn http() -> ClientBuilder {
        // A redirect could carry the token, or a write, to somewhere that nobody chose.
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none())
    }

    /// Whether a request has certainly not reached the server.
    pub(crate) fn never_sent(error: &reqwest::Error) -> bool {
        error.is_connect()
    }

    pub(crate) async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, NoBody> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(NoBody::Broken)? {
            if body.len() + chunk.len() > most {
                return Err(NoBody::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

#[cfg(target_arch = "wasm32")]
mod here {
    use super::NoBody;
    use futures_util::future::{Either, select};
    use gloo_timers::future::TimeoutFuture;
    use mono_core::time::Timestamp;
    use reqwest::{ClientBuilder, Response};
    use std::pin::pin;
    use std::time::Duration;
    pub(crate) use web_time::Instant;
    use web_time::SystemTime;

    pub(crate) async fn sleep(pause: Duration) {
        TimeoutFuture::new(u32::try_from(pause.as_millis()).unwrap_or(u32::MAX)).await;
    }

    pub(crate) async fn timeout<T>(most: Duration, answer: impl Future<Output = T>) -> Option<T> {
        // The timers of a browser end at 24 days.
        let most = most.min(Duration::from_millis(i32::MAX as u64));
        match select(pin!(answer), pin!(sleep(most))).await {
            Either::Left((answer, _)) => Some(answer),
            Either::Right(_) => None,
        }
    }

    pub(crate) fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_timestamp_micros(micros).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The browser follows redirects, and takes the token away where they lead to another site.
    pub(crate) fn http() -> ClientBuilder {
        reqwest::Client::builder()
    }

    /// A browser does not say how far a request came.
    pub(crate) fn never_sent(_: &reqwest::Error) -> bool {
        false
    }

    /// The browser has the whole body, or none.
    pub(crate) async fn body(response: Response, most: usize) -> Result<Vec<u8>, NoBody> {
        let body = response.bytes().await.map_err(NoBody::Broken)?;
        if body.len() > most { Err(NoBody::TooLarge) } else { Ok(body.into()) }
    }
}
