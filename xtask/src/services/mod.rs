//! The private PostgreSQL, Redis and Redis Cluster of the tests.
//!
//! A second process of this program, the [keeper], owns the servers and their folder. It takes them away when the
//! pipe to this process closes, so nothing stays behind even if this process panics or is killed with SIGKILL.
//! Only a SIGKILL of the keeper itself leaves servers running.

pub(crate) mod binaries;
mod cluster;
mod docker;
pub(crate) mod install;
pub(crate) mod keeper;
mod port;
mod postgres;
mod redis;
mod running;
mod server;
mod smtp;
mod user;

use std::io::{BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use crate::failure::{Context, Failure, Result};
use crate::process::Group;
use crate::services::keeper::Addresses;
use crate::stop::Stop;

/// The running servers, seen from the command that uses them. Dropping it stops them.
pub(crate) struct Services {
    keeper: Child,
    /// While this pipe is open the keeper keeps.
    input: Option<ChildStdin>,
    addresses: Addresses,
}

impl Services {
    /// Starts the servers; installs them first where that is possible.
    pub(crate) fn start(stop: &Stop) -> Result<Self> {
        install::make_available(stop)?;
        let program = std::env::current_exe().context("cannot find the xtask program")?;
        let mut keeper = Command::new(program)
            .arg(keeper::COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C in the terminal is for us; the keeper ends after the tests.
            .process_group(0)
            .spawn()
            .context("cannot start the keeper of the servers")?;
        let input = keeper.stdin.take();
        let output = keeper.stdout.take();
        let mut services = Self { keeper, input, addresses: Addresses::default() };
        let Some(addresses) = output.and_then(|output| Addresses::read(BufReader::new(output))) else {
            return Err(Failure::new("the servers of the tests did not start"));
        };
        services.addresses = addresses;
        stop.check()?;
        Ok(services)
    }

    /// What the tests find in their environment.
    pub(crate) fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("MONO_TEST_POSTGRES_URL", &self.addresses.postgres),
            ("MONO_TEST_REDIS_URL", &self.addresses.redis),
            ("MONO_TEST_REDIS_CLUSTER_URL", &self.addresses.redis_cluster),
            ("MONO_TEST_SMTP_URL", &self.addresses.smtp),
            ("MONO_TEST_SMTP_FOLDER", &self.addresses.mails),
        ]
    }

    /// Runs a command that uses the servers to its end.
    pub(crate) fn run(&mut self, command: &mut Command, stop: &Stop) -> Result<()> {
        stop.check()?;
        command.envs(self.environment()).env("MONO_TEST_REPORT", &self.addresses.report);
        let group = Group::spawn(command)?;
        let told = self.tell(group.id());
        let result = group.wait(stop);
        // Also after a failure: the number may soon belong to somebody else.
        let told = told.and_then(|()| self.tell(keeper::NOBODY));
        result.and(told)
    }

    /// What the tests wrote into their report so far.
    pub(crate) fn report(&self) -> String {
        // No file means that no test had anything to report.
        std::fs::read_to_string(&self.addresses.report).unwrap_or_default()
    }

    /// Fails when the servers have gone.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.keeper.try_wait().context("cannot see the keeper of the servers")? {
            None => Ok(()),
            Some(status) => Err(gone(status)),
        }
    }

    /// Stops the servers and removes their data.
    pub(crate) fn stop(mut self) -> Result<()> {
        let status = self.end()?;
        if status.success() { Ok(()) } else { Err(gone(status)) }
    }

    /// Tells the keeper which process group to end if we are killed.
    fn tell(&mut self, group: u32) -> Result<()> {
        match &mut self.input {
            Some(input) => writeln!(input, "{group}").context("the servers have gone"),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<ExitStatus> {
        self.input = None;
        self.keeper.wait().context("cannot wait for the keeper of the servers")
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // The keeper has said on standard error what went wrong, if anything did.
        let _ = self.end();
    }
}

fn gone(status: ExitStatus) -> Failure {
    Failure::new(format!("the servers of the tests did not end well ({status})"))
}
