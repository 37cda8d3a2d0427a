//! A server that is a process of ours.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::{Context, Failure, Result};
use crate::output::warn;
use crate::process::LOOK_AGAIN;
use crate::services::running::{Running, wait};
use crate::services::user::{self, User};
use crate::stop::Stop;

/// Another process may take the port that was free a moment ago; three times in a row is something else.
const ATTEMPTS: usize = 3;

/// How long a server may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// How to start a server.
pub(crate) struct Plan<'a> {
    /// What it is called in messages; also the name of its log.
    pub(crate) name: &'static str,
    /// The folder of the servers.
    pub(crate) folder: &'a Path,
    /// Who runs it.
    pub(crate) user: Option<User>,
    /// Finds a free port for it.
    pub(crate) port: fn() -> Result<u16>,
    /// Whether the server on the port answers.
    pub(crate) answers: fn(u16) -> bool,
    /// The signal that asks it to end without saving anything.
    pub(crate) end: Signal,
}

struct Server {
    name: &'static str,
    port: u16,
    child: Child,
    log: PathBuf,
    end: Signal,
}

impl Plan<'_> {
    /// A command with a clean environment, whose output goes to the log.
    pub(crate) fn command(&self, program: &Path) -> Result<Command> {
        let open = || File::options().create(true).append(true).open(self.log());
        let output = open().context("cannot open a log")?;
        let errors = open().context("cannot open a log")?;
        let mut command = Command::new(program);
        command
            .current_dir(self.folder)
            // PGPORT, PGOPTIONS, LD_LIBRARY_PATH … of the developer are for others.
            .env_clear()
            .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        user::run_as(&mut command, self.user);
        Ok(command)
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn start(
        &self,
        command: impl Fn(u16) -> Result<Command>,
        stop: &Stop,
    ) -> Result<Box<dyn Running>> {
        let mut result = Err(Failure::new("never tried"));
        for _ in 0..ATTEMPTS {
            result = self.attempt(&command, stop);
            if result.is_ok() || stop.requested() {
                break;
            }
        }
        result
    }

    fn attempt(&self, command: impl Fn(u16) -> Result<Command>, stop: &Stop) -> Result<Box<dyn Running>> {
        let port = (self.port)()?;
        let child = command(port)?.spawn().context(format_args!("cannot start {}", self.name))?;
        let mut server = Server { name: self.name, port, child, log: self.log(), end: self.end };
        wait(&mut server, self.answers, stop)?;
        Ok(Box::new(server))
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    /// The failure of this server, with the end of its log.
    pub(crate) fn failure(&self, what: &str) -> Failure {
        failure(self.name, what, &self.log())
    }
}

impl Running for Server {
    fn name(&self) -> &'static str {
        self.name
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn check(&mut self) -> Result<()> {
        match self.child.try_wait().context(format_args!("cannot see {}", self.name))? {
            None => Ok(()),
            Some(status) => Err(failure(self.name, &format!("ended by itself ({status})"), &self.log)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for signal in [self.end, Signal::KILL] {
            // Not yet waited for, so the number is still this child's.
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            let _ = kill_process(Pid::from_child(&self.child), signal);
            let deadline = Instant::now() + GRACE;
            while Instant::now() < deadline {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(LOOK_AGAIN);
            }
        }
        warn(&format!("xtask: {} (process {}) does not end", self.name, self.child.id()));
    }
}

fn failure(name: &str, what: &str, log: &Path) -> Failure {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let (_, last) = lines.split_at(lines.len().saturating_sub(15));
    Failure::new(format!("{name} {what}; the end of its log:\n{}", last.join("\n")))
}
