#![doc = include_str!("../README.md")]

#[cfg(feature = "client")]
mod accounts;
#[cfg(feature = "client")]
mod auth;
#[cfg(feature = "client")]
mod client;
mod error;
mod permission;
mod time;

#[cfg(feature = "client")]
pub use accounts::{Account, AccountPage, CreateAccount, ListAccounts};
#[cfg(feature = "client")]
pub use auth::{Login, LoginAnswer, SecondFactorChallenge};
#[cfg(feature = "client")]
pub use client::Client;
pub use error::MonoError;
pub use permission::{
    PermissionEngine, PermissionSet, PermissionSnapshot, SnapshotRequest, snapshot_public_key,
};

uniffi::setup_scaffolding!();
