//! The client of a server.

use crate::callbacks::{Store, TokenStore};
use crate::entitlements::EntitlementsInForce;
use crate::error::Result;
use crate::json::json;
use crate::permission::{PermissionSnapshot, key};
use crate::runtime::run;
use mono_client::CacheSettings;
use mono_core::id::Uuid;
use mono_core::permission::Scope;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Talks to one server. It is safe to share; all who share it are signed in together.
///
/// An access token that has ended is renewed, once for any number of calls, which are then sent again. Reads are repeated
/// where that may help. A call that is cancelled is given up at once; a write that was cancelled may have been done:
/// `with_idempotency_key` makes it safe to send it again.
#[derive(Debug, uniffi::Object)]
pub struct Client {
    client: mono_client::Client,
}

#[uniffi::export]
impl Client {
    /// Makes a client of the server at an address such as `https://api.example.com`. Nothing is sent yet.
    ///
    /// - `timeout`: how long a call may take, repeats included; 30 seconds by default.
    /// - `token_store`: keeps who is signed in; without it that is forgotten with the program.
    /// - `permission_keys`: the public keys of 32 bytes that may sign permissions; without them the one is taken that the
    ///   server gives along.
    /// - `repeats`: how often a request is sent again at most, where it is safe and may help; twice by default.
    /// - `cache`: keeps answers, and gives them out for so long without asking the server; of zero, each time it is asked
    ///   whether they still hold. Nothing is kept by default.
    ///
    /// # Errors
    /// `Validation` where the address is not `http` or `https`, or holds a user name, password, query or fragment, a key has
    /// another length, or there are keys and none among them.
    #[uniffi::constructor(default(
        timeout = None,
        token_store = None,
        permission_keys = None,
        repeats = None,
        cache = None
    ))]
    pub fn new(
        address: String,
        timeout: Option<Duration>,
        token_store: Option<Box<dyn TokenStore>>,
        permission_keys: Option<Vec<Vec<u8>>>,
        repeats: Option<u32>,
        cache: Option<Duration>,
    ) -> Result<Arc<Self>> {
        let mut builder = mono_client::Client::builder(address)
            .user_agent(concat!("mono-bindings/", env!("CARGO_PKG_VERSION")));
        if let Some(timeout) = timeout {
            builder = builder.timeout(timeout);
        }
        if let Some(store) = token_store {
            builder = builder.token_store(Arc::new(Store(store)));
        }
        if let Some(keys) = permission_keys {
            let keys = keys.iter().map(|bytes| key("permission_keys", bytes)).collect::<Result<Vec<_>>>()?;
            builder = builder.permission_keys(keys);
        }
        if let Some(repeats) = repeats {
            builder = builder.repeats(repeats);
        }
        if let Some(fresh_for) = cache {
            builder = builder.cache(CacheSettings { fresh_for, ..CacheSettings::default() });
        }
        Ok(Arc::new(Self { client: builder.build()? }))
    }

    /// A client that is signed in with this access token, or that shows this API key. The token is neither renewed nor
    /// stored.
    pub fn with_token(&self, token: String) -> Arc<Self> {
        Arc::new(Self { client: self.client.with_token(token) })
    }

    /// A client that works in this tenant, with the same token; for platform staff.
    ///
    /// # Errors
    /// `Validation` where the id is no UUID, in a language that has no type for them.
    pub fn with_tenant(&self, tenant_id: Uuid) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { client: self.client.with_tenant(tenant_id.into()) }))
    }

    /// A client whose next write is done once, however often it is sent: by this client, which repeats it where the server
    /// is away, after a call that was cancelled, or by another program that knows the key. Make a new key of 1 to 255 visible
    /// characters, such as a UUID, for each thing that is to be done. The server keeps the answer for a day; where it keeps
    /// none, as for invitations, it refuses a key with code `idempotency_not_supported`.
    pub fn with_idempotency_key(&self, key: String) -> Arc<Self> {
        Arc::new(Self { client: self.client.with_idempotency_key(key) })
    }

    /// Asks whether the server is there.
    ///
    /// # Errors
    /// `Unavailable` where it is not.
    pub async fn ping(&self) -> Result<()> {
        self.call(|client| async move { Ok(client.ping().await?) }).await
    }

    /// What the caller may do in its tenant, as the server has signed it. It is verified and kept, so that `can` decides
    /// without the server; call this after signing in, and now and then: it asks the server again where half the lifetime of
    /// what is kept has passed, or where the server has refused something meanwhile. Where the server is away, what is kept
    /// is good until it expires.
    ///
    /// # Errors
    /// `Internal` with code `snapshot_refused` where the signature does not hold, or by the clock of this device it has
    /// expired; `Validation` with code `tenant_required` where the caller works in no tenant.
    pub async fn permissions(&self) -> Result<Arc<PermissionSnapshot>> {
        self.call(|client| async move { Ok(Arc::new(client.permissions().await?.into())) }).await
    }

    /// Whether the caller may do something at a scope, as far as is known here: by the `permissions` that are kept. It asks
    /// nobody. The server decides in the end.
    ///
    /// # Errors
    /// What is not known is never `true`, and not `false` either: `Unavailable` with code `permissions_not_loaded` before
    /// `permissions` was called and after signing out, or `permissions_expired`; `Validation` with code `other_tenant` where
    /// the scope does not lie in the tenant of the caller.
    pub fn can(&self, permission: String, scope: String) -> Result<bool> {
        Ok(self.client.can(permission.as_str(), &scope.parse::<Scope>()?)?)
    }

    /// What the tenant may use, and how much of it is used.
    ///
    /// # Errors
    /// `Forbidden` where the permission is missing.
    pub async fn entitlements(&self) -> Result<EntitlementsInForce> {
        self.call(|client| async move { Ok(client.tenant().entitlements().await?.into()) }).await
    }

    /// Calls any route of the server, such as one of an application's own, as whoever is signed in: with the refresh, repeats
    /// and errors of every other call. The path begins with a slash and may have a query, `/api/v1/tenant/roles?limit=50`; the
    /// body, where there is one, is JSON. The answer is the JSON of what stands under `data`, none where that is nothing.
    ///
    /// # Errors
    /// What the server refuses; `Validation` where method, path or body make no sense; `Internal` with code
    /// `unexpected_answer` where the answer is no JSON, such as an export.
    #[uniffi::method(default(body = None))]
    pub async fn request(
        &self,
        method: String,
        path: String,
        body: Option<String>,
    ) -> Result<Option<String>> {
        let body = body.map(|body| json::<Value>("body", &body)).transpose()?;
        self.call(|client| async move {
            Ok(client.call(&method, &path, body.as_ref()).await?.map(|data| data.to_string()))
        })
        .await
    }
}

impl Client {
    /// Makes a call on the threads of the library.
    pub(crate) async fn call<T, F>(&self, call: impl FnOnce(mono_client::Client) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        run(call(self.client.clone())).await
    }
}
