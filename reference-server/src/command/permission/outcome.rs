//! What a question ends with: lines on the standard output, and an exit code.

use mono_core::Error;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

/// The exit code of a refusal, and of findings.
const NEGATIVE: u8 = 3;

/// The lines of an answer and whether it is a good one.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) lines: Vec<String>,
    pub(super) positive: bool,
}

impl Outcome {
    /// An answer that has nothing to complain about.
    pub(super) fn positive(lines: impl IntoIterator<Item = String>) -> Self {
        Self { lines: lines.into_iter().collect(), positive: true }
    }

    /// Prints the lines and gives the exit code.
    pub(super) fn print(&self) -> Result<ExitCode, Error> {
        let text: String = self.lines.iter().map(|line| printable(line) + "\n").collect();
        match std::io::stdout().lock().write_all(text.as_bytes()) {
            // Whoever reads may have seen enough, as `head` does.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::internal(error)),
            _ => Ok(if self.positive { ExitCode::SUCCESS } else { ExitCode::from(NEGATIVE) }),
        }
    }
}

/// Says something beside the answer, on the standard error stream.
#[expect(clippy::print_stderr, reason = "a command speaks to the person who called it")]
pub(super) fn warn(message: &str) {
    eprintln!("mono: {}", printable(message));
}

/// The text on one line, with nothing that steers a terminal: what stands in a file may be anybody's.
pub(super) fn printable(text: &str) -> String {
    let shown = |letter: char| {
        if letter.is_control() { letter.escape_default().collect() } else { letter.to_string() }
    };
    text.chars().map(shown).collect()
}
