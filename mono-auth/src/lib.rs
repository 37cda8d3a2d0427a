#![doc = include_str!("../README.md")]

mod authenticator;
#[cfg(feature = "axum")]
pub mod axum;
mod clean;
#[cfg(feature = "axum")]
pub mod cookie;
mod flow;
mod identity;
mod key_ring;
mod mac;
pub mod mail;
mod password;
mod password_policy;
mod refresh_token;
mod rights;
mod secret;
mod single_use;
mod snapshot;
mod throttle;
mod token;

pub use authenticator::Authenticator;
pub use flow::SignedIn;
pub use flow::impersonate::IMPERSONATE;
pub use flow::sign_in::SignIn;
pub use key_ring::{KeyRing, Purpose};
pub use password::Passwords;
pub use password_policy::PasswordOwner;
pub use rights::permissions_of;
pub use token::{AccessClaims, ISSUER, Tokens};
