//! The commands of `mono`.

mod audit;
mod doctor;
mod keys;
mod mails;
mod migrate;
mod permission;
mod purge;
mod recount;
mod seed;
mod serve;

use crate::config::Config;
use clap::{Parser, Subcommand};
use mono_core::Error;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// A multi-tenant back end: permissions, plans with limits, tenant isolation.
#[derive(Debug, Parser)]
#[command(name = "mono", version)]
pub struct Command {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    config: Config,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start the server (the default).
    Serve,
    /// Bring the tables of the database up to date.
    Migrate,
    /// Load permissions, roles, features, limits and plans from a file; loading it twice changes nothing.
    Seed {
        /// The JSON file; see docs/seed.md.
        file: PathBuf,
    },
    /// Compare the counters of limits with what they count, and mend them; the server may run meanwhile.
    Recount,
    /// Remove for good what was deleted longer ago than it is kept, or a whole tenant; the server may run meanwhile.
    Purge(purge::PurgeArguments),
    /// Verify the audit log, and remove what is old from it.
    Audit {
        #[command(subcommand)]
        action: audit::AuditAction,
    },
    /// List, rotate and remove versions of the master key.
    Keys {
        #[command(subcommand)]
        action: keys::KeysAction,
    },
    /// List the mails that were given up, and let them be tried again.
    Mails {
        #[command(subcommand)]
        action: mails::MailsAction,
    },
    /// Look whether the installation is whole: database, tables, isolation, catalogue, key, counters. Changes nothing.
    Doctor,
    /// Print the OpenAPI document of the server.
    Openapi,
    /// Ask who may do what, and why: of a policy file, or of the database.
    Permission {
        #[command(subcommand)]
        action: Box<permission::PermissionAction>,
    },
}

/// Runs a command to its end. What stops it stands on the standard error stream.
#[expect(clippy::print_stderr, reason = "a command speaks to the person who called it")]
pub async fn run(command: Command) -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            // The driver would tell of slow statements too, without the tenant.
            EnvFilter::try_from_env("MONO_LOG")
                .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,sqlx::query=error")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let config = &command.config;
    let result = match &command.action {
        None | Some(Action::Serve) => serve::run(config).await.map(|()| ExitCode::SUCCESS),
        Some(Action::Migrate) => migrate::run(config).await.map(|()| ExitCode::SUCCESS),
        Some(Action::Seed { file }) => seed::run(config, file).await.map(|()| ExitCode::SUCCESS),
        Some(Action::Recount) => recount::run(config).await.map(|()| ExitCode::SUCCESS),
        Some(Action::Purge(arguments)) => purge::run(config, arguments).await.map(|()| ExitCode::SUCCESS),
        Some(Action::Audit { action }) => audit::run(config, action).await,
        Some(Action::Keys { action }) => keys::run(config, action).await.map(|()| ExitCode::SUCCESS),
        Some(Action::Mails { action }) => mails::run(config, action).await.map(|()| ExitCode::SUCCESS),
        Some(Action::Doctor) => Ok(doctor::run(config).await),
        Some(Action::Openapi) => {
            print_document();
            Ok(ExitCode::SUCCESS)
        }
        Some(Action::Permission { action }) => permission::run(config, action).await,
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mono: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
fn print_document() {
    print!("{}", crate::openapi());
}

/// The failure with every problem and every cause: the operator may see what a client may not.
fn sentence(error: &Error) -> String {
    let problems = error.problems();
    let mut text = if problems.len() > 1 {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        format!("\n  {}", lines.join("\n  "))
    } else {
        error.to_string()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let words = cause.to_string();
        // Many an error repeats its cause, and ours for clients says less than the cause behind it.
        let for_clients = cause.downcast_ref::<Error>().is_some_and(|error| error.code() == "unavailable");
        if !for_clients && !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}
