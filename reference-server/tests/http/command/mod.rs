//! The real program, as an operator meets it.

mod audit;
mod doctor;
mod nodes;
mod program;
mod refusals;
mod secrets;
mod seed;
mod start;
mod stop;
