//! The `mono` command.

use reference_server::command;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    command::run(std::env::args_os(), std::env::vars_os()).await
}
