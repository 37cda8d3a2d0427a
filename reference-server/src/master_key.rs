//! The master key of an installation: where it comes from, and that it is the one that the database knows.

use crate::config::Config;
use crate::key_file::{
    Versions, broken, create_private, encode, format, parse, read_private, replace_private,
};
use mono_auth::KeyRing;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::Random;
use mono_core::{Error, ErrorKind};
use mono_storage::backup::Manifest;
use mono_storage::db::Database;
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The file in the data folder.
const NAME: &str = "root.key";

/// Where the master key is.
enum Place {
    /// In the setting itself.
    Setting,
    /// In the file that a setting names.
    Named(PathBuf),
    /// In the data folder, where it is made with the first start.
    DataFolder(PathBuf),
}

impl Place {
    fn of(config: &Config) -> Result<Self, Error> {
        match (&config.master_key, &config.master_key_file) {
            (Some(_), Some(_)) => {
                let message = "give MONO_MASTER_KEY or MONO_MASTER_KEY_FILE, not both";
                Err(Error::invalid("master_key", "given_twice", message))
            }
            (Some(_), None) => Ok(Self::Setting),
            (None, Some(path)) => Ok(Self::Named(path.clone())),
            (None, None) => Ok(Self::DataFolder(config.data_directory.join(NAME))),
        }
    }

    /// For the operator.
    fn name(&self) -> String {
        match self {
            Self::Setting => "MONO_MASTER_KEY".to_owned(),
            Self::Named(path) => format!("MONO_MASTER_KEY_FILE ({})", path.display()),
            Self::DataFolder(path) => {
                format!("{} (or MONO_MASTER_KEY, MONO_MASTER_KEY_FILE)", path.display())
            }
        }
    }
}

/// The versions of the master key, as they are written; `None` where the data folder has none.
fn versions(config: &Config) -> Result<Option<Versions>, Error> {
    match Place::of(config)? {
        Place::Setting => {
            let text = config.master_key.as_ref().map(|key| key.expose_secret().to_owned());
            let versions = parse(&text.unwrap_or_default()).ok_or_else(|| {
                let message =
                    "MONO_MASTER_KEY does not hold a key in hexadecimal, nor VERSION:KEY with commas between";
                Error::invalid("master_key", "invalid_key", message)
            })?;
            Ok(Some(versions))
        }
        Place::Named(path) => read(&path).map(Some),
        Place::DataFolder(path) => {
            let missing =
                path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
            if missing { Ok(None) } else { read(&path).map(Some) }
        }
    }
}

fn read(path: &std::path::Path) -> Result<Versions, Error> {
    parse(&read_private(path)?).ok_or_else(|| broken(path, "does not hold a key in hexadecimal"))
}

/// Whether a key that a setting gives is one that a person made up: the same bytes again and again, or steps.
pub(crate) fn is_weak(config: &Config) -> bool {
    if matches!(Place::of(config), Ok(Place::DataFolder(_)) | Err(_)) {
        return false;
    }
    let plain = |key: &[u8]| {
        let distinct: BTreeSet<u8> = key.iter().copied().collect();
        let steps: BTreeSet<u8> =
            key.windows(2).filter_map(|pair| Some(pair.last()?.wrapping_sub(*pair.first()?))).collect();
        // Of 32 random bytes some 30 are different.
        distinct.len().min(steps.len()) < key.len() / 3
    };
    versions(config).ok().flatten().is_some_and(|keys| keys.iter().any(|(_, key)| plain(key)))
}

/// Reads the master key, if there is one.
pub(crate) fn load(config: &Config) -> Result<Option<KeyRing>, Error> {
    let Some(versions) = versions(config)? else { return Ok(None) };
    let place = Place::of(config)?.name();
    let ring = KeyRing::of_versions(versions).map_err(|error| {
        Error::invalid("master_key", "invalid_key", format!("{place} cannot be used")).with_source(error)
    })?;
    Ok(Some(ring))
}

/// Reads the master key, and makes none.
pub(crate) fn require(config: &Config) -> Result<KeyRing, Error> {
    load(config)?.ok_or_else(|| broken(&config.data_directory.join(NAME), "is not there"))
}

