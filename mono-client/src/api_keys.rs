//! The API keys of a tenant.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::api_keys::{CreateApiKey, CreatedApiKey, ListApiKeys, RotateApiKey, UpdateApiKey};
use mono_core::id::ApiKeyId;
use mono_core::model::api_key::ApiKey;
use mono_core::page::Page;
use reqwest::Method;

/// Where the keys are.
const PATH: &str = "/api/v1/tenant/api-keys";

fn path(key: ApiKeyId, rest: &str) -> String {
    format!("{PATH}/{key}{rest}")
}

/// The API keys of a tenant; made by [`Tenant::api_keys`](crate::Tenant::api_keys).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing,
/// `NotFound` where key or account are not there, and as [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeys<'a> {
    pub(crate) client: &'a Client,
}

impl ApiKeys<'_> {
    /// Makes a key. Its text is in the answer, once; [`Client::with_token`] signs in with it.
    ///
    /// # Errors
    /// `Validation`; `Forbidden` with code `not_held` where a scope covers more than the caller holds; `LimitExceeded`.
    pub async fn create(&self, key: &CreateApiKey) -> Result<CreatedApiKey> {
        self.client.send(self.client.request(Method::POST, PATH).json(key)).await?.data()
    }

    /// One page of the keys, newest first.
    ///
    /// # Errors
    /// `Validation` names what is wrong with page or limit.
    pub async fn list(&self, wanted: &ListApiKeys) -> Result<Page<ApiKey>> {
        self.client.send(self.client.request(Method::GET, PATH).query(wanted)).await?.data()
    }

    /// One key.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn get(&self, key: ApiKeyId) -> Result<ApiKey> {
        self.client.send(self.client.request(Method::GET, &path(key, ""))).await?.data()
    }

    /// Changes the name or the scopes of a key.
    ///
    /// # Errors
    /// `Validation`; `Conflict` where the version is stale, or the key works no more.
    pub async fn update(&self, key: ApiKeyId, change: &UpdateApiKey) -> Result<ApiKey> {
        self.client.send(self.client.request(Method::PATCH, &path(key, "")).json(change)).await?.data()
    }

    /// Makes a key that follows another, which works on for a while.
    ///
    /// # Errors
    /// `Conflict` where the key was rotated already, or works no more.
    pub async fn rotate(&self, key: ApiKeyId, how: &RotateApiKey) -> Result<CreatedApiKey> {
        self.client.send(self.client.request(Method::POST, &path(key, "/rotate")).json(how)).await?.data()
    }

    /// Ends a key.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn revoke(&self, key: ApiKeyId) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path(key, ""))).await?.nothing()
    }
}
