//! `healthz` under a thousand callers: how long one waits, how much memory that takes, and how
//! often a product is asked. The server is the real program in a process of its own.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints or breaks")]

use quarterdeck::clock::Clock;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const CALLERS: usize = 1000;

/// A product that answers at once, or never.
async fn product(status: u16, hangs: bool) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut head = [0; 1024];
                let _read = stream.read(&mut head).await;
                count.fetch_add(1, Ordering::Relaxed);
                if hangs {
                    // Until the checker gives up.
                    let _end = stream.read(&mut head).await;
                    return;
                }
                let text = format!("HTTP/1.1 {status} -\r\nContent-Length: 0\r\n\r\n");
                let _sent = stream.write_all(text.as_bytes()).await;
            });
        }
    });
    (address, asked)
}

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(products: [SocketAddr; 3]) -> Self {
        let names = ["GRAFANA_ENDPOINT", "LOKI_ENDPOINT", "TEMPO_ENDPOINT"];
        let urls = products.map(|address| format!("http://{address}"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_quarterdeck"))
            .args(["healthz", "--listen", "127.0.0.1:0"])
            .env_clear()
            .envs(names.iter().zip(&urls))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let (_, rest) = line.split_once("listening on ").unwrap();
        let address = rest.split(',').next().unwrap().parse().unwrap();
        Self { child, address }
    }

    /// Resident and private memory, in KiB, where the system says so in /proc.
    fn memory(&self) -> String {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let wanted = ["VmHWM", "VmRSS", "RssAnon"];
        let lines = text.lines().filter(|line| wanted.iter().any(|one| line.starts_with(one)));
        lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _buried = self.child.wait();
    }
}

/// Calls over one connection, the next as soon as the last is answered; the waits in microseconds.
async fn caller(address: SocketAddr, clock: Clock, until: Duration) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut waits, mut buffer) = (Vec::new(), [0; 1024]);
    while clock.real_elapsed() < until {
        let asked = clock.real_elapsed();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n").await.unwrap();
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        let wait = clock.real_elapsed() - asked;
        waits.push(u32::try_from(wait.as_micros()).unwrap_or(u32::MAX));
    }
    waits
}

async fn measure(name: &str, hangs: bool, seconds: u64) {
    let mut all = Vec::new();
    for (status, hangs) in [(200, false), (404, false), (404, hangs)] {
        all.push(product(status, hangs).await);
    }
    let server = Server::start([all[0].0, all[1].0, all[2].0]);
    println!("{name}: before: {}", server.memory());
    let clock = Clock::real();
    let until = Duration::from_secs(seconds);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(caller(server.address, clock.clone(), until));
    }
    let mut waits: Vec<u32> = callers.join_all().await.into_iter().flatten().collect();
    waits.sort_unstable();
    let at = |part: f64| f64::from(waits[((waits.len() - 1) as f64 * part) as usize]) / 1000.0;
    let asked: Vec<_> = all.iter().map(|(_, asked)| asked.load(Ordering::Relaxed)).collect();
    println!("{name}: {CALLERS} callers, {seconds} s: {} answers", waits.len());
    println!("{name}: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(0.5), at(0.99), at(1.0));
    println!("{name}: products were asked {asked:?} times");
    println!("{name}: after: {}", server.memory());
}

fn main() {
    // As a test it only shows that it runs.
    let (long, short) =
        if std::env::args().any(|arg| arg == "--bench") { (30, 10) } else { (1, 1) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        measure("all well", false, long).await;
        measure("one hangs", true, short).await;
    });
}
