//! The private Redis.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::failure::{Context, Result};
use crate::services::binaries;
use crate::services::docker::{self, Image};
use crate::services::running::Running;
use crate::services::server::Plan;
use crate::services::user::{self, User};
use crate::stop::Stop;

const NAME: &str = "Redis";

/// Nothing is ever written to disk.
const SETTINGS: [&str; 4] = ["--save", "", "--appendonly", "no"];

/// The image for machines without the program.
pub(crate) const IMAGE: Image =
    Image { name: NAME, tag: "redis:7", port: 6379, options: &[], arguments: &SETTINGS };

/// Starts an empty Redis.
pub(crate) fn start(folder: &Path, user: Option<User>, stop: &Stop) -> Result<Box<dyn Running>> {
    let Some(program) = binaries::redis() else { return docker::start(&IMAGE, answers, stop) };
    let plan = Plan { name: NAME, folder, user, answers, end: Signal::TERM };
    let data = folder.join("redis");
    std::fs::create_dir(&data).context("cannot make the folder of Redis")?;
    user::give(&data, user)?;
    let command = |port: u16| {
        let mut command = plan.command(&program)?;
        command.args(SETTINGS).args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(&data);
        Ok(command)
    };
    plan.start(command, stop)
}

fn answers(port: u16) -> bool {
    ping(port).unwrap_or(false)
}

fn ping(port: u16) -> std::io::Result<bool> {
    const SECOND: Duration = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SECOND)?;
    stream.set_read_timeout(Some(SECOND))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG\r\n")
}
