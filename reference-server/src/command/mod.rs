//! The commands of `mono`.

mod audit;
mod backup;
mod config;
mod doctor;
mod keys;
mod mails;
mod migrate;
mod permission;
mod purge;
mod recount;
mod restore;
mod seed;
mod serve;

use crate::config::{Config, Loaded, load};
use crate::log::start_log;
use clap::{Parser, Subcommand};
use mono_core::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

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
    /// Print the settings that are in force, without secrets, and where each comes from.
    Config(config::ConfigArguments),
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
    /// Copy the whole database into a new folder; the server may run meanwhile. The master key is not in it.
    Backup {
        /// The folder to make. One that is there is refused.
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
    },
    /// Bring a backup back into an empty database, while no server runs. Everybody has to sign in again afterwards.
    Restore(restore::RestoreArguments),
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

/// Runs the command that these arguments ask for to its end. What stops it stands on the standard error stream.
pub async fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let loaded = match load::<Command>(arguments, environment) {
        Ok(loaded) => loaded,
        Err(error) => error.exit(),
    };
    start_log(&loaded.command.config);
    match dispatch(loaded).await {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn dispatch(loaded: Loaded<Command>) -> Result<ExitCode, Error> {
    let config = &loaded.command.config;
    match &loaded.command.action {
        Some(Action::Config(arguments)) => return Ok(config::run(&loaded, arguments)),
        Some(Action::Doctor) => return Ok(doctor::run(&loaded).await),
        _ => loaded.check(config)?,
    }
    match &loaded.command.action {
        None | Some(Action::Serve) => serve::run(config).await?,
        Some(Action::Migrate) => migrate::run(config).await?,
        Some(Action::Seed { file }) => seed::run(config, file).await?,
        Some(Action::Recount) => recount::run(config).await?,
        Some(Action::Purge(arguments)) => purge::run(config, arguments).await?,
        Some(Action::Backup { to }) => backup::run(config, to).await?,
        Some(Action::Keys { action }) => keys::run(config, action).await?,
        Some(Action::Mails { action }) => mails::run(config, action).await?,
        Some(Action::Restore(arguments)) => return restore::run(config, arguments).await,
        Some(Action::Audit { action }) => return audit::run(config, action).await,
        Some(Action::Permission { action }) => return permission::run(config, action).await,
        Some(Action::Openapi) => print_document(),
        Some(Action::Config(_) | Action::Doctor) => {}
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
fn print_document() {
    print!("{}", crate::openapi());
}

#[expect(clippy::print_stderr, reason = "a command speaks to the person who called it")]
fn fail(error: &Error) -> ExitCode {
    eprintln!("mono: {}", sentence(error));
    ExitCode::FAILURE
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
