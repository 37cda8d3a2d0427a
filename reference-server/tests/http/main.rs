//! The server as its users meet it: over HTTP and on the command line, on every database.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod accounts;
mod api_keys;
mod audit;
mod bulk;
mod client_contract;
mod client_cookies;
mod client_reads;
mod client_sessions;
mod command;
mod conditional;
mod conflicts;
mod endpoints;
mod entitlements;
mod failures;
mod flows;
mod grants;
mod histories;
mod hostile;
mod idempotency;
mod isolation;
mod layers;
mod limits;
mod lists;
mod login;
mod logs;
mod mail_templates;
mod mailbox;
mod members;
mod openapi;
mod permissions;
mod plans;
mod platform_assignments;
mod profiles;
mod races;
mod random;
mod rate_limits;
mod refusals;
mod roles;
mod second_factors;
mod server;
mod sessions;
mod subscriptions;
mod teams;
mod templates;
mod tenants;
mod tokens;
mod versions;
mod watching;
