//! The accounts of a tenant.

use crate::callbacks::ProgressListener;
use crate::client::Client;
use crate::error::Result;
use crate::page::page;
use crate::runtime::foreign;
use mono_core::api::accounts;
use mono_core::id::Uuid;
use mono_core::model::account;
use std::time::SystemTime;

/// A customer, team or agency inside a tenant.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Account {
    /// Its id.
    pub id: Uuid,
    /// The tenant that it belongs to.
    pub tenant_id: Uuid,
    /// Its short name, unique in its tenant.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// `individual`, `agency` or `business`.
    pub account_type: String,
    /// `active`, `suspended` or `archived`.
    pub status: String,
    /// Where to write to.
    pub email: Option<String>,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it was last changed.
    pub updated_at: SystemTime,
}

impl From<account::Account> for Account {
    fn from(account: account::Account) -> Self {
        Self {
            id: account.id.into(),
            tenant_id: account.tenant_id.into(),
            slug: account.slug.into(),
            name: account.name.into(),
            account_type: account.account_type.to_string(),
            status: account.status.to_string(),
            email: account.email.map(Into::into),
            version: account.version,
            created_at: account.created_at.into(),
            updated_at: account.updated_at.into(),
        }
    }
}

page! {
    /// One page of a list of accounts.
    AccountPage of Account, account::Account
}

/// Which accounts are wanted; what is left out is up to the server.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ListAccounts {
    /// The number of the page, from 1.
    #[uniffi(default = None)]
    pub page: Option<u32>,
    /// How many accounts a page holds: 20 by default, 100 at most.
    #[uniffi(default = None)]
    pub limit: Option<u32>,
    /// Text that name or e-mail address contain, without regard to case.
    #[uniffi(default = None)]
    pub search: Option<String>,
    /// `active`, `suspended` or `archived`.
    #[uniffi(default = None)]
    pub status: Option<String>,
    /// `name`, `createdAt`, or `-createdAt` (newest first, the default).
    #[uniffi(default = None)]
    pub sort: Option<String>,
}

impl From<ListAccounts> for accounts::ListAccounts {
    fn from(wanted: ListAccounts) -> Self {
        let ListAccounts { page, limit, search, status, sort } = wanted;
        Self { page, limit, search, status, sort }
    }
}

/// What is needed to make an account.
#[derive(Debug, Clone, uniffi::Record)]
pub struct CreateAccount {
    /// Its name.
    pub name: String,
    /// Its short name; left out, it is made from the name.
    #[uniffi(default = None)]
    pub slug: Option<String>,
    /// `individual`, `agency` or `business` (the default).
    #[uniffi(default = None)]
    pub account_type: Option<String>,
    /// Where to write to.
    #[uniffi(default = None)]
    pub email: Option<String>,
}

impl From<CreateAccount> for accounts::CreateAccount {
    fn from(account: CreateAccount) -> Self {
        let CreateAccount { name, slug, account_type, email } = account;
        Self { name, slug, account_type, email }
    }
}

/// What is changed of an account; what is left out stays as it is.
#[derive(Debug, Clone, uniffi::Record)]
pub struct UpdateAccount {
    /// The version that the change is based on; a stale one is a conflict.
    #[uniffi(default = None)]
    pub version: Option<i64>,
    /// A new name.
    #[uniffi(default = None)]
    pub name: Option<String>,
    /// A new short name.
    #[uniffi(default = None)]
    pub slug: Option<String>,
    /// `individual`, `agency` or `business`.
    #[uniffi(default = None)]
    pub account_type: Option<String>,
    /// `active`, `suspended` or `archived`.
    #[uniffi(default = None)]
    pub status: Option<String>,
    /// A new address; an empty one removes it.
    #[uniffi(default = None)]
    pub email: Option<String>,
}

impl From<UpdateAccount> for accounts::UpdateAccount {
    fn from(change: UpdateAccount) -> Self {
        let UpdateAccount { version, name, slug, account_type, status, email } = change;
        // The languages cannot tell `null` from an absent field.
        let email = email.map(|email| Some(email).filter(|email| !email.is_empty()));
        Self { version, name, slug, account_type, status, email }
    }
}

#[uniffi::export]
impl Client {
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
            let wanted = accounts::ScrollAccounts { search, status, ..Default::default() };
            let progress = progress
                .map(|progress| move |done, total| Ok(foreign(|| progress.on_progress(done, total))?));
            let all = client.tenant().accounts().all(wanted, progress).await?;
            Ok(all.into_iter().map(Into::into).collect())
        })
        .await
    }

    /// One account.
    ///
    /// # Errors
    /// `NotFound` where there is none, also where it belongs to another tenant.
    pub async fn get_account(&self, id: Uuid) -> Result<Account> {
        self.call(|client| async move { Ok(client.tenant().accounts().get(id.into()).await?.into()) }).await
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
    pub async fn update_account(&self, id: Uuid, change: UpdateAccount) -> Result<Account> {
        self.call(|client| async move {
            Ok(client.tenant().accounts().update(id.into(), &change.into()).await?.into())
        })
        .await
    }

    /// Deletes an account.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn delete_account(&self, id: Uuid) -> Result<()> {
        self.call(|client| async move { Ok(client.tenant().accounts().delete(id.into()).await?) }).await
    }
}
