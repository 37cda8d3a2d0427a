#![doc = include_str!("../README.md")]

#[cfg(feature = "api")]
pub mod api;
pub mod audit;
pub mod caller;
mod distinct;
pub mod error;
pub mod event;
pub mod history;
pub mod id;
pub mod idempotency;
pub mod model;
pub mod page;
pub mod permission;
pub mod rate_limit;
pub mod seed;
pub mod subscription;
pub mod text;
pub mod time;

pub use error::{Error, ErrorKind, Problem, Result};
