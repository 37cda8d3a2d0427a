//! The versions of a thing.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::audit::FieldChange;
use mono_core::history::Version;
use mono_core::model::account::Account;
use mono_core::model::profile::Profile;
use mono_core::model::schema::{OptionSet, Schema};
use mono_core::model::team::Team;
use mono_core::model::tenant::Tenant;
use mono_core::page::Page;
use reqwest::Method;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// The versions of one thing; made by `history` of the handle that the thing itself comes from.
///
/// Every call may fail as reading the thing itself does, and as [`Client`] lists.
///
/// ```no_run
/// # async fn example(client: mono_client::Client, team: mono_core::id::TeamId) -> mono_core::Result<()> {
/// use mono_core::api::history::{CompareVersions, ListVersions};
/// let history = client.tenant().teams().history(team);
/// for version in history.list(ListVersions::default()).await?.items {
///     println!("{} {} by {}", version.version, version.action, version.actor);
/// }
/// let changes = history.diff(CompareVersions { from: 1, to: 3 }).await?;
/// let team = history.revert(1, None).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct History<'a, T> {
    client: &'a Client,
    path: String,
    kind: PhantomData<fn() -> T>,
}

/// A thing that goes back to an earlier version. A member does not: name and address are the person's own, and a
/// suspension is lifted by itself.
pub trait Revert: DeserializeOwned {}

impl Revert for Account {}
impl Revert for OptionSet {}
impl Revert for Profile {}
impl Revert for Schema {}
impl Revert for Team {}
impl Revert for Tenant {}

impl<'a, T: DeserializeOwned> History<'a, T> {
    /// The versions of what is at an address.
    pub(crate) fn new(client: &'a Client, thing: &str) -> Self {
        Self { client, path: format!("{thing}/versions"), kind: PhantomData }
    }

    /// One page of the versions, newest first.
    ///
    /// # Errors
    /// `Validation` names what is wrong with page or limit.
    pub async fn list(&self, wanted: ListVersions) -> Result<Page<Version<T>>> {
        self.client.send(self.client.request(Method::GET, &self.path).query(&wanted)).await?.data()
    }

    /// The number of the newest version.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn latest(&self) -> Result<i64> {
        let newest = self.list(ListVersions { limit: Some(1), ..Default::default() }).await?;
        Ok(newest.items.first().map_or(0, |version| version.version))
    }

    /// The thing as it was in one version.
    ///
    /// # Errors
    /// `NotFound` with code `version_not_found` where this version is not kept.
    pub async fn version(&self, version: i64) -> Result<Version<T>> {
        let path = format!("{}/{version}", self.path);
        self.client.send(self.client.request(Method::GET, &path)).await?.data()
    }

    /// The fields in which two versions differ, with sensitive values masked.
    ///
    /// # Errors
    /// As [`version`](Self::version).
    pub async fn diff(&self, versions: CompareVersions) -> Result<Vec<FieldChange>> {
        let path = format!("{}/diff", self.path);
        self.client.send(self.client.request(Method::GET, &path).query(&versions)).await?.data()
    }
}

impl<T: Revert> History<'_, T> {
    /// Gives the thing the values of an earlier version, as a new version; with `seen` only where that is the current
    /// one.
    ///
    /// # Errors
    /// As [`version`](Self::version) and as changing the thing: `Forbidden`, `Validation`, `Conflict`.
    pub async fn revert(&self, version: i64, seen: Option<i64>) -> Result<T> {
        let mut request = self.client.request(Method::POST, &format!("{}/{version}/revert", self.path));
        if let Some(seen) = seen {
            request = request.at_version(seen);
        }
        self.client.send(request).await?.data()
    }
}
