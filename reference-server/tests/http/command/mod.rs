//! The real program, as an operator meets it.

mod audit;
mod doctor;
mod keys;
mod killed;
mod mails;
mod nodes;
mod program;
mod purge;
mod refusals;
mod secrets;
mod seed;
mod smtp;
mod start;
mod stop;
