//! The private PostgreSQL.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::failure::{Context, Result};
use crate::services::docker::{self, Image};
use crate::services::running::Running;
use crate::services::server::Plan;
use crate::services::user::User;
use crate::services::{binaries, port};
use crate::stop::Stop;

const NAME: &str = "PostgreSQL";

/// The data lives as long as one test run: nothing has to survive a power failure. Shared memory lies in the data
/// folder, so that nothing is left in /dev/shm.
const SETTINGS: [&str; 10] = [
    "-c",
    "fsync=off",
    "-c",
    "synchronous_commit=off",
    "-c",
    "full_page_writes=off",
    "-c",
    "max_connections=300",
    "-c",
    "dynamic_shared_memory_type=mmap",
];

/// The image for machines without the programs.
pub(crate) const IMAGE: Image = Image {
    name: NAME,
    tag: "postgres:15",
    port: 5432,
    options: &[
        "--env=POSTGRES_HOST_AUTH_METHOD=trust",
        "--env=POSTGRES_INITDB_ARGS=--encoding=UTF8 --locale=C",
    ],
    arguments: &SETTINGS,
};

/// Makes an empty cluster and starts it.
pub(crate) fn start(folder: &Path, user: Option<User>, stop: &Stop) -> Result<Box<dyn Running>> {
    let Some(programs) = binaries::postgres() else { return docker::start(&IMAGE, answers, stop) };
    // SIGQUIT is the immediate shutdown: no checkpoint of data that is thrown away.
    let plan = Plan { name: NAME, folder, user, port: port::free, answers, end: Signal::QUIT };
    let data = folder.join("postgres");
    let initdb = plan
        .command(&programs.join("initdb"))?
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
        .arg("--pgdata")
        .arg(&data)
        .status()
        .context("cannot start initdb")?;
    if !initdb.success() {
        return Err(plan.failure(&format!("could not make its data folder ({initdb})")));
    }
    let command = |port| {
        let mut command = plan.command(&programs.join("postgres"))?;
        command.arg("-D").arg(&data).args(SETTINGS);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        command.arg("-c").arg(format!("port={port}"));
        Ok(command)
    };
    plan.start(command, stop)
}

/// Whether the user `postgres` may log in: a port can be open long before that.
fn answers(port: u16) -> bool {
    login(port).unwrap_or(false)
}

fn login(port: u16) -> std::io::Result<bool> {
    const SECOND: Duration = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SECOND)?;
    stream.set_read_timeout(Some(SECOND))?;
    // StartupMessage: length, protocol 3.0, names and values.
    stream.write_all(b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0")?;
    // AuthenticationOk: 'R', length 8, code 0.
    let mut answer = [0; 9];
    stream.read_exact(&mut answer)?;
    stream.write_all(b"X\0\0\0\x04")?;
    Ok(&answer == b"R\0\0\0\x08\0\0\0\0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that reads a startup message and gives one answer.
    fn answer_once(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let rest = usize::try_from(u32::from_be_bytes(length)).unwrap() - length.len();
            stream.read_exact(&mut vec![0; rest]).unwrap();
            stream.write_all(answer).unwrap();
        });
        port
    }

    #[test]
    fn only_a_login_is_an_answer() {
        assert!(answers(answer_once(b"R\0\0\0\x08\0\0\0\0")));
        assert!(!answers(answer_once(b"E\0\0\0\x30SFATAL\0the database system is starting up\0")));
        assert!(!answers(answer_once(b"")));
    }

    #[test]
    fn a_closed_port_is_no_answer() {
        assert!(!answers(crate::services::port::free().unwrap()));
    }
}
