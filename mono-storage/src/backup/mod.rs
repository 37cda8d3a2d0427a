//! Backups: a consistent copy of the whole database in a folder, and the way back.
//!
//! A backup holds every table, those of an application too, and none of the master key. What it says of itself stands in
//! its [`Manifest`]. With a restore everything ends that somebody could be signed in with, since nobody knows what was
//! revoked or used after the backup was made.

#[macro_use]
mod contents;
mod endings;
mod folder;
mod manifest;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod programs;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use manifest::{BackupFile, Manifest, TableRows};

use crate::chain::Entry;
use crate::db::migration::known_versions;
use crate::db::options::Target;
use crate::db::pools::Pools;
use crate::db::{Database, DatabaseOptions};
use folder::Draft;
use mono_core::audit::Action;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::AuditId;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use serde_json::json;
use std::path::{Path, PathBuf};

/// How the audit log names what is copied and restored.
const ENTITY: &str = "database";

/// A whole backup: every file of it is as it was written.
#[derive(Debug, Clone)]
pub struct Backup {
    folder: PathBuf,
    manifest: Manifest,
}

/// How a backup is restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoreOptions {
    /// Puts the backup in the place of what a database of mono holds, instead of refusing one that is not empty.
    pub replace: bool,
    /// Ends every API key too, instead of letting those work that did when the backup was made.
    pub revoke_api_keys: bool,
}

fn refuse(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Validation, code, message)
}

impl Database {
    /// Writes a consistent copy of the whole database into a new folder, while others go on writing. The folder gets its
    /// name when everything in it is on the disk. That the data left is recorded in the platform's audit log.
    ///
    /// On PostgreSQL it reads as the platform's login and runs `pg_dump`, which has to be of the server's version.
    ///
    /// # Errors
    /// `Validation` where the folder is there already, a program is missing, or a table hides rows from the platform's
    /// login; `Unavailable` where the database is away.
    pub async fn back_up(&self, folder: &Path) -> Result<Manifest, Error> {
        let draft = Draft::begin(folder, self.random())?;
        let created_at = self.now();
        let contents = match self.pools() {
            #[cfg(feature = "postgres")]
            Pools::Postgres { platform, .. } => postgres::copy(platform, &draft.data(self.system())).await?,
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { read, .. } => sqlite::copy(read, &draft.data(self.system())).await?,
        };
        let manifest = Manifest::new(self.system(), created_at, contents);
        let (draft, manifest) = blocking(move || draft.seal(manifest)).await?;
        let system = Caller::system(SystemReason::Backup);
        let mut tx = self.platform(&system).write().await?;
        let changes = json!([{ "field": "createdAt", "new": created_at }]);
        let stamp = (tx.new_id::<AuditId>(), tx.now());
        tx.keep_entry(None, Entry::new(stamp, &system, Action::Export, ENTITY, None, changes));
        tx.commit().await?;
        blocking(move || draft.publish()).await?;
        Ok(manifest)
    }

    /// Records in the platform's audit log that this database came out of a backup.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn note_restore(&self, manifest: &Manifest) -> Result<(), Error> {
        let system = Caller::system(SystemReason::Backup);
        let mut tx = self.platform(&system).write().await?;
        let changes = json!([{ "field": "createdAt", "new": manifest.created_at }]);
        let stamp = (tx.new_id::<AuditId>(), tx.now());
        tx.keep_entry(None, Entry::new(stamp, &system, Action::Restore, ENTITY, None, changes));
        tx.commit().await
    }
}

impl Backup {
    /// Reads a backup that is to be restored into this database, and verifies every file of it.
    ///
    /// # Errors
    /// `Validation` with code `backup_incomplete` where the folder is none or was cut off, `backup_damaged` where a file is
    /// not as it was written, `backup_too_new` where a newer mono has written it, and `backup_of_other_system` where it is
    /// of another kind of database.
    pub async fn open(folder: &Path, options: &DatabaseOptions) -> Result<Self, Error> {
        let folder = folder.to_owned();
        let (folder, manifest) =
            blocking(move || folder::verify(&folder).map(|manifest| (folder, manifest))).await?;
        if manifest.database != options.system() {
            let message = format!(
                "this is a backup of {}, and the database is {}: give the database that it was made of another place of \
                 the same kind",
                manifest.database,
                options.system()
            );
            return Err(refuse("backup_of_other_system", message));
        }
        let known = known_versions(options);
        if manifest.own_versions().iter().any(|version| !known.contains(version)) {
            let message = format!(
                "the tables of this backup are newer than this program: restore it with mono {} or later",
                manifest.mono
            );
            return Err(refuse("backup_too_new", message));
        }
        Ok(Self { folder, manifest })
    }

    /// What the backup says of itself.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Puts the backup into an empty database. In the same step everything ends that somebody could be signed in with:
    /// sessions, single-use tokens of any kind and codes of authenticators up to now; and mails that waited are given up,
    /// since they may have left. Either all of it happens or nothing.
    ///
    /// On PostgreSQL this needs the owner of the tables, as migrating does, and the programs `pg_restore` and `psql` of the
    /// server's version. The tables are as old as the backup afterwards: [`migrate`](crate::db::migrate) comes next, and
    /// makes the two logins as well. With [`RestoreOptions::replace`] everything in the database of PostgreSQL is removed, in
    /// all schemas; the file of SQLite keeps another name: `.replaced-` and the time behind it.
    ///
    /// # Errors
    /// `Conflict` with code `database_not_empty`, `database_of_others` where what would be replaced is not of mono, and
    /// `database_in_use` while another program is connected; `Validation` where the owner or a program is missing;
    /// `Internal` with code `restore_failed` where the database refuses the data.
    pub async fn restore(
        &self,
        options: &DatabaseOptions,
        owner_url: Option<&str>,
        now: Timestamp,
        how: RestoreOptions,
    ) -> Result<(), Error> {
        let endings = endings::statements(now, how.revoke_api_keys);
        let data = folder::data_file(&self.folder, &self.manifest.database);
        let copy = Copy { manifest: &self.manifest, data: &data, endings: &endings, replace: how.replace };
        match &options.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(target) => postgres::restore(target, owner_url, copy).await,
            #[cfg(feature = "sqlite")]
            Target::Sqlite(target) => {
                let _ = owner_url;
                sqlite::restore(target, now, copy).await
            }
        }
    }
}

/// What is put into a database.
struct Copy<'b> {
    manifest: &'b Manifest,
    data: &'b Path,
    /// What is run after the rows are there.
    endings: &'b [String],
    replace: bool,
}

impl Copy<'_> {
    /// Refuses what holds something already, unless it is a database of mono and is to be replaced.
    fn admit(&self, tables: &[String]) -> Result<(), Error> {
        let refuse = |code, message: &str| Err(Error::new(ErrorKind::Conflict, code, message));
        if tables.is_empty() {
            return Ok(());
        }
        if !self.replace {
            return refuse(
                "database_not_empty",
                "the database is not empty, so nothing is restored: name an empty one, or let the backup take the place \
                 of what is there with --replace",
            );
        }
        if !tables.iter().any(|table| table == "_mono_migrations") {
            return refuse(
                "database_of_others",
                "the database holds tables and none of mono: it is not the one that is meant, and nothing is replaced",
            );
        }
        Ok(())
    }
}

fn in_use(what: &str) -> Error {
    let message =
        format!("{what}: stop every server and every other program that uses it, and restore again");
    Error::new(ErrorKind::Conflict, "database_in_use", message)
}

/// Runs what waits for disks and programs where nobody else waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
