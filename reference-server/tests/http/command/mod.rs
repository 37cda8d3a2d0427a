//! The real program, as an operator meets it.

mod audit;
mod backup;
mod doctor;
mod keys;
mod killed;
mod mails;
mod nodes;
mod program;
mod purge;
mod refusals;
mod restore;
mod secrets;
mod seed;
mod smtp;
mod start;
mod stop;
