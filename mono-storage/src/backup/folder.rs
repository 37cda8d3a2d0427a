//! The folder of a backup: written under another name until it is whole, and verified before anything is read from it.

use super::manifest::{BackupFile, FORMAT, Manifest};
use super::refuse;
use mono_core::Error;
use mono_core::id::Random;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest.json";
/// The hashes of all files, as `sha256sum --check` reads them. It is written last.
const SUMS: &str = "SHA256SUMS";

/// The file that holds the database.
fn data_name(system: &str) -> &'static str {
    if system == "SQLite" { "database.sqlite" } else { "database.dump" }
}

/// The file that holds the database.
pub(super) fn data_file(folder: &Path, system: &str) -> PathBuf {
    folder.join(data_name(system))
}

/// A backup that is being written. Dropped before it is published, it leaves nothing behind.
pub(super) struct Draft {
    /// Where it is written.
    folder: PathBuf,
    /// What it will be called.
    target: PathBuf,
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    refuse("backup_unwritable", format!("{} cannot be written", path.display())).with_source(error)
}

impl Draft {
    /// Makes a folder beside the one that is wanted, which only its owner may read.
    pub(super) fn begin(target: &Path, random: &dyn Random) -> Result<Self, Error> {
        // A link that leads nowhere is there too.
        if target.symlink_metadata().is_ok() {
            let message =
                format!("{} is there already: a backup takes the place of nothing", target.display());
            return Err(refuse("backup_exists", message));
        }
        let Some(name) = target.file_name() else {
            return Err(refuse("backup_unwritable", "a backup is a folder with a name of its own"));
        };
        let mut suffix = [0_u8; 4];
        random.fill(&mut suffix);
        let mut unfinished = name.to_owned();
        unfinished.push(format!(".unfinished-{:08x}", u32::from_be_bytes(suffix)));
        let folder = target.with_file_name(unfinished);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(|error| unwritable(&folder, error))?;
        Ok(Self { folder, target: target.to_owned() })
    }

    /// Where the database goes.
    pub(super) fn data(&self, system: &str) -> PathBuf {
        data_file(&self.folder, system)
    }

    /// Hashes what was written, and writes the manifest.
    pub(super) fn seal(self, mut manifest: Manifest) -> Result<(Self, Manifest), Error> {
        let name = data_name(&manifest.database);
        let data = self.folder.join(name);
        make_private(&data).map_err(|error| unwritable(&data, error))?;
        let (bytes, sha256) = hash(&data).map_err(|error| unwritable(&data, error))?;
        let mut sums = format!("{sha256}  {name}\n");
        manifest.files.push(BackupFile { name: name.to_owned(), bytes, sha256 });
        let text = serde_json::to_vec_pretty(&manifest).map_err(Error::internal)?;
        // Writing into a String cannot fail.
        let _ = writeln!(sums, "{}  {MANIFEST}", hex(&Sha256::digest(&text)));
        for (name, content) in [(MANIFEST, text), (SUMS, sums.into_bytes())] {
            let path = self.folder.join(name);
            write(&path, &content).map_err(|error| unwritable(&path, error))?;
        }
        Ok((self, manifest))
    }

    /// Gives the folder its name, once everything in it is on the disk.
    pub(super) fn publish(self) -> Result<(), Error> {
        let publish = || {
            for entry in std::fs::read_dir(&self.folder)? {
                File::open(entry?.path())?.sync_all()?;
            }
            sync_folder(&self.folder)?;
            std::fs::rename(&self.folder, &self.target)?;
            sync_folder(self.target.parent().unwrap_or(Path::new(".")))
        };
        publish().map_err(|error| unwritable(&self.target, error))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Once it has its name it is not there.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Makes what was written into a folder, or renamed in it, last.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // Elsewhere a folder cannot be opened like a file.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    create_private(path)?.write_all(content)
}

/// Makes a new file that only its owner may read.
pub(super) fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes the rights of everybody else from a file that another program has made.
fn make_private(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let _ = path;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The size and the SHA-256 of a file.
fn hash(path: &Path) -> std::io::Result<(u64, String)> {
    let (mut file, mut hasher, mut size) = (File::open(path)?, Sha256::new(), 0_u64);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        size += part.len() as u64;
    }
    Ok((size, hex(&hasher.finalize())))
}

/// Reads the manifest of a backup, and verifies that every file is there and as it was written.
pub(super) fn verify(folder: &Path) -> Result<Manifest, Error> {
    let sums = read(folder, SUMS)?;
    let sums: BTreeMap<&str, &str> =
        sums.lines().filter_map(|line| line.split_once("  ")).map(|(sum, name)| (name, sum)).collect();
    let text = read(folder, MANIFEST)?;
    if sums.get(MANIFEST).copied() != Some(&*hex(&Sha256::digest(&text))) {
        return Err(damaged(folder, MANIFEST));
    }
    let manifest = parse(folder, &text)?;
    let name = data_name(&manifest.database);
    let [file] = manifest.files.as_slice() else { return Err(damaged(folder, MANIFEST)) };
    if file.name != name || sums.get(name).copied() != Some(&*file.sha256) {
        return Err(damaged(folder, SUMS));
    }
    let (bytes, sha256) = hash(&folder.join(name)).map_err(|error| missing(folder, name, error))?;
    if bytes < file.bytes {
        let message = format!(
            "{} was cut off: {name} has {bytes} of its {} bytes; nothing was touched",
            folder.display(),
            file.bytes
        );
        return Err(refuse("backup_incomplete", message));
    }
    if (bytes, &sha256) != (file.bytes, &file.sha256) {
        return Err(damaged(folder, name));
    }
    Ok(manifest)
}

fn parse(folder: &Path, text: &str) -> Result<Manifest, Error> {
    #[derive(Deserialize)]
    struct Form {
        format: u32,
    }
    let broken = |error| damaged(folder, MANIFEST).with_source(error);
    let Form { format } = serde_json::from_str(text).map_err(broken)?;
    if format > FORMAT {
        let message = format!(
            "{} has the form {format}, and this program knows those up to {FORMAT}: restore it with a newer mono",
            folder.display()
        );
        return Err(refuse("backup_too_new", message));
    }
    serde_json::from_str(text).map_err(broken)
}

fn read(folder: &Path, name: &str) -> Result<String, Error> {
    std::fs::read_to_string(folder.join(name)).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => damaged(folder, name),
        _ => missing(folder, name, error),
    })
}

fn missing(folder: &Path, name: &str, error: std::io::Error) -> Error {
    let message = format!(
        "{} is no backup, or one that was cut off: {name} cannot be read; nothing was touched",
        folder.display()
    );
    refuse("backup_incomplete", message).with_source(error)
}

fn damaged(folder: &Path, name: &str) -> Error {
    let message =
        format!("{} is damaged: {name} is not as it was written; nothing was touched", folder.display());
    refuse("backup_damaged", message)
}
