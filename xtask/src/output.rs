//! Lines for people. A closed terminal is no reason to stop half-way: the clean-up must still run.

use std::io::Write;

/// A line on standard output.
pub(crate) fn say(line: &str) {
    // `println!` would panic when nobody reads any more.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line on standard error.
pub(crate) fn warn(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
