//! The stores: one file for each noun, with the rule and the row in one place.
//!
//! `tx.accounts().create(new)` authorises, writes, audits and reserves the limit. There is no other way to the row,
//! so no handler can forget a step.

mod accounts;
mod audit;
mod catalogue;
mod members;
mod principals;
mod sessions;
mod subscriptions;
mod tenants;
mod usage;
mod users;

pub use accounts::Accounts;
pub use catalogue::Definitions;
pub use members::Members;
pub use principals::{Principal, TenantPart};
pub use users::{Credentials, NewUser, Users};

use mono_core::permission::Permission;

/// Every permission that a store asks for; the start refuses a catalogue that lacks one.
pub fn required_permissions() -> Vec<Permission> {
    [
        accounts::REQUIRED,
        catalogue::REQUIRED,
        members::REQUIRED,
        subscriptions::REQUIRED,
        tenants::REQUIRED,
        users::REQUIRED,
    ]
    .concat()
}
