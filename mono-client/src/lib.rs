#![doc = include_str!("../README.md")]

mod accounts;
mod audit;
mod auth;
mod client;
mod error;
mod health;
mod retry;
mod send;
mod tenant;
mod token;
mod user;

pub use accounts::Accounts;
pub use audit::Audit;
pub use auth::Auth;
pub use client::{Client, ClientBuilder};
pub use error::Answered;
pub use health::{Health, HealthStatus};
pub use tenant::Tenant;
pub use user::User;
