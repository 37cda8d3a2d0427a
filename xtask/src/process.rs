//! Runs a program in a process group of its own, so that it and all it started can be ended together.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::failure::{Context, Failure, Result};
use crate::output::say;
use crate::stop::Stop;

/// How often a waiting loop looks again.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long a group may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A running program and everything it started.
pub(crate) struct Group {
    child: Child,
    text: String,
}

impl Group {
    /// Starts the program without input. Ctrl-C in the terminal does not reach it: we decide when it ends.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let text = text(command);
        say(&format!("==> {text}"));
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .context(format_args!("cannot start `{text}`"))?;
        Ok(Self { child, text })
    }

    /// The number of the process group.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end and fails unless it was a success. A request to stop ends the whole group first.
    pub(crate) fn wait(mut self, stop: &Stop) -> Result<()> {
        loop {
            if let Some(status) = self.ended()? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(Failure::new(format!("`{}` failed ({status})", self.text)))
                };
            }
            if let Err(interrupted) = stop.check() {
                let id = self.id();
                end_group(id, || self.child.try_wait().is_ok());
                return Err(interrupted);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context(format_args!("cannot wait for `{}`", self.text))
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command, stop: &Stop) -> Result<()> {
    stop.check()?;
    Group::spawn(command)?.wait(stop)
}

/// Asks a process group to end, and kills what is left after a grace period.
///
/// `reap` is called while waiting: the leader counts as a member until its parent has waited for it.
pub(crate) fn end_group(id: u32, mut reap: impl FnMut() -> bool) {
    let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return };
    // An error of `kill` says that nobody is left, which is what we want.
    let _ = kill_process_group(group, Signal::TERM);
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        let reaped = reap();
        if reaped && test_kill_process_group(group).is_err() {
            return;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    let _ = kill_process_group(group, Signal::KILL);
}

/// The standard output of a short program.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let text = text(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context(format_args!("cannot start `{text}`"))?;
    if output.status.success() {
        String::from_utf8(output.stdout).context(format_args!("`{text}` wrote no text"))
    } else {
        Err(Failure::new(format!("`{text}` failed ({})", output.status)))
    }
}

/// The command as one would type it.
fn text(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_command_is_shown_as_typed() {
        assert_eq!(text(Command::new("/usr/bin/cargo").args(["fmt", "--all"])), "cargo fmt --all");
    }

    #[test]
    fn a_bad_end_is_a_failure_with_its_status() {
        let failure = run(Command::new("sh").args(["-c", "exit 3"]), &Stop::default()).unwrap_err();
        assert_eq!(failure.to_string(), "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn a_stop_ends_grandchildren_too() {
        let stop = Stop::default();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = Command::new("sh");
        let group = Group::spawn(command.args(["-c", "sleep 600 & sleep 600"]).stdout(writer)).unwrap();
        drop(command);
        stop.request();
        assert_eq!(group.wait(&stop), Err(Failure::interrupted(1)));
        // The pipe ends when nobody holds it any more.
        reader.read_to_end(&mut Vec::new()).unwrap();
    }
}
