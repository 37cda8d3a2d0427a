//! The private Redis.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::failure::{Context, Result};
use crate::services::docker::{self, Image};
use crate::services::running::Running;
use crate::services::server::Plan;
use crate::services::user::{self, User};
use crate::services::{binaries, port};
use crate::stop::Stop;

const NAME: &str = "Redis";

/// Nothing is ever written to disk.
pub(super) const SETTINGS: [&str; 4] = ["--save", "", "--appendonly", "no"];

/// The image for machines without the program.
pub(crate) const IMAGE: Image =
    Image { name: NAME, tag: "redis:7", port: 6379, options: &[], arguments: &SETTINGS };

/// Starts an empty Redis.
pub(crate) fn start(folder: &Path, user: Option<User>, stop: &Stop) -> Result<Box<dyn Running>> {
    let Some(program) = binaries::redis() else { return docker::start(&IMAGE, answers, stop) };
    let plan = Plan { name: NAME, folder, user, port: port::free, answers, end: Signal::TERM };
    let data = data_folder(folder, "redis", user)?;
    let command = |port: u16| {
        let mut command = plan.command(&program)?;
        command.args(SETTINGS).args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(&data);
        Ok(command)
    };
    plan.start(command, stop)
}

/// A new folder for what a server insists on writing.
pub(super) fn data_folder(folder: &Path, name: &str, user: Option<User>) -> Result<PathBuf> {
    let data = folder.join(name);
    std::fs::create_dir(&data).context("cannot make the folder of Redis")?;
    user::give(&data, user)?;
    Ok(data)
}

pub(super) fn answers(port: u16) -> bool {
    ask(port, &["PING"]).is_ok_and(|answer| answer == "PONG")
}

/// Sends one command and reads its answer: a line or a text, or a refusal as an error.
pub(super) fn ask(port: u16, words: &[&str]) -> std::io::Result<String> {
    const SECOND: Duration = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SECOND)?;
    stream.set_read_timeout(Some(SECOND))?;
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        let _ = write!(command, "${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(command.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("+" | ":", text)) => Ok(text.to_owned()),
        Some(("$", length)) => {
            let mut text = vec![0; length.parse().map_err(std::io::Error::other)?];
            reader.read_exact(&mut text)?;
            String::from_utf8(text).map_err(std::io::Error::other)
        }
        _ => Err(std::io::Error::other(line.to_owned())),
    }
}
