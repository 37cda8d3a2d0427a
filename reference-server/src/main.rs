//! The `mono` command.

use clap::Parser;
use reference_server::command::{Command, run};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    run(Command::parse()).await
}
