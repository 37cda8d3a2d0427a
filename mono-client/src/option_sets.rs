//! The option sets of a tenant.

use crate::client::Client;
use crate::history::History;
use mono_core::Result;
use mono_core::model::schema::OptionSet;
use mono_core::subscription::Key;
use reqwest::Method;

/// Where the option sets are.
const PATH: &str = "/api/v1/tenant/option-sets";

fn path(key: &Key) -> String {
    format!("{PATH}/{key}")
}

/// The option sets of a tenant; made by [`Tenant::option_sets`](crate::Tenant::option_sets).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct OptionSets<'a> {
    pub(crate) client: &'a Client,
}

impl<'a> OptionSets<'a> {
    /// Every option set of the tenant, by key.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.schemas.read`.
    pub async fn list(&self) -> Result<Vec<OptionSet>> {
        self.client.send(self.client.request(Method::GET, PATH)).await?.data()
    }

    /// One option set.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn get(&self, key: &Key) -> Result<OptionSet> {
        self.client.send(self.client.request(Method::GET, &path(key))).await?.data()
    }

    /// Puts it in the place of the one with its key, or adds it. To put it only in the place of what was seen, take its
    /// version from [`history`](Self::history) and give it to [`Client::at_version`].
    ///
    /// # Errors
    /// `Validation` with everything that is wrong, each with its place; `Conflict` where the version is stale.
    pub async fn put(&self, item: &OptionSet) -> Result<OptionSet> {
        self.client.send(self.client.request(Method::PUT, &path(&item.key)).json(item)).await?.data()
    }

    /// Deletes one.
    ///
    /// # Errors
    /// `NotFound` where there is none; `Conflict` with code `in_use` while a schema names it.
    pub async fn delete(&self, key: &Key) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path(key))).await?.nothing()
    }

    /// The versions of a set, also of a deleted one, which going back to one restores.
    pub fn history(&self, key: &Key) -> History<'a, OptionSet> {
        History::new(self.client, &path(key))
    }
}
