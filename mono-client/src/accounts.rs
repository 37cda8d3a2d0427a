//! The accounts of a tenant.

use crate::client::Client;
use crate::history::History;
use futures_util::Stream;
use mono_core::Result;
use mono_core::api::accounts::{CreateAccount, ListAccounts, ScrollAccounts, UpdateAccount};
use mono_core::api::bulk::BulkChange;
use mono_core::api::entitlements::EntitlementsResponse;
use mono_core::id::AccountId;
use mono_core::model::account::Account;
use mono_core::page::{MAX_LIMIT, Page, Slice};
use reqwest::Method;

/// Where the accounts are.
const PATH: &str = "/api/v1/tenant/accounts";

fn path(account: AccountId) -> String {
    format!("{PATH}/{account}")
}

/// The accounts of a tenant; made by [`Tenant::accounts`](crate::Tenant::accounts).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Accounts<'a> {
    pub(crate) client: &'a Client,
}

impl<'a> Accounts<'a> {
    /// Makes an account.
    ///
    /// # Errors
    /// `Validation` names each field that is wrong, `Conflict` says that the slug is taken, `LimitExceeded` that the
    /// plan allows no more accounts.
    pub async fn create(&self, account: &CreateAccount) -> Result<Account> {
        self.client.send(self.client.request(Method::POST, PATH).json(account)).await?.data()
    }

    /// Makes up to 100 accounts, one after the other. Each has its own result, in their order: one that is refused leaves
    /// nothing behind, and the others stand.
    ///
    /// # Errors
    /// `Validation` for more than 100. As nothing is known of an item when the answer is lost, look what is there before
    /// you try again.
    pub async fn create_many(&self, accounts: &[CreateAccount]) -> Result<Vec<Result<Account>>> {
        self.client.send_many(Method::POST, PATH, accounts).await
    }

    /// Changes up to 100 accounts, as [`create_many`](Self::create_many) makes them.
    ///
    /// # Errors
    /// `Validation` for more than 100.
    pub async fn update_many(&self, changes: &[BulkChange<UpdateAccount>]) -> Result<Vec<Result<Account>>> {
        self.client.send_many(Method::PATCH, PATH, changes).await
    }

    /// One page of the accounts that the caller may see.
    ///
    /// # Errors
    /// `Validation` names what is wrong with page, limit, search, status or sort.
    ///
    /// ```no_run
    /// # async fn example(client: mono_client::Client) -> mono_core::Result<()> {
    /// use mono_core::api::accounts::ListAccounts;
    /// let wanted = ListAccounts { search: Some("bakery".into()), limit: Some(50), ..Default::default() };
    /// for account in client.tenant().accounts().list(&wanted).await?.items {
    ///     println!("{} {}", account.id, account.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list(&self, wanted: &ListAccounts) -> Result<Page<Account>> {
        self.client.send(self.client.request(Method::GET, PATH).query(wanted)).await?.data()
    }

    /// A slice of the accounts that the caller may see, newest first. Its `next` is the cursor of the slice after it;
    /// however deep it stands, a slice costs the same.
    ///
    /// # Errors
    /// `Validation` names what is wrong with cursor, limit, search or status.
    pub async fn scroll(&self, wanted: &ScrollAccounts) -> Result<Slice<Account>> {
        self.client.scroll(PATH, wanted).await
    }

    /// Every account that the query asks for, newest first. The next slice is asked for when the one before was taken; the stream
    /// ends after the last, or with the first error.
    ///
    /// ```no_run
    /// # async fn example(client: mono_client::Client) -> mono_core::Result<()> {
    /// use futures_util::TryStreamExt;
    /// use mono_core::api::accounts::ScrollAccounts;
    /// let mut accounts = client.tenant().accounts().stream(ScrollAccounts::default());
    /// while let Some(account) = accounts.try_next().await? {
    ///     println!("{} {}", account.id, account.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(&self, wanted: ScrollAccounts) -> impl Stream<Item = Result<Account>> + Unpin + use<> {
        self.client.stream(PATH, wanted)
    }

    /// Every account that the query asks for, newest first, at once. A function is told after each slice how many are there,
    /// and how many there were at the beginning; without one nothing is counted. What it fails with ends the list.
    ///
    /// # Errors
    /// As [`scroll`](Self::scroll), and what the function fails with.
    pub async fn all(
        &self,
        mut wanted: ScrollAccounts,
        mut progress: Option<impl FnMut(u64, u64) -> Result<()>>,
    ) -> Result<Vec<Account>> {
        wanted.limit.get_or_insert(MAX_LIMIT);
        let ScrollAccounts { search, status, .. } = wanted.clone();
        let counted = ListAccounts { limit: Some(1), search, status, ..Default::default() };
        let total = if progress.is_some() { self.list(&counted).await?.pagination.total } else { 0 };
        let mut all = Vec::new();
        loop {
            let Slice { items, next } = self.scroll(&wanted).await?;
            all.extend(items);
            if let Some(progress) = &mut progress {
                progress(all.len() as u64, total)?;
            }
            match next {
                Some(next) => wanted.cursor = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// One account.
    ///
    /// # Errors
    /// `NotFound` where there is none, also where it belongs to another tenant.
    pub async fn get(&self, account: AccountId) -> Result<Account> {
        self.client.send(self.client.request(Method::GET, &path(account))).await?.data()
    }

    /// Changes an account; what the change leaves out stays as it is.
    ///
    /// # Errors
    /// `Validation`, `NotFound`; `Conflict` where the version is stale or the slug is taken.
    ///
    /// ```no_run
    /// # use mono_core::model::account::Account;
    /// # async fn example(client: mono_client::Client, account: Account) -> mono_core::Result<()> {
    /// use mono_core::api::accounts::UpdateAccount;
    /// let change =
    ///     UpdateAccount { version: Some(account.version), name: Some("Harbour Bakery".into()), ..Default::default() };
    /// let account = client.tenant().accounts().update(account.id, &change).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update(&self, account: AccountId, change: &UpdateAccount) -> Result<Account> {
        self.client.send(self.client.request(Method::PATCH, &path(account)).json(change)).await?.data()
    }

    /// Deletes an account; [`restore`](Self::restore) brings it back.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn delete(&self, account: AccountId) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path(account))).await?.nothing()
    }

    /// Brings a deleted account back.
    ///
    /// # Errors
    /// `NotFound` where there is none, `Conflict` where its slug was taken meanwhile, `LimitExceeded` where the plan
    /// allows no more accounts.
    pub async fn restore(&self, account: AccountId) -> Result<Account> {
        let path = format!("{}/restore", path(account));
        self.client.send(self.client.request(Method::POST, &path)).await?.data()
    }

    /// What an account may use, and how much of it is used.
    ///
    /// # Errors
    /// `Forbidden` without the permission `account.billing.read`; `NotFound` where there is no such account.
    pub async fn entitlements(&self, account: AccountId) -> Result<EntitlementsResponse> {
        let path = format!("{}/entitlements", path(account));
        self.client.send(self.client.request(Method::GET, &path)).await?.data()
    }

    /// The versions of an account.
    pub fn history(&self, account: AccountId) -> History<'a, Account> {
        History::new(self.client, &path(account))
    }
}
