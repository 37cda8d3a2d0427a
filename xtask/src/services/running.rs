//! What a started server can be asked, be it a process or a container. Dropping it stops it.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::process::LOOK_AGAIN;
use crate::stop::Stop;

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that was started.
pub(crate) trait Running {
    /// What it is called in messages.
    fn name(&self) -> &'static str;

    /// The port on 127.0.0.1.
    fn port(&self) -> u16;

    /// Fails when the server ended by itself.
    fn check(&mut self) -> Result<()>;
}

/// Waits until the server answers in its own protocol.
pub(crate) fn wait(running: &mut dyn Running, answers: fn(u16) -> bool, stop: &Stop) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        stop.check()?;
        running.check()?;
        if answers(running.port()) {
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Err(Failure::new(format!("{} did not answer within {} s", running.name(), PATIENCE.as_secs())))
}
