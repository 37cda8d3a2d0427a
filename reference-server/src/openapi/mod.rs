//! The OpenAPI document, made of the routes themselves.
//!
//! [`Routes`] takes what axum's router takes, and with each handler what nobody can read from it: a summary, the
//! permission, an example. Parameters, bodies and answers are read from the handler's signature (`signature`),
//! so they cannot drift from it.

mod about;
mod describe;
mod document;
mod nulls;
mod routes;
mod signature;

pub(crate) use about::about;
pub(crate) use describe::Describe;
pub(crate) use routes::Routes;
pub(crate) use signature::Output;
