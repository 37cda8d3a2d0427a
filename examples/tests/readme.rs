//! Runs what README.md shows: every `console` block, line by line, against a real server.
//!
//! In a `console` block a line that begins with `$ ` is a command (one that ends with `\` goes on), the lines below it
//! are the answer, and `…` in an answer stands for any text. The first block that starts the server begins a session
//! on SQLite; the one with `--database-url` is how the same session is begun on PostgreSQL.
#![cfg(unix)]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

use mono_storage::testkit::{Backend, TestDatabase};
use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const README: &str = include_str!("../../README.md");
const START: &str = "cargo run --package reference-server";
const MONO: &str = env!("CARGO_BIN_EXE_server-of-the-readme");

/// The URLs in the README, and the variables that hold the real ones of a test.
const URLS: [(&str, &str); 2] = [
    ("MONO_DATABASE_URL", "postgres://mono_app:secret@localhost/mono"),
    ("MONO_DATABASE_OWNER_URL", "postgres://postgres@localhost/mono"),
];

/// `cargo run` without the build: this test has built all of it.
const CARGO: &str = r#"
cargo() {
    case "$*" in
        "run --quiet --package reference-server -- "*) shift 5; "$MONO" "$@" ;;
        "run --quiet --package examples --bin "*) "$PROGRAMS/$6" ;;
        *) echo "the test of the README does not know: cargo $*" ;;
    esac
}
"#;

struct Step {
    command: String,
    answer: String,
}

/// The blocks of one language, without their fences.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let parts = README.split("\n```").skip(1).step_by(2);
    parts.filter_map(move |part| {
        part.split_once('\n').filter(|(info, _)| *info == language).map(|(_, text)| text)
    })
}

fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks("console") {
        let mut continued = false;
        for line in block.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command: command.to_owned(), answer: String::new() }),
                (None, Some(step)) if continued => step.command = format!("{}\n{line}", step.command),
                (None, Some(step)) => step.answer = format!("{}{line}\n", step.answer),
                (None, None) => panic!("a console block begins with a command, not with {line:?}"),
            }
            continued = line.ends_with('\\');
        }
    }
    steps
}

/// Whether a text is as the README shows it; `…` stands for any text.
fn fits(shown: &str, text: &str) -> bool {
    let mut pieces = shown.trim().split('…');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut end = "";
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        (end, rest) = (piece, &rest[at + piece.len()..]);
    }
    rest.is_empty() || (shown.contains('…') && (end.is_empty() || rest.ends_with(end)))
}

/// A program in a folder, with these settings of mono and no others.
fn command(program: &str, folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"MONO_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).envs(variables.iter().copied());
    command
}

/// A server, stopped when the test ends, however it ends.
struct Server {
    process: Child,
    /// Kept open: a program that cannot speak stops.
    output: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts it as the README does, on a free port, and compares what it says when it is ready.
    fn start(folder: &Path, shown: &Step, variables: &[(&str, &str)]) -> Self {
        let log = folder.join("server.log");
        let (_, flags) = shown.command.split_once(" -- ").unwrap_or_default();
        let flags = URLS
            .iter()
            .zip(variables)
            .fold(flags.replace('\\', " "), |flags, ((_, shown), (_, real))| flags.replace(shown, real));
        let mut process = command(MONO, folder, &[])
            .args(["--listen", "127.0.0.1:0"])
            .args(flags.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut server = Self { process, output, address: String::new() };
        let count = shown.answer.trim().lines().count();
        let said: Vec<String> = server.output.by_ref().take(count).map(Result::unwrap).collect();
        let first = said.first().unwrap_or_else(|| panic!("{}", std::fs::read_to_string(&log).unwrap()));
        let address = first.split_whitespace().find_map(|word| word.strip_prefix("http://"));
        server.address = address.map_or_else(|| panic!("no address in {first:?}"), str::to_owned);
        let said = said.join("\n").replace(&server.address, "127.0.0.1:8080");
        assert!(fits(&shown.answer, &said), "the README shows\n{}\nthe server says\n{said}", shown.answer);
        server
    }
}

/// Runs all commands in one shell and compares every answer.
fn run(folder: &Path, server: &Server, steps: &[&Step], variables: &[(&str, &str)]) {
    const MARK: &str = "---8<---";
    let commands = steps.iter().map(|step| step.command.replace("127.0.0.1:8080", &server.address));
    let script: Vec<String> = commands.map(|command| format!("echo '{MARK}'\n{command}\n")).collect();
    let output = command("bash", folder, variables)
        .args(["-c", &format!("exec 2>&1\n{CARGO}{}", script.concat())])
        .env("MONO", MONO)
        .env("PROGRAMS", Path::new(MONO).parent().unwrap())
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = output.split(MARK).skip(1).collect();
    assert_eq!(answers.len(), steps.len(), "{output}");
    for (step, answer) in steps.iter().zip(answers) {
        let (command, shown) = (&step.command, step.answer.trim());
        assert!(fits(shown, answer.trim()), "$ {command}\n{}\nbut the README shows\n{shown}", answer.trim());
    }
}

/// The whole of the README once, the server started by the step that `wanted` chooses.
fn session(wanted: impl Fn(&str) -> bool, variables: &[(&str, &str)]) {
    let steps = steps();
    let is_start = |step: &&Step| step.command.starts_with(START);
    let start = steps.iter().filter(is_start).find(|step| wanted(&step.command)).unwrap();
    let others: Vec<&Step> = steps.iter().filter(|step| !is_start(step)).collect();
    assert!(others.len() > 10, "the README has lost its commands");
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(workspace().join("examples"), folder.path().join("examples")).unwrap();
    let server = Server::start(folder.path(), start, variables);
    run(folder.path(), &server, &others, variables);
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

#[test]
fn the_commands_answer_as_shown_on_sqlite() {
    session(|command| command == START, &[]);
}

#[tokio::test]
async fn the_commands_answer_as_shown_on_postgres() {
    let Some(test) = TestDatabase::create(Backend::Postgres).await else { return };
    let owner_url = test.owner_url.clone().unwrap();
    let [(url, _), (owner, _)] = URLS;
    let variables = [(url, test.url.as_str()), (owner, owner_url.as_str())];
    test.database.close().await;
    session(|command| command.contains("--database-url"), &variables);
}

#[test]
fn the_programs_are_those_of_the_folder() {
    let files = ["permissions.rs", "storage.rs"];
    let programs = files
        .map(|file| std::fs::read_to_string(workspace().join("examples/quickstart").join(file)).unwrap());
    let mut shown = blocks("rust").map(str::trim);
    for program in &programs {
        // The first line says what the program is, which the README says around the block.
        let (_, program) = program.split_once("\n\n").unwrap();
        assert_eq!(shown.next(), Some(program.trim()));
    }
    assert_eq!(shown.next(), None, "a program of the README is not in examples/quickstart");
}

#[test]
fn an_ellipsis_stands_for_any_text() {
    assert!(fits("{\"id\":\"…\",\"name\":\"A\"}", "{\"id\":\"01\",\"name\":\"A\"}"));
    assert!(fits("a…", "abc") && fits("…c", "abc") && fits("\n", ""));
    assert!(!fits("{\"id\":\"…\",\"name\":\"A\"}", "{\"id\":\"01\",\"name\":\"B\"}"));
    assert!(!fits("a", "ab") && !fits("a…c", "abd") && !fits("a…c", "b"));
}