/// Reads the master key, or makes one for a database that knows none, and refuses one that is not the database's. What
/// is new is made known to it.
pub(crate) async fn load_for(config: &Config, database: &Database) -> Result<KeyRing, Error> {
    let system = Caller::system(SystemReason::Keys);
    let mut tx = database.platform(&system).write().await?;
    let ring = match load(config)? {
        Some(ring) => ring,
        None if tx.master_keys().list().await?.is_empty() => create(config, database.random())?,
        None => return Err(missing(config)?),
    };
    require_known(config, database, &ring).await?;
    for (version, value) in ring.check_values()? {
        tx.master_keys().add(version, &value).await?;
    }
    tx.commit().await?;
    // Another server may have begun with another key at this moment: one of the two is known now.
    require_known(config, database, &ring).await?;
    Ok(ring)
}

fn create(config: &Config, random: &dyn Random) -> Result<KeyRing, Error> {
    let path = config.data_directory.join(NAME);
    let text = create_private(&path, &encode(&fresh(random)))?;
    let versions = parse(&text).ok_or_else(|| broken(&path, "does not hold a key in hexadecimal"))?;
    KeyRing::of_versions(versions)
}

fn fresh(random: &dyn Random) -> Vec<u8> {
    let mut key = vec![0_u8; KeyRing::ROOT_BYTES];
    random.fill(&mut key);
    key
}

/// Refuses a master key that is not the database's: a version that is another key, or one that is missing.
pub(crate) async fn require_known(config: &Config, database: &Database, ring: &KeyRing) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Keys);
    let known = database.platform(&system).read().await?.master_keys().list().await?;
    let known = known.iter().map(|key| (key.version, key.check_value.as_str()));
    require_same(config, ring, known, "this database was used with")
}

/// Refuses a master key that is not the one of a backup, as [`require_known`] does.
pub(crate) fn require_backup(config: &Config, ring: &KeyRing, backup: &Manifest) -> Result<(), Error> {
    let known = backup.master_keys.iter().map(|(version, value)| (*version, value.as_str()));
    require_same(config, ring, known, "this backup was made with")
}

fn require_same<'k>(
    config: &Config,
    ring: &KeyRing,
    known: impl Iterator<Item = (u32, &'k str)>,
    whose: &str,
) -> Result<(), Error> {
    let values = ring.check_values()?;
    for (version, known) in known {
        let place = Place::of(config)?.name();
        let (code, problem) = match values.iter().find(|(own, _)| *own == version) {
            Some((_, value)) if value == known => continue,
            Some(_) => ("wrong_master_key", "is not the one"),
            None => ("master_key_missing", "is missing"),
        };
        let message = format!(
            "version {version} of the master key {problem} that {whose}: mend {place}; with another key nobody could \
             sign in, and no secret be read"
        );
        return Err(Error::new(ErrorKind::Validation, code, message));
    }
    Ok(())
}

fn missing(config: &Config) -> Result<Error, Error> {
    let place = Place::of(config)?.name();
    let message = format!(
        "the master key that this database was used with is missing: put it back into {place}; a new one is made for a \
         new database only"
    );
    Ok(Error::new(ErrorKind::Validation, "master_key_missing", message))
}

/// Adds a version, which signs and seals from the next start on. Gives its number.
pub(crate) fn rotate(config: &Config, random: &dyn Random) -> Result<u32, Error> {
    let mut versions =
        versions(config)?.ok_or_else(|| broken(&config.data_directory.join(NAME), "is not there"))?;
    let newest = versions.iter().map(|(version, _)| *version).max().unwrap_or_default();
    let next = newest.checked_add(1).ok_or_else(|| Error::internal("there is no further version"))?;
    versions.push((next, fresh(random)));
    write(
        config,
        &versions,
        &format!("put `,{next}:` and 64 random hexadecimal digits (openssl rand -hex 32) behind"),
    )?;
    Ok(next)
}

/// Takes a version away.
pub(crate) fn remove(config: &Config, version: u32) -> Result<(), Error> {
    let mut versions = versions(config)?.unwrap_or_default();
    versions.retain(|(other, _)| *other != version);
    write(config, &versions, &format!("take version {version} out of"))
}

/// Writes the versions where they came from; a setting is the operator's to change.
fn write(config: &Config, versions: &[(u32, Vec<u8>)], instead: &str) -> Result<(), Error> {
    match Place::of(config)? {
        Place::Named(path) | Place::DataFolder(path) => replace_private(&path, &format(versions)),
        Place::Setting => {
            let message = format!("the master key is given by MONO_MASTER_KEY: {instead} what stands there");
            Err(Error::new(ErrorKind::Conflict, "master_key_is_a_setting", message))
        }
    }
}
