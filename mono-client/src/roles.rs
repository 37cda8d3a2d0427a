//! The roles that a tenant makes itself.

use crate::client::Client;
use mono_core::permission::Role;
use mono_core::{Error, Result};
use reqwest::Method;

/// Where the roles are.
const PATH: &str = "/api/v1/tenant/roles";

fn path(key: &str) -> Result<String> {
    Ok(format!("{PATH}/{}", plain(key)?))
}

/// The key of a role as a part of an address: what is none could lead to another one.
pub(crate) fn plain(key: &str) -> Result<&str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if !key.is_empty() && key.bytes().all(plain) {
        return Ok(key);
    }
    Err(Error::invalid("key", "invalid_key", "the key has lower-case letters, digits, - and _"))
}

/// The roles that a tenant makes itself, beside those of the platform; made by [`Tenant::roles`](crate::Tenant::roles).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Roles<'a> {
    pub(crate) client: &'a Client,
}

impl Roles<'_> {
    /// The tenant's own roles, by key.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.read`.
    pub async fn list(&self) -> Result<Vec<Role>> {
        self.client.send(self.client.request(Method::GET, PATH)).await?.data()
    }

    /// Makes a role.
    ///
    /// # Errors
    /// `Forbidden` with code `not_held` where it would give anything that the caller does not hold; `Validation` with
    /// everything that is wrong with it; `Conflict` where the key is taken.
    pub async fn create(&self, role: &Role) -> Result<Role> {
        self.client.send(self.client.request(Method::POST, PATH).json(role)).await?.data()
    }

    /// Puts a role in place of the one with its key.
    ///
    /// # Errors
    /// As [`create`](Self::create); `NotFound` where the tenant has no such role.
    pub async fn update(&self, role: &Role) -> Result<Role> {
        self.client.send(self.client.request(Method::PUT, &path(&role.key)?).json(role)).await?.data()
    }

    /// Deletes a role that nobody has.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such role; `Conflict` with code `role_in_use` while somebody has it or another
    /// role inherits it.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path(key)?)).await?.nothing()
    }
}
