#![doc = include_str!("../README.md")]

mod app;
mod auth_config;
mod banner;
mod boot;
mod bulk;
mod collector;
pub mod command;
mod config;
mod cors;
mod demo;
mod entity;
pub mod extract;
mod health;
mod http_settings;
mod key_file;
mod layer;
mod log;
mod master_key;
mod metrics;
mod openapi;
#[cfg(feature = "otlp")]
mod otlp;
mod routes;
mod server;
mod trusted_proxies;

pub use app::{App, openapi, router, router_with};
pub use boot::{boot, boot_application};
pub use collector::Collector;
pub use config::{Config, Loaded, Mode, load};
pub use cors::Origin;
pub use demo::{Demo, Person};
pub use entity::entity_routes;
pub use health::Lifecycle;
pub use http_settings::HttpSettings;
pub use layer::rate_limit::RateLimiting;
pub use log::{LogFormat, start_log};
pub use metrics::HttpMetrics;
pub use server::{ServerLimits, serve};
pub use trusted_proxies::TrustedProxies;
