//! Where the programs of the servers are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian and Ubuntu put the programs of PostgreSQL, one folder per version.
const DEBIAN_POSTGRES: &str = "/usr/lib/postgresql";

/// The folder that has both `initdb` and `postgres`.
pub(crate) fn postgres() -> Option<PathBuf> {
    postgres_in(&path(), Path::new(DEBIAN_POSTGRES))
}

/// The program `redis-server`.
pub(crate) fn redis() -> Option<PathBuf> {
    find("redis-server")
}

/// A Python that has the module of the SMTP sink: that of the system, for which Debian has a package, or that of the
/// search path.
pub(crate) fn python_with_smtp() -> Option<PathBuf> {
    let system = PathBuf::from("/usr/bin/python3");
    let candidates = [Some(system).filter(|file| file.is_file()), find("python3")];
    candidates.into_iter().flatten().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import aiosmtpd"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// A program of the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    path().into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

fn postgres_in(path: &[PathBuf], versions: &Path) -> Option<PathBuf> {
    let complete = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let in_path = path.iter().find(|folder| complete(folder)).cloned();
    in_path.or_else(|| {
        let folders = std::fs::read_dir(versions).ok()?.filter_map(Result::ok);
        let numbered =
            folders.filter_map(|entry| Some((version(&entry.file_name())?, entry.path().join("bin"))));
        numbered.filter(|(_, folder)| complete(folder)).max().map(|(_, folder)| folder)
    })
}

fn version(name: &OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(folder: &Path, programs: &[&str]) {
        std::fs::create_dir_all(folder).unwrap();
        for program in programs {
            std::fs::write(folder.join(program), "").unwrap();
        }
    }

    #[test]
    fn the_highest_complete_version_is_found() {
        let root = tempfile::tempdir().unwrap();
        install(&root.path().join("9/bin"), &["initdb", "postgres"]);
        install(&root.path().join("15/bin"), &["initdb", "postgres"]);
        install(&root.path().join("17/bin"), &["initdb"]);
        install(&root.path().join("common/bin"), &["initdb", "postgres"]);
        assert_eq!(postgres_in(&[], root.path()), Some(root.path().join("15/bin")));
    }

    #[test]
    fn the_search_path_comes_first() {
        let root = tempfile::tempdir().unwrap();
        let in_path = root.path().join("path");
        install(&in_path, &["initdb", "postgres"]);
        install(&root.path().join("15/bin"), &["initdb", "postgres"]);
        assert_eq!(postgres_in(std::slice::from_ref(&in_path), root.path()), Some(in_path));
    }

    #[test]
    fn nothing_installed_is_nothing_found() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(postgres_in(&[], &root.path().join("absent")), None);
        assert_eq!(find("no-such-program-anywhere"), None);
    }
}
