//! How the server speaks HTTP.

use crate::cors::Origin;
use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How the server speaks HTTP.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The pages of other sites that may call from a browser.
    pub cors_origins: Vec<Origin>,
    /// How long a request may take, its body included.
    pub request_timeout: Duration,
    /// Whether people reach the server by HTTPS: browsers are told to come with nothing else.
    pub is_https: bool,
    /// What Prometheus shows to read `/metrics`, and others to read `/health/detailed`.
    pub watch_token: Option<SecretString>,
}

impl HttpSettings {
    /// Whether a request shows the token of those who watch. Compares in constant time.
    pub(crate) fn is_watcher(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.watch_token else { return false };
        let given =
            headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        given.is_some_and(|given| given.ct_eq(token.expose_secret().as_bytes()).into())
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            // As long as a database statement may run.
            request_timeout: Duration::from_secs(30),
            is_https: false,
            watch_token: None,
        }
    }
}
