//! `cargo xtask test`: every test, on servers that nobody else uses.

use crate::command::bindings;
use crate::conformance;
use crate::failure::Result;
use crate::output::say;
use crate::services::Services;
use crate::step::Steps;
use crate::stop::Stop;
use crate::workspace::cargo;

/// Starts the servers, runs the tests, stops the servers.
pub(crate) fn run(arguments: &[&str], steps: &mut Steps, stop: &Stop) -> Result<()> {
    let mut services = steps.step("start services", || Services::start(stop))?;
    let result = if arguments.is_empty() {
        everything(&mut services, steps, stop)
    } else {
        say("xtask: arguments given, so ONLY `cargo test` runs, with these arguments");
        let mut command = cargo();
        command.args(["test", "--all-features"]).args(members(arguments)).args(arguments);
        steps.step("tests", || services.run(&mut command, stop))
    };
    let summary = conformance::summary(&services.report());
    let stopped = steps.step("stop services", || services.stop());
    say(&format!("\n{summary}"));
    result.and(stopped)
}

/// Which members are tested where the arguments name none: all but the benches.
///
/// These hold no tests, and all their features are other engines, to compare with, that take minutes to compile and
/// bring features of shared libraries along (`preserve_order` of `serde_json`), with which the others would be tested.
fn members(arguments: &[&str]) -> Vec<&'static str> {
    let named = |argument: &&&str| {
        argument.starts_with("-p") || argument.starts_with("--package") || argument.starts_with("--workspace")
    };
    let own = arguments.iter().take_while(|argument| **argument != "--");
    if own.filter(named).count() > 0 { vec![] } else { vec!["--workspace", "--exclude", "benches"] }
}

/// Unit, integration and doc tests of all members but the benches with all features, then the bindings from outside.
fn everything(services: &mut Services, steps: &mut Steps, stop: &Stop) -> Result<()> {
    let all = [&["test", "--all-features"], &members(&[])[..]].concat();
    steps.step("build tests", || services.run(cargo().args(&all).arg("--no-run"), stop))?;
    steps.step("tests", || services.run(cargo().args(&all).arg("--no-fail-fast"), stop))?;
    bindings::run(services, steps, stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_benches_are_tested_only_where_they_are_named() {
        let rest = ["--workspace", "--exclude", "benches"];
        assert_eq!(members(&[]), rest);
        assert_eq!(members(&["covers", "--", "--package"]), rest);
        assert!(members(&["-p", "mono-core"]).is_empty());
        assert!(members(&["--package=mono-core", "covers"]).is_empty());
    }
}
