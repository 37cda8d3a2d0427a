//! What is forbidden to everybody in a tenant.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::guardrails::{CreateGuardrail, SetGuardrail};
use mono_core::id::GrantId;
use reqwest::Method;

/// Where the guardrails are.
const PATH: &str = "/api/v1/tenant/guardrails";

/// What is forbidden to everybody in a tenant, or in a part of it; made by
/// [`Tenant::guardrails`](crate::Tenant::guardrails).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Guardrails<'a> {
    pub(crate) client: &'a Client,
}

impl Guardrails<'_> {
    /// The guardrails of the tenant, oldest first.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.read`.
    pub async fn list(&self) -> Result<Vec<SetGuardrail>> {
        self.client.send(self.client.request(Method::GET, PATH)).await?.data()
    }

    /// Forbids a pattern to everybody.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.update`, or with code `not_held` for what the caller does not hold; `Validation`
    /// for what is no pattern, for a place outside of the tenant, and with code `locks_everybody_out` for what nobody
    /// could lift again; `Conflict` where the account does not exist, and with code `too_many` beyond 200 guardrails.
    pub async fn forbid(&self, guardrail: &CreateGuardrail) -> Result<SetGuardrail> {
        self.client.send(self.client.request(Method::POST, PATH).json(guardrail)).await?.data()
    }

    /// Lifts a guardrail.
    ///
    /// # Errors
    /// `NotFound` where there is none with this id; `Forbidden` without `tenant.roles.update`, or with code `not_held`
    /// where the caller would not hold what it forbids.
    pub async fn lift(&self, guardrail: GrantId) -> Result<()> {
        let path = format!("{PATH}/{guardrail}");
        self.client.send(self.client.request(Method::DELETE, &path)).await?.nothing()
    }
}
