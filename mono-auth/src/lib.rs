#![doc = include_str!("../README.md")]

mod authenticator;
#[cfg(feature = "axum")]
pub mod axum;
mod flow;
mod identity;
mod key_ring;
mod password;
mod rights;
mod snapshot;
mod token;

pub use authenticator::Authenticator;
pub use flow::sign_in::{SignIn, SignedIn};
pub use key_ring::{KeyRing, Purpose};
pub use password::Passwords;
pub use rights::permissions_of;
pub use token::{AccessClaims, ISSUER, Tokens};
