//! Runs the program and speaks with it.

use mono_storage::testkit::{Backend, TestDatabase};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The program with a data folder, a free port, and nothing from the environment of the test.
pub(crate) fn mono(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mono"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MONO_")) {
        command.env_remove(name);
    }
    command.env("MONO_DATA_DIRECTORY", folder).env("MONO_LISTEN", "127.0.0.1:0").env("NO_PROXY", "*");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A database server with the tables in it, or none where the environment names none.
pub(crate) async fn postgres() -> Option<TestDatabase> {
    TestDatabase::create(Backend::Postgres).await
}

pub(crate) fn run(mut command: Command) -> Output {
    command.output().unwrap()
}

/// A server that is ready. It is killed where a test ends without stopping it.
pub(crate) struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: Receiver<String>,
    /// Every line of the log that was read so far.
    pub(crate) lines: Vec<String>,
    /// What it said on the way up.
    pub(crate) banner: String,
}

impl Serving {
    /// Starts the server and waits for its banner to be whole: to the last line of the demo, where there is one.
    pub(crate) fn start(command: &mut Command, demo: bool) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        let whole = |banner: &str| {
            let last = if demo { "/api/v1/tenant/accounts -H" } else { "mono is ready at" };
            banner.contains(last) && banner.ends_with('\n')
        };
        while !whole(&banner) {
            if stdout.read_line(&mut banner).unwrap() == 0 {
                let _ = child.wait();
                panic!(
                    "it ended before it was ready: {banner}\n{}",
                    log.iter().collect::<Vec<_>>().join("\n")
                );
            }
        }
        Self { child, stdout, log, lines: Vec::new(), banner }
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> &str {
        let rest = self.banner.split_once("http://").unwrap().1;
        rest.split_whitespace().next().unwrap()
    }

    /// The password of the demo, as the banner tells it.
    pub(crate) fn password(&self) -> &str {
        self.banner.split_once("with the password ").unwrap().1.lines().next().unwrap()
    }

    /// Reads the log until a line holds this text. The time is that of a server that hangs, not of a slow one.
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        loop {
            let line = self
                .log
                .recv_timeout(Duration::from_mins(1))
                .unwrap_or_else(|_| panic!("{text} was not logged: {:?}", self.lines));
            let found = line.contains(text);
            self.lines.push(line);
            if found {
                return;
            }
        }
    }

    /// Whether a line that was logged until now holds this text.
    pub(crate) fn has_logged(&mut self, text: &str) -> bool {
        self.lines.extend(self.log.try_iter());
        self.lines.iter().any(|line| line.contains(text))
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let signal = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(signal.unwrap().success());
    }

    /// Waits for the end; gives the exit code and everything that was said after the banner.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut said = std::mem::take(&mut self.lines).join("\n");
        said.extend(self.log.iter().map(|line| format!("\n{line}")));
        self.stdout.read_to_string(&mut said).unwrap();
        (code, said)
    }

    pub(crate) fn stop(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
