//! The programs that come with PostgreSQL: found in the version of the server, and told where to log in.

use super::refuse;
use crate::db::options::percent_decoded;
use mono_core::{Error, ErrorKind};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

/// What a program reads from its environment and is not to.
const UNWANTED: [&str; 5] =
    ["PGHOSTADDR", "PGOPTIONS", "PGSERVICE", "PGTARGETSESSIONATTRS", "PGCLIENTENCODING"];

/// Which programs are wanted: those of a version, for a login.
#[derive(Clone)]
pub(super) struct Programs {
    major: u32,
    environment: Vec<(&'static str, String)>,
}

impl Programs {
    /// The programs of a server's version, with what they need to log in there. The password stands in their environment,
    /// which nobody else may read, and not among their arguments.
    pub(super) fn new(major: u32, login: &PgConnectOptions) -> Self {
        // The driver tells the password and the certificates in a URL only, which it writes from a name and a host as they
        // are: what is told apart anyway is left out.
        let url = login.clone().username("user").host("host").to_url_lossy();
        let host = login.get_socket().map(|socket| socket.display().to_string());
        let mut environment = vec![
            ("PGHOST", host.unwrap_or_else(|| login.get_host().to_owned())),
            ("PGPORT", login.get_port().to_string()),
            ("PGUSER", login.get_username().to_owned()),
            ("PGDATABASE", login.get_database().unwrap_or(login.get_username()).to_owned()),
            ("PGAPPNAME", "mono backup".to_owned()),
        ];
        let mut root = None;
        for (name, value) in url.query_pairs() {
            let variable = match &*name {
                "sslmode" => "PGSSLMODE",
                "sslcert" => "PGSSLCERT",
                "sslkey" => "PGSSLKEY",
                "sslrootcert" => {
                    root = Some(value.into_owned());
                    continue;
                }
                _ => continue,
            };
            environment.push((variable, value.into_owned()));
        }
        // Without a certificate of one's own the driver trusts those of the system.
        let verifies = matches!(login.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
        if let Some(root) = root.or_else(|| verifies.then(|| "system".to_owned())) {
            environment.push(("PGSSLROOTCERT", root));
        }
        if let Some(password) = url.password().and_then(percent_decoded) {
            environment.push(("PGPASSWORD", password));
        }
        Self { major, environment }
    }

    /// A program, ready to be given its arguments.
    ///
    /// # Errors
    /// `Validation` with code `program_missing` where there is none of the server's version.
    pub(super) fn command(&self, name: &str) -> Result<Command, Error> {
        let mut command = Command::new(find(name, self.major)?);
        for variable in UNWANTED {
            command.env_remove(variable);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(command)
    }
}

/// Where Debian and Ubuntu keep the programs of each version, else the search path.
fn find(name: &str, major: u32) -> Result<PathBuf, Error> {
    let own = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin/{name}"));
    let mut other = None;
    for candidate in [own, PathBuf::from(name)] {
        let Ok(output) = Command::new(&candidate).arg("--version").output() else { continue };
        match version(&String::from_utf8_lossy(&output.stdout)) {
            Some(found) if found == major => return Ok(candidate),
            found => other = found.or(other),
        }
    }
    let found = match other {
        Some(other) => format!("the one that was found is of version {other}"),
        None => "it is not installed".to_owned(),
    };
    let message = format!(
        "the program {name} of PostgreSQL {major} is needed, since the server is of that version, and {found}: install \
         the client programs (Debian and Ubuntu: postgresql-client-{major}; Alpine: postgresql{major}-client; macOS: \
         postgresql@{major}), so that they are in the search path"
    );
    Err(refuse("program_missing", message))
}

/// The major version in `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version(text: &str) -> Option<u32> {
    let number = text.split_once("(PostgreSQL) ")?.1;
    number.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// A program that runs. It is killed where its work is given up.
pub(super) struct Running {
    name: &'static str,
    child: Child,
    said: Option<JoinHandle<String>>,
}

impl Running {
    pub(super) fn start(name: &'static str, command: &mut Command) -> Result<Self, Error> {
        let mut child =
            command.spawn().map_err(|error| failed(name, "could not be started").with_source(error))?;
        // Read meanwhile: a program that complains a lot would wait for a reader.
        let said = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut said = Vec::new();
                let _ = stderr.read_to_end(&mut said);
                String::from_utf8_lossy(&said).into_owned()
            })
        });
        Ok(Self { name, child, said })
    }

    pub(super) const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// `Internal` with code `program_failed` and the first thing that it complained of. What stands behind that may hold
    /// rows.
    pub(super) fn wait(mut self) -> Result<(), Error> {
        let status = self.child.wait().map_err(|error| failed(self.name, "was lost").with_source(error))?;
        if status.success() {
            return Ok(());
        }
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        let is_error = |line: &&str| ["ERROR:", "FATAL:", "error:"].iter().any(|word| line.contains(word));
        let line =
            said.lines().find(is_error).or_else(|| said.lines().next()).unwrap_or("it does not say why");
        Err(failed(self.name, &format!("failed: {line}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Internal, "program_failed", format!("{name} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read() {
        assert_eq!(version("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(version("psql (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(version("something else"), None);
    }

    #[test]
    fn a_program_that_is_missing_is_told_with_its_package() {
        let error = find("no-such-program", 15).unwrap_err();
        assert_eq!(error.code(), "program_missing");
        assert!(error.to_string().contains("postgresql-client-15"), "{error}");
        // It is there, and of no version of PostgreSQL.
        assert!(find("true", 15).unwrap_err().to_string().contains("not installed"));
    }

    #[test]
    fn the_password_stands_in_the_environment_alone() {
        let login: PgConnectOptions =
            "postgres://mono:s%40crt%2F@db.example:6432/app?sslmode=verify-full".parse().unwrap();
        let programs = Programs::new(15, &login);
        let of = |name: &str| {
            let pair = programs.environment.iter().find(|(variable, _)| *variable == name);
            pair.map(|(_, value)| value.as_str())
        };
        assert_eq!(of("PGPASSWORD"), Some("s@crt/"));
        assert_eq!((of("PGHOST"), of("PGPORT")), (Some("db.example"), Some("6432")));
        assert_eq!((of("PGUSER"), of("PGDATABASE")), (Some("mono"), Some("app")));
        assert_eq!((of("PGSSLMODE"), of("PGSSLROOTCERT")), (Some("verify-full"), Some("system")));
    }
}
