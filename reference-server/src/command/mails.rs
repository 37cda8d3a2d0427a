//! `mono mails`

use crate::boot::open_without_key;
use crate::config::Config;
use clap::Subcommand;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::MailId;
use mono_core::{Error, ErrorKind};
use mono_storage::db::Database;
use mono_storage::store::DeadMail;

#[derive(Debug, Subcommand)]
pub(super) enum MailsAction {
    /// List the mails that were given up, the newest first: id, when, kind, address, tries, and why the last one failed.
    List,
    /// Let a mail that was given up be tried five times more; a running server sends it within seconds.
    Retry {
        /// The id of the mail, as `mono mails list` shows it.
        #[arg(required_unless_present = "all")]
        id: Option<MailId>,
        /// Every mail that was given up.
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

pub(super) async fn run(config: &Config, action: &MailsAction) -> Result<(), Error> {
    let database = open_without_key(config).await?;
    let result = match action {
        MailsAction::List => list(&database).await,
        MailsAction::Retry { id, .. } => retry(&database, *id).await,
    };
    database.close().await;
    result
}

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
async fn list(database: &Database) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Mail);
    let dead = database.platform(&system).read().await?.mails().dead().await?;
    for DeadMail { id, kind, address, attempts, last_error, dead_at, .. } in &dead {
        let (at, why) = (dead_at.format("%Y-%m-%d %H:%M"), last_error.as_deref().unwrap_or("unknown"));
        println!("{id}  {at}  {kind}  {address}  {attempts} tries: {why}");
    }
    println!("{} mails were given up.", dead.len());
    Ok(())
}

/// Lets one mail be tried again, or all.
#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
async fn retry(database: &Database, id: Option<MailId>) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Mail);
    let mut tx = database.platform(&system).write().await?;
    let ids = match id {
        Some(id) => vec![id],
        None => tx.mails().dead().await?.iter().map(|mail| mail.id).collect(),
    };
    for id in &ids {
        if !tx.mails().retry(*id).await? {
            let message = format!("no mail {id} was given up");
            return Err(Error::new(ErrorKind::NotFound, "mail_not_found", message));
        }
    }
    tx.commit().await?;
    println!("{} mails are tried again.", ids.len());
    Ok(())
}
