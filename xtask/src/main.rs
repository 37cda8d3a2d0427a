//! The developer commands of mono. `cargo xtask help` lists them.
//!
//! Unix only: the commands work with process groups and signals.

mod command;
mod conformance;
mod failure;
mod metadata;
mod output;
mod process;
mod services;
mod step;
mod stop;
mod workspace;

use std::process::ExitCode;

use crate::output::warn;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            warn(&format!("xtask: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
