#![doc = include_str!("../README.md")]

mod accounts;
mod auth;
mod catalogue;
mod client;
mod error;
mod health;
mod members;
mod option_sets;
mod platform;
mod profiles;
mod retry;
mod schemas;
mod send;
mod subscriptions;
mod teams;
mod tenant;
mod tenants;
mod token;
mod user;

pub use accounts::Accounts;
pub use auth::Auth;
pub use catalogue::Catalogue;
pub use client::{Client, ClientBuilder};
pub use error::Answered;
pub use health::{Health, HealthStatus};
pub use members::Members;
pub use option_sets::OptionSets;
pub use platform::Platform;
pub use profiles::Profiles;
pub use schemas::Schemas;
pub use subscriptions::Subscriptions;
pub use teams::Teams;
pub use tenant::Tenant;
pub use tenants::Tenants;
pub use user::User;
