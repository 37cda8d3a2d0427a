//! Databases: PostgreSQL and SQLite behind one door.
//!
//! [`Database`] has no method that touches a row. Rows are reached through a [`TenantTx`], which is pinned to one
//! tenant, or a [`PlatformTx`], which works across tenants under its own database role.

pub(crate) mod database;
pub(crate) mod error;
mod expected;
pub mod isolation;
pub(crate) mod migration;
pub(crate) mod options;
pub(crate) mod owner;
pub(crate) mod pools;
mod predicate;
mod query;
mod retry;
mod row;
mod statement;
mod transaction;
mod value;

mod entered;
mod platform_tx;
mod tenant_tx;

pub use database::Database;
pub use entered::Entered;
pub use error::TRANSACTION_CONFLICT;
pub use migration::{Migration, migrate, migrate_application};
pub use options::DatabaseOptions;
pub(crate) use owner::Owner;
pub use platform_tx::{Platform, PlatformTx};
pub use pools::PoolStatus;
pub use query::Query;
pub use retry::{retry, retry_where};
pub use row::{Column, FromRow, Row};
pub use statement::{PlatformStatement, TenantStatement};
pub use tenant_tx::{Tenant, TenantTx};
pub use value::{Bind, Value};
