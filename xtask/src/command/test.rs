//! `cargo xtask test`: every test, on servers that nobody else uses.

use std::process::Command;

use crate::conformance;
use crate::failure::Result;
use crate::output::say;
use crate::services::Services;
use crate::step::Steps;
use crate::stop::Stop;
use crate::workspace::{cargo, root};

const BINDINGS: &str = "mono-bindings/tests/python/run.py";

/// Starts the servers, runs the tests, stops the servers.
pub(crate) fn run(arguments: &[&str], steps: &mut Steps, stop: &Stop) -> Result<()> {
    let mut services = steps.step("start services", || Services::start(stop))?;
    let result = if arguments.is_empty() {
        everything(&mut services, steps, stop)
    } else {
        say("xtask: arguments given, so ONLY `cargo test` runs, with these arguments");
        let mut command = cargo();
        command.args(["test", "--all-features"]).args(arguments);
        steps.step("tests", || services.run(&mut command, stop))
    };
    let summary = conformance::summary(&services.report());
    let stopped = steps.step("stop services", || services.stop());
    say(&format!("\n{summary}"));
    result.and(stopped)
}

/// Unit, integration and doc tests of all members with all features, then the bindings from outside.
fn everything(services: &mut Services, steps: &mut Steps, stop: &Stop) -> Result<()> {
    let all = ["test", "--workspace", "--all-features"];
    steps.step("build tests", || services.run(cargo().args(all).arg("--no-run"), stop))?;
    steps.step("tests", || services.run(cargo().args(all).arg("--no-fail-fast"), stop))?;
    if !root().join(BINDINGS).exists() {
        say(&format!("xtask: SKIPPED the Python test of the bindings: there is no {BINDINGS}"));
        return Ok(());
    }
    let mut python = Command::new("python3");
    python.arg(BINDINGS).current_dir(root());
    steps.step("bindings in Python", || services.run(&mut python, stop))
}
