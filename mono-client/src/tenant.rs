//! What belongs to a tenant.

use crate::accounts::Accounts;
use crate::client::Client;

/// What belongs to the tenant that the client works in; made by [`Client::tenant`].
#[derive(Debug, Clone, Copy)]
pub struct Tenant<'a> {
    client: &'a Client,
}

impl Client {
    /// What belongs to the tenant that the client works in.
    pub fn tenant(&self) -> Tenant<'_> {
        Tenant { client: self }
    }
}

impl<'a> Tenant<'a> {
    /// The accounts of the tenant.
    pub fn accounts(self) -> Accounts<'a> {
        Accounts { client: self.client }
    }
}
