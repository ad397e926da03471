//! As much HTTP/1.1 as the bench needs, on plain sockets: a test that must send half an answer or
//! none at all cannot use a server that takes care not to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Reads the next request of a connection; `None` when the peer has closed it.
    pub fn read(from: &mut impl BufRead) -> Option<Self> {
        let (first, headers) = read_head(from)?;
        let mut words = first.split_whitespace();
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let body = read_body(from, &headers, false)?;
        Some(Self { method, path, headers, body })
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// Reads an answer that ends with its declared length or the connection.
    pub fn read(from: &mut impl BufRead) -> Option<Self> {
        let (first, headers) = read_head(from)?;
        let status = first.split_whitespace().nth(1)?.parse().ok()?;
        let body = read_body(from, &headers, true)?;
        Some(Self { status, headers, body })
    }

    /// The answer on the wire; it may declare more than it has.
    pub fn bytes(&self, declared: usize) -> Vec<u8> {
        let mut out = format!("HTTP/1.1 {} Answer\r\n", self.status).into_bytes();
        let ours = ["content-length", "connection", "transfer-encoding"];
        for (name, value) in &self.headers {
            if !ours.contains(&name.to_ascii_lowercase().as_str()) {
                out.extend(format!("{name}: {value}\r\n").bytes());
            }
        }
        out.extend(format!("Content-Length: {declared}\r\n\r\n").bytes());
        out.extend(&self.body);
        out
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn read_line(from: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    (from.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
}

fn read_head(from: &mut impl BufRead) -> Option<(String, Vec<(String, String)>)> {
    let first = read_line(from)?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(from)?;
        let Some((name, value)) = line.split_once(':') else { return Some((first, headers)) };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn read_body(
    from: &mut impl BufRead,
    headers: &[(String, String)],
    to_the_end: bool,
) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    match header(headers, "content-length") {
        Some(length) => {
            body.resize(length.parse().ok()?, 0);
            from.read_exact(&mut body).ok()?;
        }
        None if to_the_end => {
            from.read_to_end(&mut body).ok()?;
        }
        None => {}
    }
    Some(body)
}

/// Sends one request and reads the whole answer; for tests of the bench itself.
pub fn ask(
    address: SocketAddr,
    request: &[u8],
    limit: Duration,
) -> std::io::Result<Option<Response>> {
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(request)?;
    let mut reader = BufReader::new(stream);
    // A silent server is an error, a closed connection is no answer.
    reader.fill_buf()?;
    Ok(Response::read(&mut reader))
}

/// A listening port with a thread for each connection. Dropping it closes the port and every
/// connection, so that nothing that hangs on purpose outlives its test.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Server {
    /// Serves each connection by `handle`.
    ///
    /// # Errors
    /// Whatever keeps the address from being bound.
    pub fn start(
        address: SocketAddr,
        handle: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let server = Self { address: listener.local_addr()?, shared: Arc::default() };
        let (shared, handle) = (Arc::clone(&server.shared), Arc::new(handle));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(copy) = stream.try_clone() {
                    shared.connections.lock().unwrap().push(copy);
                }
                let handle = Arc::clone(&handle);
                std::thread::spawn(move || handle(stream));
            }
        });
        Ok(server)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then drops the listener.
        drop(TcpStream::connect_timeout(&self.address, Duration::from_secs(1)));
        for stream in self.shared.connections.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
        // The port is free only when that thread has ended; a refused connection says so.
        for _ in 0..1000 {
            if TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_err() {
                return;
            }
            std::thread::yield_now();
        }
    }
}

/// Answers nothing until the peer (or the end of the test) closes the connection.
pub fn hang(mut stream: &TcpStream) {
    let mut sink = [0; 1024];
    while matches!(stream.read(&mut sink), Ok(read) if read > 0) {}
}
