//! Below HTTP.

use crate::server::{LOGIN, Server, send};
use mono_storage::testkit::World;

mono_storage::conformance!(bytes_that_are_hardly_http);

async fn bytes_that_are_hardly_http(world: World) {
    let server = Server::start(world).await;
    let address = server.address;
    let many_headers = "X-A: b\r\n".repeat(200);
    let long_header = "a".repeat(600_000);
    let long_path = "a".repeat(70_000);
    let requests = [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET /ping HTTP/9.9\r\n\r\n".to_owned(),
        "GET /ping HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
        format!("POST {LOGIN} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, identity\r\n\r\n"),
        format!("GET /ping HTTP/1.1\r\nHost: a\r\n{many_headers}\r\n"),
        format!("GET /ping HTTP/1.1\r\nHost: a\r\nX-A: {long_header}\r\n\r\n"),
        format!("GET /{long_path} HTTP/1.1\r\nHost: a\r\n\r\n"),
        "GET /ping HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n".to_owned(),
        "GET /ping HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n".to_owned(),
    ];
    for request in requests {
        let what = request.chars().take(60).collect::<String>();
        let answer = tokio::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            // A server that has seen enough hangs up while we still write: that is its right.
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        })
        .await
        .unwrap();
        // The HTTP library refuses these before any route: a bare status, or silence where no status helps.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
    }
    assert_eq!(send(server.get("/ping")).await.status, 200);
}
