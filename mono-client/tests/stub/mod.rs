//! A tiny real HTTP server that answers canned bytes.
#![allow(dead_code, reason = "each test uses its part")]

use mono_client::{Client, ClientBuilder};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub(crate) mod log;
pub(crate) mod memory;

/// One answer to each connection, and what it was asked.
pub(crate) struct Stub {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Gives these answers in order; the last one again and again.
    pub(crate) async fn start<B: Into<Vec<u8>>>(answers: impl IntoIterator<Item = B>) -> Self {
        let answers: Vec<Vec<u8>> = answers.into_iter().map(Into::into).collect();
        let turn = AtomicUsize::new(0);
        Self::serve(move |_| {
            let turn = turn.fetch_add(1, Ordering::SeqCst);
            let answer = answers[turn.min(answers.len() - 1)].clone();
            async { answer }
        })
        .await
    }

    /// Answers each request with what a function says, many at once.
    pub(crate) async fn serve<F>(answer: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<u8>> + Send + 'static,
    {
        Self::serve_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer)
    }

    /// Answers where a listener is bound already.
    pub(crate) fn serve_on<F>(
        listener: TcpListener,
        answer: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Vec<u8>> + Send + 'static,
    {
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    seen.lock().unwrap().push(request.clone());
                    let answer = answer(request).await;
                    // A client that has read enough hangs up; that is its right.
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { address, requests }
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(self.address.as_str())
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// The requests so far, in lower case up to their bodies.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A server that holds some requests back: it tells when one has come, and answers it when it may.
pub(crate) struct Gate {
    pub(crate) stub: Stub,
    came: Arc<Semaphore>,
    may: Arc<Semaphore>,
}

impl Gate {
    /// Holds back what begins like this.
    pub(crate) async fn start(
        held: &'static str,
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        let (came, may) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (tell, wait) = (Arc::clone(&came), Arc::clone(&may));
        let stub = Stub::serve(move |request| {
            let (tell, wait, answer) = (Arc::clone(&tell), Arc::clone(&wait), answer(&request));
            async move {
                if request.starts_with(held) {
                    tell.add_permits(1);
                    wait.acquire().await.unwrap().forget();
                }
                answer.into_bytes()
            }
        })
        .await;
        Self { stub, came, may }
    }

    /// Waits until one more is held back.
    pub(crate) async fn came(&self) {
        self.came.acquire().await.unwrap().forget();
    }

    /// Lets so many go.
    pub(crate) fn open(&self, count: usize) {
        self.may.add_permits(count);
    }
}

/// Reads the head, and as much body as `Content-Length` says.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next());
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return format!("{head}\r\n\r\n{body}");
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return text;
        }
    }
}

/// The bytes of an answer.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}")
}

/// The bytes of an answer with the envelope of success.
pub(crate) fn success(status: u16, data: &serde_json::Value) -> String {
    answer(status, "", &serde_json::json!({ "success": true, "data": data }).to_string())
}
