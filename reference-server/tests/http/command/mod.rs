//! The real program, as an operator meets it.

mod audit;
mod backup;
mod doctor;
mod keys;
mod killed;
mod mails;
mod nodes;
#[cfg(feature = "otlp")]
mod otlp;
mod program;
mod purge;
mod refusals;
mod restore;
mod restore_refused;
mod secrets;
mod seed;
mod smtp;
mod start;
mod stop;
