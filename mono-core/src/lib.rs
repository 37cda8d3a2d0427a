#![doc = include_str!("../README.md")]

pub mod error;
pub mod id;
pub mod page;
pub mod permission;
pub mod seed;
pub mod subscription;
pub mod text;
pub mod time;

pub use error::{Error, ErrorKind, Problem, Result};
