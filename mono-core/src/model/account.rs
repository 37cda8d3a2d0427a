//! An account: a customer, team or agency inside a tenant.

use super::word_enum;
use crate::id::{AccountId, TenantId};
use crate::page::{Cursor, Placed};
use crate::text::{Email, Name, Slug};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

word_enum! {
    /// What an account stands for.
    AccountType, "type" {
        /// One person.
        Individual = "individual",
        /// An agency that acts for others.
        Agency = "agency",
        /// A company.
        Business = "business",
    }
}

word_enum! {
    /// Whether an account may work.
    AccountStatus, "status" {
        /// Works.
        Active = "active",
        /// Refused, with its data kept.
        Suspended = "suspended",
        /// Closed.
        Archived = "archived",
    }
}

/// A customer, team or agency inside a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The tenant that it belongs to.
    pub tenant_id: TenantId,
    /// Its short name, unique in its tenant.
    pub slug: Slug,
    /// Its name.
    pub name: Name,
    /// What it stands for.
    #[serde(rename = "type")]
    pub account_type: AccountType,
    /// Whether it may work.
    pub status: AccountStatus,
    /// Where to write to.
    pub email: Option<Email>,
    /// Counts the changes, from 1; a write that names an older version is a conflict.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Placed for Account {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id.uuid() }
    }
}

/// What is needed to make an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Its name.
    pub name: Name,
    /// Its short name, unique in its tenant.
    pub slug: Slug,
    /// What it stands for.
    pub account_type: AccountType,
    /// Where to write to.
    pub email: Option<Email>,
}

/// A change of an account; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The version that the change is based on; `None` changes whatever is there.
    pub version: Option<i64>,
    /// A new name.
    pub name: Option<Name>,
    /// A new short name.
    pub slug: Option<Slug>,
    /// What it stands for from now on.
    pub account_type: Option<AccountType>,
    /// Suspends, archives or reactivates.
    pub status: Option<AccountStatus>,
    /// A new address, or `Some(None)` for none.
    pub email: Option<Option<Email>>,
}

impl AccountChange {
    /// Whether anything but the status is named.
    pub const fn changes_more_than_status(&self) -> bool {
        self.name.is_some() || self.slug.is_some() || self.account_type.is_some() || self.email.is_some()
    }
}

/// Which accounts of a list are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Text that name or e-mail address contain, without regard to case.
    pub search: Option<String>,
    /// Only accounts of this status.
    pub status: Option<AccountStatus>,
    /// The order of the list.
    pub sort: AccountSort,
}

word_enum! {
    /// The order of a list of accounts.
    #[derive(Default)]
    AccountSort, "sort" {
        /// By name, then by age.
        Name = "name",
        /// Newest first.
        #[default]
        Newest = "-createdAt",
        /// Oldest first.
        Oldest = "createdAt",
    }
}
