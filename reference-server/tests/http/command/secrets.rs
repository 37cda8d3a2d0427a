//! No secret stands in the log, however much is logged.

use super::program::{Serving, mono, postgres};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

fn call(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{head} HTTP/1.1\r\nHost: mono\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Starts with everything logged, signs in rightly and wrongly, and looks for secrets in what was logged.
fn check(folder: &Path, environment: &[(&str, &str)], secrets: &[&str]) {
    let mut command = mono(folder);
    command.envs(environment.iter().copied()).env("MONO_LOG", "trace");
    let server = Serving::start(&mut command, true);
    let (address, password) = (server.address().to_owned(), server.password().to_owned());
    let login = "POST /api/v1/public/auth/login";
    let body = format!(r#"{{"email":"tom@harbour.example","password":"{password}"}}"#);
    let answer = call(&address, login, &body);
    let token = answer.split_once("accessToken\":\"").unwrap().1.split('"').next().unwrap().to_owned();
    let authorized = |path: &str| format!("{path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nX-Rest:");
    assert!(call(&address, &authorized("GET /api/v1/tenant/accounts"), "").contains("North Quay"));
    let mut wrong = Vec::new();
    for body in [
        r#"{"email":"tom@harbour.example","password":"guess-hunter2"}"#.to_owned(),
        r#"{"email":"tom@harbour.example","password":73357335}"#.to_owned(),
        format!(r#"{{"email":"tom@harbour.example","passwort":"{password}"}}"#),
        format!(r#"{{"{password} hunter2":1}}"#),
        format!("\"{password}\""),
    ] {
        wrong.push(call(&address, login, &body));
    }
    wrong.push(call(
        &address,
        &format!("GET /api/v1/tenant/accounts HTTP/1.1\r\nAuthorization: Basic {token}\r\nX-Rest:"),
        "",
    ));
    assert!(wrong.iter().all(|answer| answer.starts_with("HTTP/1.1 4")), "{wrong:?}");

    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains("DEBUG sqlx::query"), "everything is logged: {log}");
    assert!(!log.contains('\u{1b}'), "no colours in a file");
    let key = std::fs::read_to_string(folder.join("root.key")).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    let own = [&*password, &*token, signature, &*key, "hunter2", "73357335", "$argon2id$"];
    for secret in own.iter().chain(secrets) {
        let place = log.lines().find(|line| line.contains(secret));
        assert_eq!(place, None, "a secret in the log");
    }
}

#[test]
fn no_secret_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), &[], &[]);
}

/// With a login that is still to be made: its password is part of a statement then.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_database_server_is_logged() {
    let Some(database) = postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let owner = database.owner_url.as_deref().unwrap();
    let (head, name) = owner.rsplit_once('/').unwrap();
    let host = head.rsplit('@').next().unwrap().rsplit('/').next().unwrap();
    let url =
        format!("postgres://fresh_{}:s3cretOfTheDatabase@{host}/{name}", name.split('?').next().unwrap());
    let environment = [("MONO_DATABASE_URL", &*url), ("MONO_DATABASE_OWNER_URL", owner)];
    check(folder.path(), &environment, &["s3cretOfTheDatabase"]);
}
