#![doc = include_str!("../README.md")]

#[cfg(feature = "client")]
mod accounts;
#[cfg(feature = "client")]
mod auth;
#[cfg(feature = "client")]
mod callbacks;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod entitlements;
mod error;
mod id;
mod json;
mod limits;
#[cfg(feature = "client")]
mod log;
#[cfg(feature = "client")]
mod members;
#[cfg(feature = "client")]
mod page;
mod permission;
#[cfg(feature = "client")]
mod runtime;
#[cfg(feature = "client")]
mod teams;
mod time;

#[cfg(feature = "client")]
pub use accounts::{Account, AccountPage, CreateAccount, ListAccounts, UpdateAccount};
#[cfg(feature = "client")]
pub use auth::{Login, LoginAnswer, Me, Membership, SecondFactorChallenge};
#[cfg(feature = "client")]
pub use callbacks::{ProgressListener, TokenStore};
#[cfg(feature = "client")]
pub use client::Client;
#[cfg(feature = "client")]
pub use entitlements::EntitlementsInForce;
pub use error::MonoError;
pub use limits::{Entitlements, LimitDecision, Plans};
#[cfg(feature = "client")]
pub use log::{LogLevel, LogListener, LogRecord, set_log_listener};
#[cfg(feature = "client")]
pub use members::{Invitation, InvitationPage, InvitedRole, ListMembers, Member, MemberPage};
pub use permission::{
    PermissionEngine, PermissionSet, PermissionSnapshot, SnapshotRequest, snapshot_public_key,
};
#[cfg(feature = "client")]
pub use runtime::shutdown;
#[cfg(feature = "client")]
pub use teams::{ListTeams, Team, TeamPage, UpdateTeam};

uniffi::setup_scaffolding!();
