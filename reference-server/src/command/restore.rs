//! `mono restore`

use super::{audit, backup};
use crate::boot::{make_private_folder, update_tables, with_audit_keys};
use crate::config::Config;
use crate::master_key;
use mono_core::caller::{Caller, SystemReason};
use mono_core::time::Clock;
use mono_core::{Error, ErrorKind};
use mono_storage::backup::{Backup, RestoreOptions};
use mono_storage::db::Database;
use mono_storage::redis::Redis;
use mono_storage::system::SystemClock;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArguments {
    /// The folder that `mono backup` has made.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// Let the backup take the place of what is in the database: on PostgreSQL everything in it is removed, on SQLite the
    /// file is kept beside it under another name. Without this a database that is not empty is refused.
    #[arg(long)]
    replace: bool,
    /// End every API key as well. Without this those work that did when the backup was made, also where one was revoked
    /// since.
    #[arg(long)]
    revoke_api_keys: bool,
}

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
pub(super) async fn run(config: &Config, arguments: &RestoreArguments) -> Result<ExitCode, Error> {
    let options = config.database()?;
    let backup = Backup::open(&arguments.from, &options).await?;
    let ring = master_key::require(config).map_err(|error| {
        let message = "a backup is restored with the master key that it was made with";
        Error::new(ErrorKind::Validation, "master_key_missing", message).with_source(error)
    })?;
    master_key::require_backup(config, &ring, backup.manifest())?;
    let redis = redis(config).await?;
    make_private_folder(config)?;
    let how = RestoreOptions { replace: arguments.replace, revoke_api_keys: arguments.revoke_api_keys };
    backup.restore(&options, config.owner_url(), SystemClock.now(), how).await?;
    println!("Restored: {}.", backup::describe(backup.manifest()));
    // The backup may be of an older mono; and where the database is new, its logins are to be made.
    update_tables(config, &options).await?;
    let database = Database::connect(&options).await?;
    master_key::load_for(config, &database).await?;
    let database = with_audit_keys(database, &ring)?;
    database.note_restore(backup.manifest()).await?;
    let code = audit::verify(&database, None, None).await?;
    let system = Caller::system(SystemReason::Backup);
    let keys = database.platform(&system).read().await?.api_keys().count().await?;
    database.close().await;
    println!(
        "Everybody has to sign in again: every session, every link of a mail and every recovery code from before has \
         ended. Mails that waited were given up: `mono mails list`."
    );
    println!(
        "People, passwords, second factors and rights are as they were then. {keys} API keys work{}.",
        if keys > 0 { ", among them what was revoked since: revoke that again" } else { "" }
    );
    if let Some(redis) = redis {
        redis.begin_epoch().await.map_err(|_| unreachable())?;
    }
    Ok(code)
}

/// Redis keeps what was read from the database before, and has to forget it.
async fn redis(config: &Config) -> Result<Option<Redis>, Error> {
    let Some(mut options) = config.redis()? else { return Ok(None) };
    // Nobody waits for a page meanwhile.
    options.timeout = Duration::from_secs(5);
    let redis = Redis::connect(&options).await?;
    redis.ping().await.map_err(|_| unreachable())?;
    Ok(Some(redis))
}

fn unreachable() -> Error {
    let message = "Redis does not answer, and what it keeps of the database from before has to go: start it, and restore \
                   then; or empty it yourself, and restore without MONO_REDIS_URL";
    Error::new(ErrorKind::Unavailable, "redis_unreachable", message)
}
