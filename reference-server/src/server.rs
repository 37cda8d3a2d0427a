//! The accept loop: HTTP/1.1 over hyper, with the limits that keep one client from holding what others need.
//!
//! `axum::serve` has no time limit for the headers of a request; a client that never finishes them would hold its
//! connection for ever.

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// What a server grants its clients.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// How long the headers of a request may take, and how long a connection may stay silent between two requests.
    pub headers: Duration,
    /// How large the headers of a request may be, in bytes.
    pub header_bytes: usize,
    /// How many connections may be open at once; more wait in the queue of the operating system.
    pub connections: usize,
    /// How long open requests have to end once the server is told to stop.
    pub drain: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(15),
            header_bytes: 32 * 1024,
            connections: 10_000,
            drain: Duration::from_secs(30),
        }
    }
}

/// Serves until `stop` resolves, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.headers).max_header_size(limits.header_bytes);
    let accept = async {
        loop {
            // A place first: a connection that cannot be served stays with the operating system.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Some((stream, peer)) = accept(&listener).await else { continue };
            let router = router.clone();
            let service =
                hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let mut request: Request = request.map(Body::new);
                    request.extensions_mut().insert(ConnectInfo(peer));
                    router.clone().oneshot(request)
                });
            let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%peer, "a connection broke off: {error}");
                }
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(listener);
    tracing::info!("stopping: open requests have {} s to end", limits.drain.as_secs());
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small and whole: waiting to fill a packet only delays them.
            let _ = stream.set_nodelay(true);
            Some((stream, peer))
        }
        Err(error) => {
            // Out of file descriptors, most likely: it passes when a connection ends, and not by trying at once.
            tracing::warn!("a connection could not be accepted: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}
