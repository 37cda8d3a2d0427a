//! `GET /ready`, `GET /health` and `GET /health/detailed`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a server or one of its services is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Health {
    /// All is well.
    Healthy,
    /// It works, with something missing or slow.
    Degraded,
    /// It does not work.
    Down,
    /// A word of a newer server.
    #[serde(other)]
    #[cfg_attr(feature = "openapi", schemars(skip))]
    Unknown,
}

/// How a server is, for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HealthSummary {
    /// Down where the database is, and degraded where something else is not healthy.
    pub status: Health,
    /// What each service that the server needs is, by name: `database`, and `redis` where there is one.
    pub services: BTreeMap<String, Health>,
}

/// Whether a server takes requests, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Readiness {
    /// It does.
    Ready,
    /// It is about to end.
    Stopping,
    /// Its database is away.
    Down,
}

/// Whether a server takes requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReadyResponse {
    /// In one word.
    pub status: Readiness,
}

/// How a server is, for those who run it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HealthReport {
    /// The worst of what the server cannot do without, and at least degraded where something else is not healthy.
    pub status: Health,
    /// The version of the program.
    pub version: String,
    /// How long it has run.
    pub uptime_seconds: u64,
    /// Each service that it uses.
    pub services: Vec<ServiceHealth>,
}

/// How one service is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceHealth {
    /// `database`, `redis`, `mail` …
    pub name: String,
    /// In one word.
    pub status: Health,
    /// How long its answer took.
    pub latency_ms: f64,
    /// What else is to be said.
    pub detail: String,
}
