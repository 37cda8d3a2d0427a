//! The root key of an installation, kept in the data folder.

use mono_auth::KeyRing;
use mono_core::Error;
use mono_core::id::Random;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

const NAME: &str = "root.key";

/// Reads the root key, or makes one where there is none. Only its owner may read the file.
pub(crate) fn load_or_create(folder: &Path, random: &dyn Random) -> Result<KeyRing, Error> {
    let path = folder.join(NAME);
    let mut key = [0_u8; KeyRing::ROOT_BYTES];
    random.fill(&mut key);
    let text = create_private(&path, &encode(&key))?;
    key_ring(&path, &text)
}

/// Reads the root key, if there is one.
pub(crate) fn load(folder: &Path) -> Result<Option<KeyRing>, Error> {
    let path = folder.join(NAME);
    if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    key_ring(&path, &read_private(&path)?).map(Some)
}

/// Reads the root key, and makes none.
pub(crate) fn require(folder: &Path) -> Result<KeyRing, Error> {
    load(folder)?.ok_or_else(|| broken(&folder.join(NAME), "is not there"))
}

fn key_ring(path: &Path, text: &str) -> Result<KeyRing, Error> {
    let bytes = decode(text.trim()).ok_or_else(|| broken(path, "does not hold a key in hexadecimal"))?;
    KeyRing::new(bytes)
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

fn read_private(path: &Path) -> Result<String, Error> {
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

fn encode(key: &[u8]) -> String {
    key.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let bytes = text.as_bytes().chunks(2);
    bytes.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn broken(path: &Path, what: &str) -> Error {
    Error::invalid("data_directory", "secret_file", format!("the secret file {} {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mono_auth::Purpose;
    use mono_storage::system::SystemRandom;
    use secrecy::ExposeSecret;

    #[test]
    fn the_key_is_kept_and_nobody_else_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let key = |ring: KeyRing| ring.derive(Purpose::Access).unwrap().expose_secret().to_vec();
        let first = key(load_or_create(folder.path(), &SystemRandom).unwrap());
        assert_eq!(first, key(load_or_create(folder.path(), &SystemRandom).unwrap()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn servers_that_start_at_once_have_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys: std::collections::BTreeSet<Vec<u8>> = std::thread::scope(|scope| {
            let start = || load_or_create(folder.path(), &SystemRandom).unwrap();
            let servers: Vec<_> = (0..16).map(|_| scope.spawn(start)).collect();
            let key = |ring: KeyRing| ring.derive(Purpose::Access).unwrap().expose_secret().to_vec();
            servers.into_iter().map(|server| key(server.join().unwrap())).collect()
        });
        assert_eq!(keys.len(), 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_have_written_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        load_or_create(folder.path(), &SystemRandom).unwrap();
        let path = folder.path().join(NAME);
        for mode in [0o666, 0o640, 0o604] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(load_or_create(folder.path(), &SystemRandom).is_err(), "{mode:o}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        load_or_create(folder.path(), &SystemRandom).unwrap();
    }

    #[test]
    fn a_broken_key_stops_the_start() {
        for text in ["", "xyz", "00", &"00".repeat(32)] {
            let folder = tempfile::tempdir().unwrap();
            private()
                .create(true)
                .open(folder.path().join(NAME))
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
            assert!(load_or_create(folder.path(), &SystemRandom).is_err(), "{text:?}");
        }
    }
}
