//! `mono backup`

use crate::boot::{open_without_key, with_audit_keys};
use crate::config::Config;
use crate::master_key;
use mono_core::Error;
use mono_storage::backup::Manifest;
use std::path::Path;

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
pub(super) async fn run(config: &Config, folder: &Path) -> Result<(), Error> {
    // That the data left is recorded, so the key is needed that chains the log.
    let ring = master_key::require(config)?;
    let database = with_audit_keys(open_without_key(config).await?, &ring)?;
    let result = match master_key::require_known(config, &database, &ring).await {
        Ok(()) => database.back_up(folder).await,
        Err(error) => Err(error),
    };
    database.close().await;
    println!("{} is a backup of {}.", folder.display(), describe(&result?));
    println!("The master key is not in it: keep a copy of that in another place.");
    Ok(())
}

/// What is in a backup, in a few words.
pub(super) fn describe(manifest: &Manifest) -> String {
    format!(
        "{} {} as it was at {}: {} rows in {} tables, {} bytes",
        manifest.database,
        manifest.database_version,
        manifest.created_at.format("%Y-%m-%dT%H:%M:%SZ"),
        manifest.rows(),
        manifest.tables.len(),
        manifest.files.iter().map(|file| file.bytes).sum::<u64>()
    )
}
