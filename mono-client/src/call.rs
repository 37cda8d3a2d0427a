//! Calls of routes that have no handle here.

use crate::client::Client;
use mono_core::{Error, Result};
use reqwest::{Method, StatusCode};
use serde_json::Value;

impl Client {
    /// Calls any route of the server, such as one of an application's own, as whoever is signed in: with the refresh, repeats
    /// and errors of every other call. The path begins with a slash and may have a query. The answer is what stands under
    /// `data`; none where that is nothing.
    ///
    /// # Errors
    /// `Validation` where method or path make no sense; what [`Client`] lists.
    ///
    /// ```no_run
    /// # async fn example(client: mono_client::Client) -> mono_core::Result<()> {
    /// let berth = serde_json::json!({ "name": "North 12" });
    /// let made = client.call("POST", "/api/v1/tenant/berths", Some(&berth)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Option<Value>> {
        let invalid = |field, message: &str| Error::invalid(field, &format!("invalid_{field}"), message);
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| invalid("method", "the method is a word such as `GET`"))?;
        // Without the slash it would go on with the host, and the token to another server.
        if !path.starts_with('/')
            || path.contains(|letter: char| letter.is_control() || letter.is_whitespace())
        {
            return Err(invalid(
                "path",
                "the path begins with a slash, and holds no space or control character",
            ));
        }
        let request = self.request(method, path);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = self.send(request).await?;
        if answer.status == StatusCode::NO_CONTENT { Ok(None) } else { answer.data() }
    }
}
