//! What stands in the log: who, what and for which request, and no secret, whatever breaks.
//!
//! The log of a process begins once. So the test runs itself in a process of its own, and reads what that one said.

use crate::server::{ACCOUNTS, ADMIN, LOGIN, PASSWORD, Server, send};
use axum::extract::Request;
use axum::routing::get;
use axum::{Json, Router};
use clap::Parser;
use mono_auth::axum::{ApiError, Authenticated};
use mono_core::{Error, ErrorKind};
use mono_storage::testkit::{Backend, World, run};
use reference_server::{App, Config, start_log};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// Planted wherever a secret could be.
const CANARIES: [&str; 6] = [
    "canary-password-7391",
    "canary-cookie-7392",
    "canaryInAUrl7393",
    "canary-in-a-path-7394",
    "canary-in-a-field-7395",
    "canary-in-a-panic-7396",
];
/// A token and a key of the right shape, of nobody.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Y2FuYXJ5LXNpZ25hdHVyZQ";
const KEY: &str = "mono_live_AZ3kcanarycanary_0123456789canary_7a7a7a7a";

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    config: Config,
}

async fn panics(Authenticated(caller): Authenticated) -> Result<Json<Value>, ApiError> {
    tracing::warn!(password = CANARIES[4], new_token = CANARIES[4], kept = "told", "about to break: {TOKEN}");
    assert!(caller.tenant().is_err(), "{} {KEY}", CANARIES[5]);
    Ok(Json(json!({})))
}

async fn fails(request: Request) -> ApiError {
    let cause = format!(
        "could not reach postgres://mono:{}@db/mono with {:?} and Bearer {}",
        CANARIES[2],
        request.headers().get("authorization"),
        CANARIES[0]
    );
    ApiError(Error::internal(cause))
}

async fn away() -> ApiError {
    ApiError(
        Error::new(ErrorKind::Unavailable, "away", "it is away")
            .with_source(format!("redis://:{}@r", CANARIES[2])),
    )
}

fn routes() -> Router<App> {
    Router::new().route("/breaks", get(panics)).route("/fails", get(fails)).route("/away", get(away))
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the test that runs this reads what it says")]
async fn everything(world: World) {
    let server = Server::start_beside(world, routes()).await;
    let token = server.token(ADMIN).await;
    let tenant = server.world.harbour.id;
    for path in ["/breaks", "/fails", "/away", ACCOUNTS] {
        let request =
            server.get(path).bearer_auth(&token).header("x-request-id", format!("told-{}", path.len()));
        send(request.header("cookie", format!("other={}", CANARIES[1]))).await;
    }
    for request in [
        server.get(ACCOUNTS).bearer_auth(TOKEN),
        server.get(ACCOUNTS).header("x-api-key", KEY),
        server.get(ACCOUNTS).header("authorization", format!("Basic {}", CANARIES[0])),
        server.get(&format!("/nowhere/{}?token={}", CANARIES[3], CANARIES[3])),
        server.get(&format!("{ACCOUNTS}/{}", CANARIES[3])).bearer_auth(&token),
        server.post(LOGIN).json(&json!({"email": ADMIN, "password": CANARIES[0]})),
        server.post(LOGIN).json(&json!({"email": ADMIN, CANARIES[0]: PASSWORD})),
        server.post(LOGIN).body(CANARIES[0]),
        server.get(ACCOUNTS).header("cookie", format!("__Host-mono_access={}", CANARIES[1])),
        server.get(ACCOUNTS).header("x-request-id", CANARIES[0].repeat(4)),
    ] {
        assert!(send(request).await.status >= 400);
    }
    eprintln!("tenant={tenant} token={}", token.len());
    let signature = token.rsplit('.').next().unwrap();
    println!("own-secret {signature}");
}

/// Runs in the process of its own alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_process_that_logs() {
    let Ok(flags) = std::env::var("LOG_TEST") else { return };
    let flags = std::iter::once("mono").chain(flags.split(' '));
    start_log(&Program::parse_from(flags).config);
    run(Backend::Sqlite, everything).await;
}

/// What the process said on the standard error stream, and the secrets that it really had.
fn said(flags: &str) -> (String, Vec<String>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "logs::the_process_that_logs", "--nocapture"]).env("LOG_TEST", flags);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (out, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{out}\n{told}");
    let own = out.lines().filter_map(|line| line.split("own-secret ").nth(1));
    let own: Vec<String> = own.map(str::to_owned).collect();
    assert_eq!(own.len(), 1, "{out}");
    (told, own)
}

fn assert_no_secret(log: &str, own: &[String], canaries: &[&str]) {
    let own = own.iter().map(String::as_str).chain([TOKEN, KEY, PASSWORD, "$argon2"]);
    for secret in own.chain(canaries.iter().copied()) {
        let place = log.lines().find(|line| line.contains(secret));
        assert_eq!(place, None, "{secret} stands in the log");
    }
}

#[test]
fn in_production_a_line_is_an_object_and_holds_no_secret() {
    let flags = "--mode=production --log=trace,hyper=off,reqwest=off,hyper_util=off";
    let (log, own) = said(flags);
    assert_no_secret(&log, &own, &CANARIES);
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let find = |what: &dyn Fn(&Value) -> bool| {
        lines.iter().find(|line| what(line)).unwrap_or_else(|| panic!("not found in {log}")).clone()
    };
    let warned = find(&|line| line["kept"] == "told");
    assert_eq!(warned["level"], "WARN");
    assert_eq!(warned["module"], "http::logs");
    assert_eq!(warned["message"], "about to break: [hidden]");
    assert_eq!((&warned["password"], &warned["new_token"]), (&"[hidden]".into(), &"[hidden]".into()));
    assert_eq!(warned["correlation_id"], "told-7");
    assert_eq!(warned["action"], "GET /breaks");
    assert!(warned["user"].as_str().unwrap().starts_with("user:"));
    assert!(log.contains(&format!("tenant={}", warned["tenant"].as_str().unwrap())));
    assert!(warned["timestamp"].as_str().unwrap().ends_with('Z'));
    let panicked = find(&|line| line["message"].as_str().is_some_and(|words| words.starts_with("panic: ")));
    assert_eq!(panicked["level"], "ERROR");
    assert!(panicked["place"].as_str().unwrap().contains("logs.rs"), "{panicked}");
    let answered = find(&|line| line["module"] == "mono::access" && line["action"] == "GET /breaks");
    assert_eq!((&answered["status"], &answered["level"]), (&500.into(), &"INFO".into()));
    assert!(answered["milliseconds"].is_number() && answered["tenant"] == warned["tenant"]);
    let failed = find(&|line| line["action"] == "GET /fails" && line["level"] == "ERROR");
    assert!(failed["source"].as_str().unwrap().contains("postgres://[hidden]@db/mono"), "{failed}");
}

#[test]
fn people_read_lines_and_builders_the_words_of_a_panic() {
    let (log, own) = said("--log=debug,hyper=off,reqwest=off,hyper_util=off");
    let (of_panic, rest) = (CANARIES[5], &CANARIES[..5]);
    assert_no_secret(&log, &own, rest);
    let panicked = log.lines().find(|line| line.contains("panic: ")).unwrap();
    assert!(panicked.contains(of_panic) && panicked.contains("ERROR"), "{panicked}");
    assert!(
        log.contains(
            "WARN http::logs: about to break: [hidden] action=\"GET /breaks\" correlation_id=told-7"
        ),
        "{log}"
    );
}
