//! What a backup says of itself.

use super::contents::Contents;
use mono_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// The table that says which of mono's own migrations were run.
const OWN_MIGRATIONS: &str = "_mono_migrations";

/// What a backup says of itself; `manifest.json` in its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The form of the folder.
    pub format: u32,
    /// The version of mono that made it.
    pub mono: String,
    /// The database system: `PostgreSQL` or `SQLite`.
    pub database: String,
    /// Its version: `15.18`.
    pub database_version: String,
    /// When it was made: what was committed before is in it.
    pub created_at: Timestamp,
    /// Which migrations were run, for mono and for each application, by the table that keeps them.
    pub migrations: BTreeMap<String, Vec<i64>>,
    /// The versions of the master key that the database knows, each with a value that only this key gives.
    pub master_keys: BTreeMap<u32, String>,
    /// Every table with the number of its rows.
    pub tables: Vec<TableRows>,
    /// What the folder holds beside the manifest.
    pub files: Vec<BackupFile>,
    /// What is kept outside of the database: nothing is, so far.
    pub objects: Vec<BackupFile>,
}

/// A table of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRows {
    /// The schema, where it is another than `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The table.
    pub name: String,
    /// How many rows it has.
    pub rows: i64,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn new(system: &str, created_at: Timestamp, contents: Contents) -> Self {
        Self {
            format: FORMAT,
            mono: env!("CARGO_PKG_VERSION").to_owned(),
            database: system.to_owned(),
            database_version: contents.version,
            created_at,
            migrations: contents.migrations,
            master_keys: contents.master_keys,
            tables: contents.tables,
            files: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// How many rows there are in all tables.
    pub fn rows(&self) -> i64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Which of mono's own migrations were run.
    pub(super) fn own_versions(&self) -> &[i64] {
        self.migrations.get(OWN_MIGRATIONS).map(Vec::as_slice).unwrap_or_default()
    }
}

impl TableRows {
    /// The table as a statement names it.
    pub(super) fn quoted(&self) -> String {
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        match &self.schema {
            Some(schema) => format!("{}.{}", quote(schema), quote(&self.name)),
            None => quote(&self.name),
        }
    }
}
