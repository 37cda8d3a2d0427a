//! Whether the server is there, and how it is.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::health::{HealthReport, HealthSummary};
use mono_core::api::jwks::JwkSet;
use reqwest::{Method, StatusCode};
use serde::de::IgnoredAny;

impl Client {
    /// Asks whether the server is there.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn ping(&self) -> Result<()> {
        let answer = self.send(self.anonymous(Method::GET, "/ping")).await?;
        answer.data::<IgnoredAny>().map(drop)
    }

    /// Asks whether the server takes requests.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn ready(&self) -> Result<bool> {
        let answer = self.send_once(self.anonymous(Method::GET, "/ready")).await?;
        Ok(answer.status == StatusCode::OK)
    }

    /// Reads everything that is measured, in the format of Prometheus, as somebody who may see figures over all tenants.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn metrics(&self) -> Result<String> {
        self.send_once(self.request(Method::GET, "/metrics")).await?.text()
    }

    /// Asks how each service is that the server uses, as somebody who may see figures over all tenants.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn health_report(&self) -> Result<HealthReport> {
        let answer = self.send_once(self.request(Method::GET, "/health/detailed")).await?;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE { answer.success() } else { answer.data() }
    }

    /// Asks how the server is. A server that is down and says so is an answer, not an error. It is asked just once:
    /// what counts is how it is now.
    ///
    /// # Errors
    /// What [`Client`] lists.
    ///
    /// ```no_run
    /// # async fn example(client: mono_client::Client) -> mono_core::Result<()> {
    /// use mono_core::api::health::Health;
    /// let is_well = client.health().await?.status == Health::Healthy;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn health(&self) -> Result<HealthSummary> {
        let answer = self.send_once(self.anonymous(Method::GET, "/health")).await?;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE { answer.success() } else { answer.data() }
    }

    /// The public keys with which access tokens are verified; none where tokens are signed with a secret.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn jwks(&self) -> Result<JwkSet> {
        self.send(self.anonymous(Method::GET, "/.well-known/jwks.json")).await?.bare()
    }
}
