//! `mono permission …` as an operator meets it: the real program, a policy file and a database.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod database;
mod policy;

use std::io::Write as _;
use std::process::{Command, Stdio};

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/policies/harbour.json");
const STARTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mono-core/data/starter.json");
const HARBOUR: &str = "tenant:00000000-0000-0000-0000-00000000000a";
const MARINA: &str = "tenant:00000000-0000-0000-0000-00000000000b";
const COMPANY: &str =
    "tenant:00000000-0000-0000-0000-00000000000a/account:00000000-0000-0000-0000-0000000000a1";
const SUSPENDED: &str =
    "tenant:00000000-0000-0000-0000-00000000000a/account:00000000-0000-0000-0000-0000000000a2";

/// What the program said, and its exit code.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// Runs `mono` with nothing in its environment.
fn mono(arguments: &[&str], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mono"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not want its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn permission(arguments: &[&str]) -> Said {
    mono(&[&["permission"], arguments].concat(), "")
}
