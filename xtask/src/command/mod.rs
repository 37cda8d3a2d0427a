//! The commands, and how a command line becomes one of them.

mod bindings;
mod check;
mod help;
mod mutants;
mod services;
mod test;

use crate::failure::{Failure, Result};
use crate::output::say;
use crate::services::keeper;
use crate::step::Steps;
use crate::stop::Stop;

/// Runs the command that the arguments name.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check"] => timed(check::run),
        ["test"] => timed(|steps, stop| test::run(&[], steps, stop)),
        ["test", "--", rest @ ..] => timed(|steps, stop| test::run(rest, steps, stop)),
        ["ci"] => timed(|steps, stop| {
            check::run(steps, stop)?;
            test::run(&[], steps, stop)
        }),
        ["mutants"] => timed(mutants::run),
        ["services"] => services::run(&Stop::on_signals()?),
        [keeper::COMMAND] => keeper::run(&Stop::on_signals()?),
        [] | ["help" | "--help" | "-h"] => {
            say(help::TEXT);
            Ok(())
        }
        other => Err(Failure::setup(format!("unknown command `{}`\n\n{}", other.join(" "), help::TEXT))),
    }
}

/// Runs the work and prints how long each step took, whatever the end.
fn timed(work: impl FnOnce(&mut Steps, &Stop) -> Result<()>) -> Result<()> {
    let mut steps = Steps::default();
    let result = work(&mut steps, &Stop::on_signals()?);
    say(&steps.summary());
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_refused_with_the_help() {
        let failure = run(&["tset".into()]).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().starts_with("unknown command `tset`\n"), "{failure}");
    }

    #[test]
    fn arguments_for_cargo_test_need_the_two_dashes() {
        assert_eq!(run(&["test".into(), "name".into()]).unwrap_err().exit_code(), 2);
    }
}
