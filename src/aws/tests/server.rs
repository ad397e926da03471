//! A server on loopback that answers what it is told, byte for byte, and remembers what it was
//! asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do with one request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Write these bytes and close.
    Bytes(Vec<u8>),
    /// Write these bytes and then nothing more, without closing.
    Stall(Vec<u8>),
    /// Write these bytes one by one with a pause after each, and close.
    Drip(Vec<u8>, Duration),
}

/// An answer with its true length.
pub(super) fn http(status: &str, headers: &str, body: &str) -> Answer {
    claiming(status, headers, body, body.len())
}

/// An answer that claims a length.
pub(super) fn claiming(status: &str, headers: &str, body: &str, length: usize) -> Answer {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    Answer::Bytes(head.into_bytes())
}

/// A running server; it ends with the test's runtime.
pub(super) struct Server {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answers the n-th request with the n-th answer, and the rest with the last.
    pub(super) async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<AtomicUsize>::default();
        let (log, count) = (requests.clone(), connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, answers.clone(), log.clone()));
            }
        });
        Self { url, requests, connections }
    }

    /// Every request so far, head and body.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// How often somebody connected.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The address of a port that nothing listens on.
pub(super) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn serve(mut stream: TcpStream, answers: Vec<Answer>, log: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read(&mut stream).await else { return };
    let turn = {
        let mut log = log.lock().unwrap();
        log.push(request);
        log.len() - 1
    };
    // A client that went away is no fault of the server's.
    let _ = match answers.get(turn).or(answers.last()).unwrap() {
        Answer::Bytes(bytes) => stream.write_all(bytes).await,
        Answer::Stall(bytes) => {
            let written = stream.write_all(bytes).await;
            std::future::pending::<()>().await;
            written
        }
        Answer::Drip(bytes, pause) => {
            for byte in bytes {
                if stream.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(*pause).await;
            }
            Ok(())
        }
    };
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            return Some(text.into_owned());
        }
    }
}

fn length(head: &str) -> usize {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    value.unwrap_or(0)
}
