//! `cargo xtask check`: everything that needs no database.

use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::metadata;
use crate::output::say;
use crate::process::{output_of, run as run_command};
use crate::step::Steps;
use crate::stop::Stop;
use crate::workspace::{cargo, root};

// The benches have a feature that compiles other engines, to compare with: minutes, and none of them is shipped. So
// they are looked at apart, without their features.
const CLIPPY: [&str; 9] = [
    "clippy",
    "--workspace",
    "--exclude",
    "benches",
    "--all-targets",
    "--all-features",
    "--",
    "-D",
    "warnings",
];
const CLIPPY_BENCHES: [&str; 7] = ["clippy", "--package", "benches", "--all-targets", "--", "-D", "warnings"];
const DOC: [&str; 6] = ["doc", "--workspace", "--exclude", "benches", "--no-deps", "--all-features"];
const CORE_TREE: [&str; 9] = [
    "tree",
    "--package",
    "mono-core",
    "--no-default-features",
    "--edges",
    "normal",
    "--prefix",
    "none",
    "--quiet",
];

/// The target of browsers.
const BROWSER: &str = "wasm32-unknown-unknown";
const CLIENT_IN_BROWSER: [&str; 5] = ["check", "--package", "mono-client", "--target", BROWSER];

/// Libraries that do I/O; mono-core touches memory only.
const NOT_IN_CORE: [&str; 4] = ["axum", "reqwest", "sqlx", "tokio"];

/// Runs every check, cheapest first.
pub(crate) fn run(steps: &mut Steps, stop: &Stop) -> Result<()> {
    steps.step("format", || run_command(cargo().args(["fmt", "--all", "--check"]), stop))?;
    steps.step("mono-core is pure", core_is_pure)?;
    steps.step("clippy", || run_command(cargo().args(CLIPPY), stop))?;
    steps.step("clippy of the benches", || run_command(cargo().args(CLIPPY_BENCHES), stop))?;
    steps.step("docs", || run_command(cargo().args(DOC).env("RUSTDOCFLAGS", "-D warnings"), stop))?;
    for package in metadata::packages()? {
        // The workspace can build while one package does not: features of neighbours leak in.
        steps.step(&format!("{} alone", package.name), || {
            package.checks().iter().try_for_each(|check| run_command(cargo().args(check), stop))
        })?;
    }
    if has_target(BROWSER)? {
        steps.step("mono-client for wasm32", || run_command(cargo().args(CLIENT_IN_BROWSER), stop))
    } else {
        say(&format!(
            "xtask: SKIPPED mono-client for wasm32: this machine lacks the target (rustup target add {BROWSER})"
        ));
        Ok(())
    }
}

/// Whether the compiler has the standard library of a target.
fn has_target(target: &str) -> Result<bool> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(compiler);
    command.args(["--print", "target-libdir", "--target", target]).current_dir(root());
    Ok(Path::new(output_of(&mut command)?.trim()).is_dir())
}

fn core_is_pure() -> Result<()> {
    let found = impure(&output_of(cargo().args(CORE_TREE))?);
    if found.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("mono-core is pure, but it depends on {}", found.join(", "))))
    }
}

/// The packages of the tree that are, or belong to, a library that does I/O.
fn impure(tree: &str) -> Vec<String> {
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let mut found: Vec<String> = names.filter(|name| is_impure(name)).map(String::from).collect();
    found.sort();
    found.dedup();
    found
}

fn is_impure(name: &str) -> bool {
    NOT_IN_CORE.iter().any(|library| {
        name.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_do_input_and_output_are_found() {
        let tree = "mono-core v0.1.0 (/mono/mono-core)\nserde v1.0.0\nsqlx-core v0.9.0\ntokio v1.0.0\ntokio v1.0.0 (*)\n";
        assert_eq!(impure(tree), ["sqlx-core", "tokio"]);
        assert!(impure("mono-core v0.1.0\ntokioish v1.0.0\n").is_empty());
    }

    #[test]
    fn the_target_of_this_machine_is_there_and_one_without_a_standard_library_is_not() {
        let version = output_of(Command::new("rustc").arg("-vV")).unwrap();
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        assert!(has_target(host).unwrap());
        assert!(!has_target("avr-none").unwrap(), "it has none");
    }
}
