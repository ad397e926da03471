//! A server on loopback that answers as told and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a node does with a request.
#[derive(Clone)]
pub enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Waits, then sends these bytes and closes.
    Late(Duration, Vec<u8>),
    /// Sends these bytes, then nothing, and stays connected.
    Stall(Vec<u8>),
    /// Sends a status line and then as much body as anybody takes, up to 100 MB.
    Flood,
}

/// An answer with a body.
pub fn http(status: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes(),
    )
}

pub struct Node {
    pub at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    sent: Arc<Mutex<usize>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    /// Starts a node on an address of 127.0.0.0/8. `reply` is given the request's first line.
    pub async fn start(ip: &str, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let (asked, sent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (log, count, reply) = (Arc::clone(&asked), Arc::clone(&sent), Arc::new(reply));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, count, reply) =
                    (Arc::clone(&log), Arc::clone(&count), Arc::clone(&reply));
                tokio::spawn(async move {
                    let (stream, head) = read_head(stream).await;
                    let line = head.lines().next().unwrap_or_default().to_owned();
                    log.lock().unwrap().push(head);
                    send(stream, reply(&line), &count).await;
                });
            }
        });
        Self { at, asked, sent, task }
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The first lines of all requests so far.
    pub fn lines(&self) -> Vec<String> {
        self.heads().iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
    }

    /// How many bytes a flood got rid of.
    pub fn sent(&self) -> usize {
        *self.sent.lock().unwrap()
    }
}

/// Reads up to the end of a request's head, or whatever comes before the peer stops.
pub async fn read_head(mut stream: TcpStream) -> (TcpStream, String) {
    let (mut head, mut one) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        match stream.read(&mut one).await {
            Ok(1) => head.push(one[0]),
            _ => break,
        }
    }
    (stream, String::from_utf8_lossy(&head).into_owned())
}

async fn send(mut stream: TcpStream, reply: Reply, sent: &Mutex<usize>) {
    match reply {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Reply::Late(wait, bytes) => {
            tokio::time::sleep(wait).await;
            let _ = stream.write_all(&bytes).await;
        }
        Reply::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
        Reply::Flood => {
            const WHOLE: usize = 100_000_000;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {WHOLE}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let chunk = [b'x'; 64 * 1024];
            while *sent.lock().unwrap() < WHOLE {
                let Ok(count) = stream.write(&chunk).await else { break };
                *sent.lock().unwrap() += count;
            }
        }
    }
}
