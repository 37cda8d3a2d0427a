//! Why a command stopped: a sentence for people and an exit code for scripts.

use std::fmt;

/// The result of everything in this crate.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// A failure that ends the command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    exit_code: u8,
    message: String,
}

impl Failure {
    /// Something did not work: exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { exit_code: 1, message: message.into() }
    }

    /// The person has to change something first (an argument, a missing program): exit code 2.
    pub(crate) fn setup(message: impl Into<String>) -> Self {
        Self { exit_code: 2, message: message.into() }
    }

    /// A signal asked to stop: exit code 128 + signal, as shells do.
    pub(crate) fn interrupted(signal: u8) -> Self {
        Self { exit_code: 128_u8.saturating_add(signal), message: format!("stopped by signal {signal}") }
    }

    /// What the process answers with.
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Says what was being done when an error came up.
pub(crate) trait Context<T> {
    /// Turns the error into a failure that starts with `doing`.
    fn context(self, doing: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, doing: impl fmt::Display) -> Result<T> {
        self.map_err(|source| Failure::new(format!("{doing}: {source}")))
    }
}
