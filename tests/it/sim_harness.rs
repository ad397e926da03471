//! A world in this process on a thread of its own, for tests that talk to it as anybody would.

use quarterdeck::sim::{Options, ServedInfo, WorldSource, serve};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A world at rate 0, so that nothing happens but what a test asks for.
pub struct TestWorld {
    /// What it said of itself.
    pub info: ServedInfo,
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestWorld {
    /// A world that comes with the binary.
    pub fn named(name: &str) -> Self {
        Self::start(WorldSource::Named(name.to_owned()), 0.0)
    }

    /// A world of a test's own.
    pub fn of(text: &str) -> Self {
        Self::start(WorldSource::Text { name: "test".to_owned(), text: text.to_owned() }, 0.0)
    }

    /// Any world at any speed.
    pub fn start(world: WorldSource, rate: f64) -> Self {
        let (say, hear) = sync_channel(1);
        let (stop, stopped) = sync_channel::<()>(1);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let start = "2026-11-22T14:00:00Z".parse().unwrap();
                let options = Options { world, rate, start: Some(start), ..Options::default() };
                let served = serve(options).await.unwrap();
                say.send(served.info().clone()).unwrap();
                // The receiver blocks a thread of its own, so that the world goes on.
                let ended = tokio::task::spawn_blocking(move || stopped.recv());
                let _how = ended.await;
                drop(served);
            });
        });
        let info = hear.recv_timeout(Duration::from_secs(60)).unwrap();
        Self { info, stop: Some(stop), thread: Some(thread) }
    }

    /// A node's address and port, by the product.
    pub fn get(&self, path: &str) -> serde_json::Value {
        let (_, body) = http(self.address(), "GET", path, "");
        serde_json::from_str(&body).unwrap()
    }

    /// Sends events and faults, as TOML.
    pub fn inject(&self, text: &str) {
        let (status, body) = http(self.address(), "POST", "/_world/inject", text);
        assert_eq!(status, 200, "{body}");
    }

    /// Moves the world's time.
    pub fn advance(&self, seconds: u64) {
        let path = format!("/_world/advance?seconds={seconds}");
        let (status, body) = http(self.address(), "POST", &path, "");
        assert_eq!(status, 200, "{body}");
    }

    /// The world's own address.
    pub fn address(&self) -> &str {
        self.info.endpoint.trim_start_matches("http://")
    }
}

impl Drop for TestWorld {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _joined = thread.join();
        }
    }
}

/// A bare HTTP request; the status and the body.
pub fn http(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    try_http(address, method, path, body).unwrap()
}

/// The same, which may fail as the network does.
pub fn try_http(
    address: &str,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let status = text.get(9..12).and_then(|code| code.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

/// A request whose head is written by hand; the whole answer.
pub fn raw(address: &str, head: &str, body: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Says something aloud in the test's output.
#[expect(clippy::print_stdout, reason = "the test's output is where a skip must be seen")]
pub fn say(text: &str) {
    println!("{text}");
}

/// A Python that has boto3; `None`, said aloud, where there is none. In CI that is a failure.
#[expect(clippy::disallowed_methods, reason = "the test's own environment says which Python")]
pub fn python() -> Option<PathBuf> {
    let named = std::env::var_os("QUARTERDECK_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| PathBuf::from("python3"));
    let has = Command::new(&python).args(["-c", "import boto3"]).output();
    if has.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    may_skip("no Python with boto3; set QUARTERDECK_PYTHON or install boto3");
    None
}

/// With this a script says that something it needs is not installed.
const LACKS: i32 = 77;

/// Skips, aloud; in CI that is a failure.
#[expect(clippy::disallowed_methods, reason = "the test's own environment says whether it is CI")]
fn may_skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped: {why}");
    say(&format!("SKIPPED: {why}"));
}

/// Runs a script of `tests/it/sim` against a world.
pub fn run_script(world: &TestWorld, script: &str) {
    let Some(python) = python() else { return };
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/sim");
    let output = Command::new(python)
        .current_dir(&directory)
        .arg("-W")
        .arg("error::UserWarning")
        .arg("-B")
        .arg(script)
        .env("WORLD", &world.info.endpoint)
        .env("WORLD_INFO", serde_json::to_string(&world.info).unwrap())
        .env("AWS_ENDPOINT_URL", &world.info.endpoint)
        .env("AWS_REGION", &world.info.region)
        .env("AWS_DEFAULT_REGION", &world.info.region)
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("no_proxy", "*")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(LACKS) {
        may_skip(&said);
        return;
    }
    assert!(output.status.success(), "{script} failed:\n{said}\n{wrong}");
    say(&said);
}
