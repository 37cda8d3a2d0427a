//! `mono config`

use super::Command;
use crate::config::{Loaded, effective, example, reference};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct ConfigArguments {
    /// Print an example of a file for the environment instead: every variable with its default.
    #[arg(long, conflicts_with = "reference")]
    example: bool,
    /// Print the tables of docs/configuration.md instead.
    #[arg(long)]
    reference: bool,
}

/// Exit code 1 where something is wrong with the settings.
#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
pub(super) fn run(loaded: &Loaded<Command>, arguments: &ConfigArguments) -> ExitCode {
    if arguments.example {
        print!("{}", example());
        return ExitCode::SUCCESS;
    }
    if arguments.reference {
        print!("{}", reference());
        return ExitCode::SUCCESS;
    }
    print!("{}", effective(&loaded.settings));
    for remark in &loaded.remarks {
        println!("# remark: {remark}");
    }
    let problems = loaded.all_problems(&loaded.command.config);
    for problem in &problems {
        println!("# PROBLEM: {problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
