//! The OpenAPI document, made of the routes themselves.
//!
//! [`Routes`] takes what axum's router takes, and with each handler what nobody can read from it: a summary, the
//! permission, an example. Parameters, bodies and answers are read from the handler's signature ([`Input`], [`Output`]),
//! so they cannot drift from it.

mod about;
mod describe;
mod document;
mod nulls;
mod routes;
mod signature;

pub(crate) use about::{About, about};
pub(crate) use describe::{Describe, Place};
pub(crate) use routes::Routes;
pub(crate) use signature::{Input, Output};
