//! The accounts of a tenant.

use mono_core::api::accounts;
use mono_core::model::account;
use mono_core::page::Page;
use std::time::SystemTime;

/// A customer, team or agency inside a tenant.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant_id: String,
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
            id: account.id.to_string(),
            tenant_id: account.tenant_id.to_string(),
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

/// One page of a list of accounts.
#[derive(Debug, Clone, uniffi::Record)]
pub struct AccountPage {
    /// The accounts of this page, in the order of the list.
    pub items: Vec<Account>,
    /// The number of this page, from 1.
    pub page: u32,
    /// How many accounts a page holds.
    pub limit: u32,
    /// How many accounts the whole list holds.
    pub total: u64,
    /// How many pages the whole list has.
    pub total_pages: u64,
}

impl From<Page<account::Account>> for AccountPage {
    fn from(page: Page<account::Account>) -> Self {
        Self {
            items: page.items.into_iter().map(Into::into).collect(),
            page: page.pagination.page,
            limit: page.pagination.limit,
            total: page.pagination.total,
            total_pages: page.pagination.total_pages,
        }
    }
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
