//! Reading a policy file.

use super::outcome::{printable, warn};
use mono_core::permission::{LoadedPolicy, Policy};
use mono_core::{Error, Problem};
use std::io::Read as _;
use std::path::Path;

/// The text of a policy file; `-` stands for the standard input.
pub(super) fn read(file: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let result = if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|content| text = content)
    };
    result.map_err(|error| {
        let message = format!("{} cannot be read", file.display());
        Error::invalid("policy", "unreadable", message).with_source(error)
    })?;
    Ok(text)
}

/// A policy file in force. What could not be understood in it is told on the standard error stream.
pub(super) fn load(file: &Path) -> Result<LoadedPolicy, Error> {
    let plain = |problem: Problem| Problem {
        field: printable(&problem.field),
        message: printable(&problem.message),
        ..problem
    };
    let text = read(file)?;
    let loaded = Policy::load(&text)
        .map_err(|problems| Error::validation(problems.into_iter().map(plain).collect()))?;
    loaded.problems.iter().for_each(|problem| warn(&problem.to_string()));
    Ok(loaded)
}
