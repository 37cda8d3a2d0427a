//! The client of a server.

use crate::accounts::{Account, AccountPage, CreateAccount, ListAccounts, UpdateAccount};
use crate::auth::{Login, LoginAnswer, Me};
use crate::callbacks::{ProgressListener, Store, TokenStore};
use crate::entitlements::EntitlementsInForce;
use crate::error::Result;
use crate::permission::{PermissionSnapshot, key};
use crate::runtime::{foreign, run};
use mono_core::api::accounts as api;
use mono_core::api::auth::LoginRequest;
use mono_core::api::second_factor::SecondFactorLogin;
use mono_core::permission::Scope;
use std::sync::Arc;
use std::time::Duration;

/// How many accounts `all_accounts` asks for at a time: the most that a server gives.
const SLICE: u32 = 100;

/// Talks to one server. It is safe to share; all who share it are signed in together.
///
/// An access token that has ended is renewed, once for any number of calls, which are then sent again. Reads are repeated
/// where that may help. A call that is cancelled is given up at once; a write that was cancelled may have been done.
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
    ///
    /// # Errors
    /// `Validation` where the address is not `http` or `https`, or holds a user name, password, query or fragment, a key has
    /// another length, or there are keys and none among them.
    #[uniffi::constructor(default(timeout = None, token_store = None, permission_keys = None))]
    pub fn new(
        address: String,
        timeout: Option<Duration>,
        token_store: Option<Box<dyn TokenStore>>,
        permission_keys: Option<Vec<Vec<u8>>>,
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
    /// `Validation` where the id is no UUID.
    pub fn with_tenant(&self, tenant_id: String) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { client: self.client.with_tenant(tenant_id.parse()?) }))
    }

    /// Asks whether the server is there.
    ///
    /// # Errors
    /// `Unavailable` where it is not.
    pub async fn ping(&self) -> Result<()> {
        self.call(|client| async move { Ok(client.ping().await?) }).await
    }

    /// Signs in. The client keeps the token and uses it from now on. The tenant is named by its slug; without one the
    /// only or oldest membership is taken.
    ///
    /// # Errors
    /// `Unauthorized` where address or password are wrong, or with code `second_factor_required` where the person has a
    /// second factor: `begin_login` tells what to show it with.
    #[uniffi::method(default(tenant = None))]
    pub async fn login(&self, email: String, password: String, tenant: Option<String>) -> Result<Login> {
        let request = LoginRequest { tenant, ..LoginRequest::new(email, password) };
        self.call(|client| async move { Ok(client.auth().login(&request).await?.into()) }).await
    }

    /// Signs in as `login` does, or gets the challenge for the second factor.
    ///
    /// # Errors
    /// `Unauthorized` where address or password are wrong.
    #[uniffi::method(default(tenant = None))]
    pub async fn begin_login(
        &self,
        email: String,
        password: String,
        tenant: Option<String>,
    ) -> Result<LoginAnswer> {
        let request = LoginRequest { tenant, ..LoginRequest::new(email, password) };
        self.call(|client| async move { Ok(client.auth().begin(&request).await?.into()) }).await
    }

    /// Finishes a login with a code of the second factor, or a recovery code. The client keeps the token and uses it from
    /// now on.
    ///
    /// # Errors
    /// `Unauthorized` where the code is wrong, `Validation` where the challenge was used or has ended.
    pub async fn second_factor(&self, challenge: String, code: String) -> Result<Login> {
        let shown = SecondFactorLogin { challenge, code, cookies: false };
        self.call(|client| async move { Ok(client.auth().second_factor(&shown).await?.into()) }).await
    }

    /// Whether somebody is signed in, as far as the client and its store know; the server is not asked.
    ///
    /// # Errors
    /// That of the store; the one that has ended the session.
    pub async fn is_signed_in(&self) -> Result<bool> {
        self.call(|client| async move { Ok(client.auth().is_signed_in().await?) }).await
    }

    /// Gets the next tokens. Calls do so by themselves where the token has ended.
    ///
    /// # Errors
    /// `Unauthorized` where nobody has signed in, or the session is over.
    pub async fn refresh(&self) -> Result<Login> {
        self.call(|client| async move { Ok(client.auth().refresh().await?.into()) }).await
    }

    /// Ends the session. The client is signed out, and its store empty.
    ///
    /// # Errors
    /// `Unauthorized` where nobody has signed in.
    pub async fn logout(&self) -> Result<()> {
        self.call(|client| async move { Ok(client.auth().logout().await?) }).await
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// `Unauthorized` where nobody is.
    pub async fn me(&self) -> Result<Me> {
        self.call(|client| async move { Ok(client.user().profile().await?.into()) }).await
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

    /// One page of the accounts of the tenant.
    ///
    /// # Errors
    /// `Forbidden` where the permission is missing, `Validation` where the wish makes no sense.
    pub async fn list_accounts(&self, wanted: ListAccounts) -> Result<AccountPage> {
        self.call(|client| async move { Ok(client.tenant().accounts().list(&wanted.into()).await?.into()) })
            .await
    }

    /// All accounts of the tenant that have the text in name or address, and the status, where these are given; newest
    /// first. They are asked for a hundred at a time, and the listener is told each time.
    ///
    /// # Errors
    /// As `list_accounts`; what the listener raises.
    #[uniffi::method(default(search = None, status = None, progress = None))]
    pub async fn all_accounts(
        &self,
        search: Option<String>,
        status: Option<String>,
        progress: Option<Box<dyn ProgressListener>>,
    ) -> Result<Vec<Account>> {
        self.call(|client| async move {
            let accounts = client.tenant().accounts();
            let mut wanted = api::ScrollAccounts { cursor: None, limit: Some(SLICE), search, status };
            let (search, status) = (wanted.search.clone(), wanted.status.clone());
            let first = api::ListAccounts { limit: Some(1), search, status, ..Default::default() };
            let total = accounts.list(&first).await?.pagination.total;
            let mut all = Vec::new();
            loop {
                let slice = accounts.scroll(&wanted).await?;
                all.extend(slice.items.into_iter().map(Account::from));
                if let Some(progress) = &progress {
                    foreign(|| progress.on_progress(all.len() as u64, total))?;
                }
                match slice.next {
                    Some(next) => wanted.cursor = Some(next),
                    None => return Ok(all),
                }
            }
        })
        .await
    }

    /// One account.
    ///
    /// # Errors
    /// `NotFound` where there is none, also where it belongs to another tenant; `Validation` where the id is no UUID.
    pub async fn get_account(&self, id: String) -> Result<Account> {
        self.call(|client| async move { Ok(client.tenant().accounts().get(id.parse()?).await?.into()) }).await
    }

    /// Makes an account.
    ///
    /// # Errors
    /// `Forbidden` where the permission is missing, `Validation` names each field that is wrong, `Conflict` says that
    /// the slug is taken, `LimitExceeded` that the plan allows no more accounts.
    pub async fn create_account(&self, account: CreateAccount) -> Result<Account> {
        self.call(
            |client| async move { Ok(client.tenant().accounts().create(&account.into()).await?.into()) },
        )
        .await
    }

    /// Changes an account; what the change leaves out stays as it is.
    ///
    /// # Errors
    /// `Validation` names each field that is wrong, `Conflict` says that the version is stale or the slug is taken.
    pub async fn update_account(&self, id: String, change: UpdateAccount) -> Result<Account> {
        self.call(|client| async move {
            Ok(client.tenant().accounts().update(id.parse()?, &change.into()).await?.into())
        })
        .await
    }

    /// Deletes an account.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn delete_account(&self, id: String) -> Result<()> {
        self.call(|client| async move { Ok(client.tenant().accounts().delete(id.parse()?).await?) }).await
    }
}

impl Client {
    async fn call<T, F>(&self, call: impl FnOnce(mono_client::Client) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        run(call(self.client.clone())).await
    }
}
