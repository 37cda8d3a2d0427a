//! Files that hold secrets, and how a master key is written in one.

use mono_core::Error;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

/// The versions of a master key, each with its number.
pub(crate) type Versions = Vec<(u32, Vec<u8>)>;

/// The versions of a master key as they are written: `VERSION:HEXADECIMAL`, one to a line or with commas between; one key
/// alone may stand without its version, which is 1. `None` where it is anything else.
pub(crate) fn parse(text: &str) -> Option<Versions> {
    let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
    let versions: Option<Vec<_>> = parts
        .map(|part| match part.split_once(':') {
            Some((version, key)) => Some((version.parse().ok()?, decode(key)?)),
            None => Some((1, decode(part)?)),
        })
        .collect();
    versions.filter(|versions| !versions.is_empty())
}

/// The same the other way, a line for each version.
pub(crate) fn format(versions: &[(u32, Vec<u8>)]) -> String {
    let lines: Vec<String> =
        versions.iter().map(|(version, key)| format!("{version}:{}\n", encode(key))).collect();
    lines.concat()
}

/// Takes the place of a file with other content, all of it or nothing. Of two who do so at once, one is refused.
pub(crate) fn replace_private(path: &Path, secret: &str) -> Result<(), Error> {
    let draft = path.with_extension("key.new");
    let opened = private().create_new(true).open(&draft);
    let mut file = opened.map_err(|error| {
        let message = format!("{} cannot be made: is another rotation at work?", draft.display());
        Error::invalid("data_directory", "secret_file", message).with_source(error)
    })?;
    let written = file.write_all(secret.as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| std::fs::rename(&draft, path)).map_err(|error| {
        let _ = std::fs::remove_file(&draft);
        broken(path, "cannot be written").with_source(error)
    })
}

/// Writes a secret into a new file that only its owner may read, and gives what the file holds: what another wrote
/// before, stays.
pub(crate) fn create_private(path: &Path, secret: &str) -> Result<String, Error> {
    match write_new(path, secret) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(broken(path, "cannot be written").with_source(error)),
    }
    read_private(path)
}

pub(crate) fn read_private(path: &Path) -> Result<String, Error> {
    require_private(path)?;
    std::fs::read_to_string(path).map_err(|error| broken(path, "cannot be read").with_source(error))
}

/// Refuses a secret that others may read or have written: who planted it can forge what it signs.
#[cfg(unix)]
fn require_private(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let metadata =
        std::fs::symlink_metadata(path).map_err(|error| broken(path, "cannot be read").with_source(error))?;
    let others = 0o077;
    if metadata.is_file() && metadata.permissions().mode() & others == 0 {
        return Ok(());
    }
    Err(broken(path, "is a link, or open to others: only its owner may read and write it (chmod 600)"))
}

#[cfg(not(unix))]
fn require_private(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// Makes an empty file that only its owner may read, if there is none.
pub(crate) fn touch_private(path: &Path) -> std::io::Result<()> {
    private().create(true).open(path).map(drop)
}

/// Of two servers that start at once one writes, and both read the same: the file appears with its content, or not
/// at all.
fn write_new(path: &Path, secret: &str) -> std::io::Result<()> {
    let draft = path.with_extension(format!("{}.draft", uuid::Uuid::new_v4()));
    let mut file = private().create_new(true).open(&draft)?;
    let written = file.write_all(secret.as_bytes()).and_then(|()| file.sync_all());
    // A link, unlike a rename, never takes the place of what is there.
    let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft)?;
    linked
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(crate) fn encode(key: &[u8]) -> String {
    key.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let bytes = text.as_bytes().chunks(2);
    bytes.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

pub(crate) fn broken(path: &Path, what: &str) -> Error {
    Error::invalid("data_directory", "secret_file", format!("the secret file {} {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_is_written_in_few_ways() {
        let key = "ab".repeat(32);
        let bytes = vec![0xab; 32];
        assert_eq!(parse(&key), Some(vec![(1, bytes.clone())]));
        assert_eq!(parse(&format!("{key}\n")), Some(vec![(1, bytes.clone())]));
        let two = vec![(1, bytes.clone()), (7, bytes.clone())];
        assert_eq!(parse(&format!("1:{key}, 7:{key}")), Some(two.clone()));
        assert_eq!(parse(&format(&two)), Some(two));
        for nonsense in ["", "\n", ",", "xyz", "0", "1:", ":00", "-1:00", "1:2:00", "one:00", "4294967296:00"]
        {
            assert_eq!(parse(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_secret_is_kept_and_nobody_else_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        assert_eq!(create_private(&path, "first").unwrap(), "first");
        assert_eq!(create_private(&path, "second").unwrap(), "first");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            for mode in [0o666, 0o640, 0o604] {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
                assert!(create_private(&path, "third").is_err() && read_private(&path).is_err(), "{mode:o}");
            }
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let link = folder.path().join("link.key");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(read_private(&link).is_err(), "a link leads to what somebody else chose");
        }
    }

    #[test]
    fn servers_that_start_at_once_have_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        let start = |i: u8| create_private(&path, &format!("secret {i}")).unwrap();
        let start = &start;
        let kept: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
            let servers: Vec<_> = (0..16).map(|i| scope.spawn(move || start(i))).collect();
            servers.into_iter().map(|server| server.join().unwrap()).collect()
        });
        assert_eq!(kept.len(), 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_file_is_replaced_whole_and_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        create_private(&path, "old").unwrap();
        replace_private(&path, "new").unwrap();
        assert_eq!(read_private(&path).unwrap(), "new");
        std::fs::write(path.with_extension("key.new"), "").unwrap();
        assert!(replace_private(&path, "newer").is_err());
        assert_eq!(read_private(&path).unwrap(), "new");
    }
}
