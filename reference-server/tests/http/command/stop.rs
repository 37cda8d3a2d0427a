//! The end: no request is cut.

use super::program::{Serving, mono, postgres};
use mono_client::Client;
use mono_core::api::accounts::ListAccounts;
use mono_core::api::auth::LoginRequest;
use mono_core::time::Clock;
use mono_storage::system::SystemClock;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

/// Begins a login whose body comes later, stops the server meanwhile, and sees the login through.
fn stop_during_a_request(server: &mut Serving, signal: &str) -> String {
    let body = format!(r#"{{"email":"tom@harbour.example","password":"{}"}}"#, server.password());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    // Asked with `Expect`, the server says when the handler begins to read: from then on the request is under way.
    write!(
        stream,
        "POST /api/v1/public/auth/login HTTP/1.1\r\nHost: mono\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    )
    .unwrap();
    let mut begun = [0_u8; 25];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100 Continue\r\n\r\n");
    let (first, second) = body.split_at(10);
    stream.write_all(first.as_bytes()).unwrap();
    server.signal(signal);
    server.wait_for_log("stopping");
    stream.write_all(second.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The status that the server gives for a path on a new connection; none where it takes no connection.
fn status(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: mono\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split(' ').nth(1)?.to_owned())
}

#[test]
fn whoever_shares_requests_out_is_told_first_and_then_no_connection_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Serving::start(mono(folder.path()).env("MONO_STOP_DELAY_SECONDS", "6"), true);
    let address = server.address().to_owned();
    server.wait_for_log("ready after ");
    let story = server.lines.last().unwrap();
    assert!(
        ["settings ", "tables ", "database and its isolation ", "keys ", "catalogue "]
            .iter()
            .all(|phase| story.contains(phase)),
        "{story}"
    );
    assert_eq!(status(&address, "/ready").as_deref(), Some("200"));
    let body = format!(r#"{{"email":"tom@harbour.example","password":"{}"}}"#, server.password());
    let mut slow = TcpStream::connect(&address).unwrap();
    write!(
        slow,
        "POST /api/v1/public/auth/login HTTP/1.1\r\nHost: mono\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    )
    .unwrap();
    let mut begun = [0_u8; 25];
    slow.read_exact(&mut begun).unwrap();
    server.signal("TERM");
    server.wait_for_log("told to stop");
    assert_eq!(status(&address, "/ready").as_deref(), Some("503"));
    assert_eq!(status(&address, "/ping").as_deref(), Some("200"), "what comes meanwhile is served");
    server.wait_for_log("stopping: open requests");
    assert_eq!(status(&address, "/ping"), None, "no new connection is taken");
    slow.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("accessToken"), "{answer}");
    assert_eq!(server.wait().0, Some(0));
}

fn check(folder: &Path, environment: &[(&str, &str)], signal: &str) {
    let mut server = Serving::start(mono(folder).envs(environment.iter().copied()), true);
    let idle = TcpStream::connect(server.address()).unwrap();
    let answer = stop_during_a_request(&mut server, signal);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{signal}: {answer}");
    assert!(answer.contains("accessToken"), "{signal}: {answer}");
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{signal}: {said}");
    // A machine that does much else may be slow, and says so.
    let is_slow = |line: &&str| line.contains("slow statement") || line.contains("slow threshold");
    let wrong = |line: &&str| line.contains("ERROR") || line.contains("WARN");
    assert_eq!(said.lines().filter(wrong).find(|line| !is_slow(line)), None, "{signal}: {said}");
    drop(idle);
}

#[test]
fn a_slow_request_is_finished_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT", "QUIT"] {
        check(folder.path(), &[], signal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_request_is_finished_on_postgresql_too() {
    let Some(database) = postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), &[("MONO_DATABASE_URL", &database.url)], "TERM");
}

#[test]
fn killed_without_a_word_it_starts_again_with_everything() {
    let folder = tempfile::tempdir().unwrap();
    let first = Serving::start(&mut mono(folder.path()), true);
    let password = first.password().to_owned();
    first.signal("KILL");
    assert_eq!(first.wait().0, None);
    let second = Serving::start(&mut mono(folder.path()), true);
    assert_eq!(second.password(), password);
    assert_eq!(second.stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_is_there_after_a_stop() {
    const CALLS: u64 = 37;
    let folder = tempfile::tempdir().unwrap();
    let this_month = || SystemClock.now().format("%Y-%m").to_string();
    let counted = async |server: &Serving, calls: u64| {
        let client = Client::builder(format!("http://{}", server.address())).build().unwrap();
        let credentials = LoginRequest::new("tom@harbour.example", server.password());
        client.auth().login(&credentials).await.unwrap();
        for _ in 0..calls {
            client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
        }
        let limits = client.tenant().entitlements().await.unwrap().limits;
        limits.iter().find(|usage| usage.decision.limit == "api_calls").unwrap().decision.current
    };
    let month = this_month();
    let server = Serving::start(&mut mono(folder.path()), true);
    let before = counted(&server, CALLS).await;
    assert_eq!(server.stop().0, Some(0));
    let server = Serving::start(&mut mono(folder.path()), true);
    let after = counted(&server, 0).await;
    // They are counted by month.
    if month == this_month() {
        assert_eq!((before, after), (CALLS, CALLS));
    }
    assert_eq!(server.stop().0, Some(0));
}
