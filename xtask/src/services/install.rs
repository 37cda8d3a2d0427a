//! Gets the servers on to this machine: by apt-get where we are root, else by Docker, else by telling the person.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Context, Failure, Result};
use crate::output::{say, warn};
use crate::process::run;
use crate::services::docker::{self, Image};
use crate::services::{binaries, postgres, redis, user};
use crate::stop::Stop;

/// A server that is not installed.
struct Missing {
    package: &'static str,
    programs: &'static str,
    /// For machines with Docker; a script has none.
    image: Option<&'static Image>,
}

const POSTGRES: Missing =
    Missing { package: "postgresql", programs: "initdb and postgres", image: Some(&postgres::IMAGE) };
const REDIS: Missing =
    Missing { package: "redis-server", programs: "redis-server", image: Some(&redis::IMAGE) };

const SMTP: Missing =
    Missing { package: "python3-aiosmtpd", programs: "python3 with the module aiosmtpd", image: None };

/// Read by the package of PostgreSQL when it is installed.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/mono-xtask.conf";

/// Makes sure that both servers can be started.
pub(crate) fn make_available(stop: &Stop) -> Result<()> {
    if !missing().is_empty()
        && apt_is_usable()
        && let Err(failure) = apt_servers(&missing(), stop)
    {
        stop.check()?;
        warn(&format!("xtask: {failure}"));
    }
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let images: Vec<_> = missing.iter().filter_map(|server| server.image).collect();
    if images.len() < missing.len() || !docker::is_usable() {
        return Err(Failure::setup(advice(&missing)));
    }
    images.into_iter().try_for_each(|image| docker::pull(image, stop))
}

fn missing() -> Vec<Missing> {
    let postgres = binaries::postgres().is_none().then_some(POSTGRES);
    let redis = binaries::redis().is_none().then_some(REDIS);
    let smtp = binaries::python_with_smtp().is_none().then_some(SMTP);
    postgres.into_iter().chain(redis).chain(smtp).collect()
}

fn advice(missing: &[Missing]) -> String {
    let servers = missing.iter().map(|server| format!("  {} ({})", server.package, server.programs));
    let packages = missing.iter().map(|server| server.package);
    format!(
        "the tests need servers that are neither in PATH nor in /usr/lib/postgresql:\n{}\n\
         Debian and Ubuntu: sudo apt-get install --no-install-recommends {}\n\
         macOS: brew install postgresql@15 redis; python3 -m pip install aiosmtpd\n\
         or start Docker, whose images serve as well for PostgreSQL and Redis",
        servers.collect::<Vec<_>>().join("\n"),
        packages.collect::<Vec<_>>().join(" "),
    )
}

/// Whether packages can be installed here without asking anybody.
pub(crate) fn apt_is_usable() -> bool {
    user::is_root() && Path::new("/etc/debian_version").exists() && binaries::find("apt-get").is_some()
}

fn apt_servers(missing: &[Missing], stop: &Stop) -> Result<()> {
    say("xtask: installing the servers of the tests with apt-get; their system services are not started");
    // Debian would start each service, and make a cluster, as soon as its package is installed.
    let _no_start = TemporaryFile::create("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")?;
    let _no_cluster = match binaries::postgres() {
        Some(_) => TemporaryFile(None),
        None => TemporaryFile::create(NO_CLUSTER, "create_main_cluster = false\n")?,
    };
    apt(missing.iter().map(|server| server.package), stop)
}

/// Installs packages of Debian or Ubuntu.
pub(crate) fn apt(packages: impl Iterator<Item = &'static str>, stop: &Stop) -> Result<()> {
    run(apt_get().args(["--quiet", "update"]), stop)?;
    run(apt_get().args(["--quiet", "--yes", "--no-install-recommends", "install"]).args(packages), stop)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args([
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        "Dpkg::Use-Pty=0",
    ]);
    command
}

/// A file that is there for a while. One that was there before stays as it is.
struct TemporaryFile(Option<PathBuf>);

impl TemporaryFile {
    fn create(path: impl Into<PathBuf>, text: &str) -> Result<Self> {
        let path = path.into();
        let doing = format!("cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).context(&doing)?;
        }
        let created: std::io::Result<File> =
            OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path);
        match created {
            Ok(mut file) => {
                let temporary = Self(Some(path));
                file.write_all(text.as_bytes()).context(&doing)?;
                Ok(temporary)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Self(None)),
            Err(error) => Err(error).context(&doing),
        }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = std::fs::remove_file(path)
        {
            warn(&format!("xtask: cannot remove {}: {error}", path.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_names_what_is_missing() {
        let advice = advice(&[REDIS]);
        assert!(advice.contains("install --no-install-recommends redis-server\n"), "{advice}");
        assert!(!advice.contains("initdb"), "{advice}");
    }

    #[test]
    fn a_temporary_file_goes_and_an_older_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/file");
        drop(TemporaryFile::create(&path, "ours").unwrap());
        assert!(!path.exists());
        std::fs::write(&path, "theirs").unwrap();
        drop(TemporaryFile::create(&path, "ours").unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs");
    }
}
