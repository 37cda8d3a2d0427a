//! What one client cannot do to the others.

use axum::Router;
use axum::routing::get;
use reference_server::{ServerLimits, serve};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: mono\r\n\r\n";

async fn start(limits: ServerLimits) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(async || "answer"));
    (address, tokio::spawn(serve(listener, router, limits, std::future::pending())))
}

/// Everything that the server says until it closes the connection.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // A reset is an end as well as any.
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn headers_that_never_end_do_not_hold_a_connection() {
    let (address, server) =
        start(ServerLimits { headers: Duration::from_secs(1), ..Default::default() }).await;
    for begin in [&b""[..], b"GET / HT", b"GET / HTTP/1.1\r\nHost: mono\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begin).await.unwrap();
        assert!(!until_closed(&mut stream).await.contains("200 OK"));
    }
    // Silence after an answer is the same.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    assert!(until_closed(&mut stream).await.ends_with("answer"));
    server.abort();
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused() {
    let (address, server) = start(ServerLimits { header_bytes: 1024, ..Default::default() }).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: mono\r\nX-Large: {}\r\n\r\n", "x".repeat(4096));
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(until_closed(&mut stream).await.starts_with("HTTP/1.1 431 "));
    server.abort();
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_its_turn() {
    let limits = ServerLimits { connections: 1, ..Default::default() };
    let (address, server) = start(limits).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(REQUEST).await.unwrap();
    let mut byte = [0_u8; 1];
    first.read_exact(&mut byte).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(b"GET / HTTP/1.1\r\nHost: mono\r\nConnection: close\r\n\r\n").await.unwrap();
    let waiting = tokio::spawn(async move { until_closed(&mut second).await });
    assert!(!waiting.is_finished());
    drop(first);
    assert!(waiting.await.unwrap().ends_with("answer"));
    server.abort();
}
