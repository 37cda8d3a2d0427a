#![doc = include_str!("../README.md")]

#[cfg(not(any(feature = "postgres", feature = "sqlite")))]
compile_error!("mono-storage needs a database: enable the feature `postgres` or `sqlite`");

pub mod backup;
pub mod bus;
pub mod cache;
mod chain;
pub mod db;
mod deferred;
mod meter;
pub mod rate_limit;
#[cfg(feature = "redis")]
pub mod redis;
pub mod store;
pub mod system;
#[cfg(feature = "testkit")]
pub mod testkit;

/// What the macros name in the crates that call them.
#[doc(hidden)]
pub mod reexport {
    pub use mono_core::{Error, id::Uuid, ids, permission};
}
