//! How the server speaks HTTP.

use crate::cors::Origin;
use secrecy::SecretString;
use std::time::Duration;

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
