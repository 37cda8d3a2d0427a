//! One list of the plan catalogue.

use crate::client::Client;
use mono_core::Result;
use mono_core::subscription::{CatalogueItem, Key};
use reqwest::Method;
use std::fmt;
use std::marker::PhantomData;

/// One list of the plan catalogue, such as the plans; made by [`Platform`](crate::Platform).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists. Plans and add-ons ask for `platform.plans.…`, templates for `platform.templates.…`, the rest
/// for `platform.features.…`.
///
/// ```no_run
/// # async fn example(client: mono_client::Client) -> mono_core::Result<()> {
/// use mono_core::subscription::{Allowance, Key};
/// let plans = client.platform().plans();
/// let mut plan = plans.get(&Key::parse("starter")?).await?;
/// plan.limits.insert(Key::parse("accounts")?, Allowance::UpTo(10));
/// plans.put(&plan).await?;
/// # Ok(())
/// # }
/// ```
pub struct Catalogue<'a, T> {
    client: &'a Client,
    kind: PhantomData<fn() -> T>,
}

// Written by hand: the list is copied, whether its items can be or not.
impl<T> Clone for Catalogue<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Catalogue<'_, T> {}

impl<T> fmt::Debug for Catalogue<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("client", &self.client).finish_non_exhaustive()
    }
}

fn path<T: CatalogueItem>(key: &Key) -> String {
    format!("{}/{key}", T::KIND.path())
}

impl<'a, T: CatalogueItem> Catalogue<'a, T> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client, kind: PhantomData }
    }

    /// All of them, by key.
    ///
    /// # Errors
    /// `Forbidden` without the permission to read them.
    pub async fn list(self) -> Result<Vec<T>> {
        self.client.send(self.client.request(Method::GET, T::KIND.path())).await?.data()
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound` where there is none with this key.
    pub async fn get(self, key: &Key) -> Result<T> {
        self.client.send(self.client.request(Method::GET, &path::<T>(key))).await?.data()
    }

    /// Puts it in the place of the one with its key, or adds it. It holds at once for whoever has bought it.
    ///
    /// # Errors
    /// `Validation` with everything that would be wrong with the catalogue as a whole.
    pub async fn put(self, item: &T) -> Result<T> {
        self.client.send(self.client.request(Method::PUT, &path::<T>(item.key())).json(item)).await?.data()
    }

    /// Deletes one that nothing needs.
    ///
    /// # Errors
    /// `NotFound` where there is none; `Conflict` with code `in_use` and the places in the details where another item, a
    /// subscription or an override names it.
    pub async fn delete(self, key: &Key) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path::<T>(key))).await?.nothing()
    }
}
