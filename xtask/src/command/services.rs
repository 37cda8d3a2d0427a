//! `cargo xtask services`: the servers of the tests, until Ctrl-C.

use crate::failure::Result;
use crate::output::say;
use crate::process::LOOK_AGAIN;
use crate::services::Services;
use crate::stop::Stop;

/// Starts the servers and keeps them until somebody asks to stop, which is the good end here.
pub(crate) fn run(stop: &Stop) -> Result<()> {
    let mut services = Services::start(stop)?;
    for (name, value) in services.environment() {
        say(&format!("export {name}={value}"));
    }
    say("# running; Ctrl-C stops the servers and removes their data");
    while !stop.requested() {
        services.check()?;
        std::thread::sleep(LOOK_AGAIN);
    }
    services.stop()
}
