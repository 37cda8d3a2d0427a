//! What surrounds every handler: headers, origins, compression, time, and the id of a request.

use crate::server::{ACCOUNTS, ADMIN, Server, send};
use axum::Router;
use axum::routing::{get, post};
use mono_storage::testkit::World;
use reference_server::HttpSettings;
use reqwest::Method;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

mono_storage::conformance!(
    every_answer_is_locked_down,
    the_id_of_a_request_goes_in_and_out,
    pages_of_named_origins_may_call,
    pages_of_any_origin_come_without_cookies,
    answers_are_compressed_where_that_is_asked_for,
    a_body_that_comes_byte_by_byte_is_cut_off,
);

fn http(change: impl FnOnce(&mut HttpSettings)) -> Arc<HttpSettings> {
    let mut http = HttpSettings::default();
    change(&mut http);
    Arc::new(http)
}

async fn every_answer_is_locked_down(world: World) {
    let page = async || {
        ([("content-security-policy", "script-src 'self'"), ("cache-control", "max-age=60")], "page")
    };
    let own = Router::new().route("/page", get(page));
    let server = Server::start_with_http(world, http(|http| http.is_https = true), own).await;
    for path in ["/ping", "/nowhere", ACCOUNTS] {
        let answer = send(server.get(path)).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", if path == "/ping" { "private, no-cache" } else { "no-store" }),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
        assert_eq!(answer.header("server"), "", "nobody is told what runs here");
    }
    let page = send(server.get("/page")).await;
    assert_eq!(page.header("content-security-policy"), "script-src 'self'");
    assert_eq!((page.header("cache-control"), page.header("x-frame-options")), ("max-age=60", "DENY"));
}

async fn the_id_of_a_request_goes_in_and_out(world: World) {
    let server = Server::start(world).await;
    let told = async |headers: &[(&str, &str)]| {
        let mut request = server.get("/ping");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request).await.header("x-request-id").to_owned()
    };
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    assert_eq!(told(&[("x-request-id", "mine_1-A")]).await, "mine_1-A");
    assert_eq!(told(&[("traceparent", &parent)]).await, trace);
    assert_eq!(told(&[("traceparent", &parent), ("x-request-id", "mine")]).await, trace);
    assert_eq!(told(&[("traceparent", "00-nonsense"), ("x-request-id", "mine")]).await, "mine");
    let (own, other) = (told(&[]).await, told(&[("x-request-id", "two words")]).await);
    assert!(own.len() == 36 && other.len() == 36 && own != other, "{own} {other}");
    assert_eq!(told(&[("x-request-id", &"a".repeat(65))]).await.len(), 36);
}

async fn pages_of_named_origins_may_call(world: World) {
    const PAGE: &str = "https://app.example.com";
    let settings = http(|http| http.cors_origins = vec![PAGE.parse().unwrap()]);
    let server = Server::start_with_http(world, settings, Router::new()).await;
    let preflight = |origin| {
        let request = server.request(Method::OPTIONS, ACCOUNTS).header("origin", origin);
        request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,x-tenant-id")
    };
    let answer = send(preflight(PAGE)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, PAGE));
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert!(answer.header("access-control-allow-headers").contains("x-tenant-id"), "{answer:?}");
    assert!(answer.header("access-control-allow-methods").contains("PATCH"), "{answer:?}");
    assert_eq!(send(preflight("https://evil.example")).await.header("access-control-allow-origin"), "");
    let token = server.token(ADMIN).await;
    let answer = send(server.get(ACCOUNTS).bearer_auth(&token).header("origin", PAGE)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, PAGE));
    assert!(answer.header("access-control-expose-headers").contains("x-request-id"), "{answer:?}");
    let answer = send(server.get(ACCOUNTS).header("origin", PAGE)).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (401, PAGE),
        "refusals are read, too"
    );
    let answer =
        send(server.get(ACCOUNTS).bearer_auth(&token).header("origin", "https://evil.example")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

async fn pages_of_any_origin_come_without_cookies(world: World) {
    let settings = http(|http| http.cors_origins = vec!["*".parse().unwrap()]);
    let server = Server::start_with_http(world, settings, Router::new()).await;
    let answer = send(server.get("/ping").header("origin", "https://anybody.example")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}

async fn answers_are_compressed_where_that_is_asked_for(world: World) {
    let long = Router::new().route("/long", get(async || "word ".repeat(1000)));
    let server = Server::start_with_http(world, http(|_| ()), long).await;
    let plain = send(server.get("/long")).await;
    assert_eq!((plain.header("content-encoding"), plain.body.len()), ("", 5000));
    let packed = server.get("/long").header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(packed.headers().get("content-encoding").unwrap(), "gzip");
    let vary = packed.headers().get("vary").unwrap().to_str().unwrap().to_lowercase();
    assert!(vary.contains("accept-encoding"), "{vary}");
    let bytes = packed.bytes().await.unwrap();
    assert!(bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() < 500, "{}", bytes.len());
}

async fn a_body_that_comes_byte_by_byte_is_cut_off(world: World) {
    let reads = Router::new().route("/reads", post(async |body: String| body));
    let settings = http(|http| http.request_timeout = Duration::from_secs(2));
    let server = Server::start_with_http(world, settings, reads).await;
    let address = server.address;
    let (answer, sent) = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "POST /reads HTTP/1.1\r\nHost: mono\r\nContent-Length: 1000000\r\n\r\n").unwrap();
        let mut other = stream.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            let mut sent = 0;
            // Ends when the server has closed the connection, long before the last byte.
            while other.write_all(b"x").is_ok() && sent < 1_000_000 {
                sent += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            sent
        });
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let _ = stream.shutdown(std::net::Shutdown::Both);
        (String::from_utf8(answer).unwrap(), writer.join().unwrap())
    })
    .await
    .unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"reason\":\"timeout\""), "{answer}");
    assert!(answer.to_lowercase().contains("retry-after: 1"), "{answer}");
    assert!(sent < 1_000_000);
    let whole = send(server.post("/reads").body("whole")).await;
    assert_eq!((whole.status, &*whole.body), (200, "whole"));
}
