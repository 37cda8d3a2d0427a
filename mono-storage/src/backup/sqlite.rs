//! SQLite: the copy is a database file, and a restore lets it take the place of the one that is there.

use super::contents::Contents;
use super::folder::{create_private, sync_folder};
use super::{Copy, blocking, in_use};
use crate::db::error::from_sqlx;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Copies the database into a new file: one transaction that reads, while others write.
pub(super) async fn copy(pool: &SqlitePool, file: &Path) -> Result<Contents, Error> {
    // SQLite writes into a file that is there and empty, whose rights it keeps.
    create_private(file).map_err(Error::internal)?;
    let name = file.to_str().ok_or_else(|| not_text(file))?;
    let mut connection = pool.acquire().await.map_err(from_sqlx)?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(&mut *connection).await.map_err(from_sqlx)?;
    drop(connection);
    // What stands in the manifest is read from the copy itself.
    let mut connection = open(file, true).await?;
    require_sound(&mut connection).await?;
    let version = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await;
    let version = version.map_err(from_sqlx)?;
    let names = tables(&mut connection).await?.into_iter().map(|name| (None, name));
    let contents = contents!(&mut connection, version, names);
    connection.close().await.map_err(from_sqlx)?;
    Ok(contents)
}

fn not_text(file: &Path) -> Error {
    Error::invalid("to", "invalid_name", format!("{} is not a name that SQLite can open", file.display()))
}

async fn open(file: &Path, read_only: bool) -> Result<SqliteConnection, Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(read_only)
        .foreign_keys(false)
        .synchronous(SqliteSynchronous::Full);
    SqliteConnection::connect_with(&options).await.map_err(Error::unavailable)
}

async fn tables(connection: &mut SqliteConnection) -> Result<Vec<String>, Error> {
    let names = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    );
    names.fetch_all(connection).await.map_err(from_sqlx)
}

async fn require_sound(connection: &mut SqliteConnection) -> Result<(), Error> {
    let found: String =
        sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await.map_err(from_sqlx)?;
    if found == "ok" {
        return Ok(());
    }
    let message = format!("the file of the database is damaged: {found}");
    Err(Error::new(ErrorKind::Internal, "database_damaged", message))
}

/// Puts the copy where the database is to be. Until the last step it lies beside it under another name.
pub(super) async fn restore(
    target: &SqliteConnectOptions,
    now: Timestamp,
    copy: Copy<'_>,
) -> Result<(), Error> {
    let file = target.get_filename().to_owned();
    copy.admit(&held(&file).await?)?;
    let draft = beside(&file, ".restoring");
    let (data, to) = (copy.data.to_owned(), draft.clone());
    blocking(move || duplicate(&data, &to)).await?;
    let result = match fill(&draft, &copy).await {
        Ok(()) => take_place(&draft, &file, now).await,
        Err(error) => Err(error),
    };
    if result.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    result
}

/// The tables of a file; none where there is no file.
async fn held(file: &Path) -> Result<Vec<String>, Error> {
    if std::fs::metadata(file).map_or(true, |file| file.len() == 0) {
        return Ok(Vec::new());
    }
    let mut connection = open(file, true).await?;
    let tables = tables(&mut connection).await?;
    connection.close().await.map_err(from_sqlx)?;
    Ok(tables)
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

fn unusable(file: &Path, error: std::io::Error) -> Error {
    let message = format!("{} cannot be written", file.display());
    Error::new(ErrorKind::Internal, "restore_failed", message).with_source(error)
}

/// Copies a file; one that a restore left which was cut off is no hindrance.
fn duplicate(from: &Path, to: &Path) -> Result<(), Error> {
    let duplicate = || {
        if to.symlink_metadata().is_ok() {
            std::fs::remove_file(to)?;
        }
        std::io::copy(&mut std::fs::File::open(from)?, &mut create_private(to)?)
    };
    duplicate().map(drop).map_err(|error| unusable(to, error))
}

/// Compares the rows with the manifest, and ends what is to end.
async fn fill(draft: &Path, copy: &Copy<'_>) -> Result<(), Error> {
    let mut connection = open(draft, false).await?;
    require_sound(&mut connection).await?;
    for table in &copy.manifest.tables {
        if count!(&mut connection, table)? != table.rows {
            let message = format!("the table {} has other rows than the manifest says", table.name);
            return Err(Error::new(ErrorKind::Internal, "restore_failed", message));
        }
    }
    let mut transaction = connection.begin().await.map_err(from_sqlx)?;
    for ending in copy.endings {
        let ending = sqlx::query(AssertSqlSafe(ending.clone()));
        ending.execute(&mut *transaction).await.map_err(from_sqlx)?;
    }
    transaction.commit().await.map_err(from_sqlx)?;
    connection.close().await.map_err(from_sqlx)
}

/// Renames the draft to what it is to be. What is there keeps another name.
async fn take_place(draft: &Path, file: &Path, now: Timestamp) -> Result<(), Error> {
    if file.exists() {
        let_go(file).await?;
    }
    let (draft, file) = (draft.to_owned(), file.to_owned());
    blocking(move || {
        let rename = || {
            std::fs::File::open(&draft)?.sync_all()?;
            // What a database left beside a file that is gone would be played into this one.
            for suffix in ["-wal", "-shm", "-journal"] {
                let leftover = beside(&file, suffix);
                if leftover.exists() {
                    std::fs::remove_file(leftover)?;
                }
            }
            if std::fs::metadata(&file).is_ok_and(|file| file.len() > 0) {
                let kept = beside(&file, &format!(".replaced-{}", now.format("%Y%m%dT%H%M%S%.6fZ")));
                std::fs::hard_link(&file, kept)?;
            }
            std::fs::rename(&draft, &file)?;
            sync_folder(file.parent().unwrap_or(Path::new(".")))
        };
        rename().map_err(|error| unusable(&file, error))
    })
    .await
}

/// Writes what lies beside a database into it, which works only for who is alone with it.
async fn let_go(file: &Path) -> Result<(), Error> {
    let options = SqliteConnectOptions::new().filename(file).journal_mode(SqliteJournalMode::Delete);
    let alone = async {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(mode == "delete")
    };
    match alone.await {
        Ok(true) => Ok(()),
        Ok(false) => Err(in_use("another program has the database open")),
        Err(error) => Err(in_use("another program has the database open").with_source(error)),
    }
}
