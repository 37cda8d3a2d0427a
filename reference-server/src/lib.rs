#![doc = include_str!("../README.md")]

mod app;
mod auth_config;
mod banner;
mod boot;
mod bulk;
pub mod command;
mod config;
mod demo;
mod entity;
pub mod extract;
mod key_file;
mod layer;
mod master_key;
mod openapi;
mod routes;
mod server;
mod trusted_proxies;

pub use app::{App, openapi, router, router_with};
pub use boot::{boot, boot_application};
pub use config::Config;
pub use demo::{Demo, Person};
pub use entity::entity_routes;
pub use layer::rate_limit::RateLimiting;
pub use server::{ServerLimits, serve};
pub use trusted_proxies::TrustedProxies;
