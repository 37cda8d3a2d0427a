//! The mail server of the tests: a script that keeps every mail as a file, and refuses some.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::failure::{Context, Failure, Result};
use crate::services::running::Running;
use crate::services::server::Plan;
use crate::services::user::{self, User};
use crate::services::{binaries, port};
use crate::stop::Stop;

const NAME: &str = "SMTP sink";

const SCRIPT: &str = include_str!("smtp_sink.py");

/// Starts a server without mails; gives it, and the folder that they come into.
pub(crate) fn start(folder: &Path, user: Option<User>, stop: &Stop) -> Result<(Box<dyn Running>, PathBuf)> {
    let Some(python) = binaries::python_with_smtp() else {
        return Err(Failure::setup("no python3 has the module aiosmtpd"));
    };
    let plan = Plan { name: NAME, folder, user, port: port::free, answers, end: Signal::TERM };
    let (script, mails) = (folder.join("smtp_sink.py"), folder.join("mails"));
    std::fs::write(&script, SCRIPT).context("cannot write the script of the SMTP sink")?;
    std::fs::create_dir(&mails).context("cannot make the folder of the mails")?;
    user::give(&mails, user)?;
    let command = |port: u16| {
        let mut command = plan.command(&python)?;
        command.arg(&script).arg(port.to_string()).arg(&mails);
        Ok(command)
    };
    Ok((plan.start(command, stop)?, mails))
}

fn answers(port: u16) -> bool {
    greeting(port).is_ok_and(|line| line.starts_with("220 "))
}

fn greeting(port: u16) -> std::io::Result<String> {
    const SECOND: Duration = Duration::from_secs(1);
    let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SECOND)?;
    stream.set_read_timeout(Some(SECOND))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}
