//! The program sends a mail over TLS, to a server whose certificate it is told to trust, and to no other.

use super::program::{Serving, mono};
use mail_parser::MessageParser;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

const PASSWORD: &str = "a right horse, 4 the Battery";
/// Nobody else is sent mails to in the tests.
const TOM: &str = "tom@harbour.example";

/// The mail server of the tests: its folder, and its address with TLS, where it has one.
fn sink() -> Option<(PathBuf, String)> {
    let folder = PathBuf::from(std::env::var_os("MONO_TEST_SMTP_FOLDER")?);
    let url = std::fs::read_to_string(folder.join("tls/url")).ok()?;
    Some((folder, url))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_leaves_over_tls_to_a_server_that_is_trusted() {
    let Some((mails, url)) = sink() else { return };
    let came = || std::fs::read_dir(mails.join(TOM)).map_or(0, Iterator::count);
    let before = came();
    let folder = tempfile::tempdir().unwrap();
    let serve = || {
        let mut serve = mono(folder.path());
        serve.env("MONO_DEMO_PASSWORD", PASSWORD).env("MONO_SMTP_URL", &url);
        serve
            .env("MONO_MAIL_FROM", "no-reply@app.example.com")
            .env("MONO_PUBLIC_URL", "https://app.example.com");
        serve
    };
    // The operating system does not know who has signed its certificate.
    let mut server = Serving::start(&mut serve(), true);
    let asked = reqwest::Client::new()
        .post(format!("http://{}/api/v1/public/auth/password-reset", server.address()))
        .json(&json!({"email": TOM}))
        .send();
    assert_eq!(asked.await.unwrap().status(), 202);
    server.wait_for_log("a mail was not sent and is tried again");
    let why = server.lines.last().unwrap();
    assert!(why.contains("certificate") && !why.contains("#token="), "{why}");
    server.stop();
    assert_eq!(came(), before, "nothing was said to a stranger");

    let server = Serving::start(serve().env("SSL_CERT_FILE", mails.join("tls/certificate.pem")), true);
    let arrived = async {
        while came() == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), arrived).await.expect("the mail is sent");
    server.stop();
    let files = std::fs::read_dir(mails.join(TOM)).unwrap().map(|entry| entry.unwrap().path());
    let newest = files.max_by_key(|file| file.metadata().unwrap().modified().unwrap()).unwrap();
    let mail = std::fs::read(newest).unwrap();
    let mail = MessageParser::default().parse(&mail).unwrap();
    assert_eq!(mail.subject(), Some("Reset your password for app.example.com"));
    assert!(mail.body_text(0).unwrap().contains("https://app.example.com/reset-password#token="));
}
