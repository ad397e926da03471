//! `sim serve` as a process of its own, for tests of what only a process has: streams, signals, an
//! end.

use crate::sim_harness::{http, raw};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// The program under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_quarterdeck");
/// Longer than anything here takes on a busy machine, so that only a fault reaches it.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// How often to look at what tells nobody that it changed.
const LOOK: Duration = Duration::from_millis(50);

/// A directory of one test's, removed with this.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("demo-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file; its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// What is in it, by name.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Waits for what tells nobody that it has come.
pub fn until(what: &str, good: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        if good() {
            return;
        }
        std::thread::sleep(LOOK);
    }
    panic!("never {what}");
}

/// A world that a process serves. It is killed with this, if it still runs.
pub struct World {
    pub child: Child,
    /// Its first line.
    pub info: Value,
}

impl World {
    /// Starts one and reads its first line.
    pub fn start(args: &[&str], stdin: Stdio) -> Self {
        let mut child = Command::new(BINARY)
            .args(["sim", "serve"])
            .args(args)
            .env_clear()
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (told, heard) = sync_channel(1);
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            let _ = told.send(read.map(|_| line));
        });
        // From here on a failed test kills it.
        let mut world = Self { child, info: Value::Null };
        let line = heard.recv_timeout(PATIENCE).unwrap().unwrap();
        world.info = serde_json::from_str(&line).unwrap();
        world
    }

    pub fn endpoint(&self) -> &str {
        self.info["endpoint"].as_str().unwrap()
    }

    pub fn address(&self) -> &str {
        self.endpoint().strip_prefix("http://").unwrap()
    }

    /// Who a bare client is told it is.
    pub fn identity(&self) -> String {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIATEST/20261122/us-west-2/sts/aws4_request, \
             SignedHeaders=host, Signature=0\r\n",
            self.address()
        );
        raw(self.address(), &head, "Action=GetCallerIdentity&Version=2011-06-15")
    }

    /// Makes something happen or go wrong, written as in a world file.
    pub fn inject(&self, text: &str) {
        let (status, body) = http(self.address(), "POST", "/_world/inject", text);
        assert_eq!(status, 200, "{body}");
    }

    /// Ends all faults.
    pub fn heal(&self) {
        let (status, body) = http(self.address(), "POST", "/_world/faults/clear", "");
        assert_eq!(status, 200, "{body}");
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(LOOK);
        }
        panic!("the world did not end");
    }

    /// The part of a configuration that says where its nodes are probed.
    pub fn probes(&self) -> String {
        let ports = self.info["ports"].as_object().unwrap();
        let probed = ["grafana", "loki", "tempo", "healthz"].into_iter();
        probed.map(|name| format!("[probes.{name}]\nport = {}\n", ports[name])).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // It may have ended, and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process as `ps` sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub id: u32,
    parent: u32,
    /// Resident memory, in KiB.
    pub resident: u64,
    state: String,
    args: String,
}

/// All processes. `ps` is on every system that this runs on, /proc is not.
fn processes() -> Vec<Process> {
    let args = ["-A", "-o", "pid=,ppid=,rss=,stat=,args="];
    let output = Command::new("ps").args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let process = |line: &str| {
        let mut words = line.split_whitespace();
        Some(Process {
            id: words.next()?.parse().ok()?,
            parent: words.next()?.parse().ok()?,
            resident: words.next()?.parse().ok()?,
            state: words.next()?.to_owned(),
            args: words.collect::<Vec<_>>().join(" "),
        })
    };
    text.lines().filter_map(process).collect()
}

/// The process that this one has started with such arguments.
pub fn child_of(parent: u32, args: &str) -> Option<Process> {
    processes().into_iter().find(|one| one.parent == parent && one.args.contains(args))
}

/// The world that a console's process has started.
pub fn world_of(console: u32) -> Option<Process> {
    child_of(console, "sim serve")
}

/// Whether a process still runs; one that only waits to be buried does not.
pub fn runs(id: u32) -> bool {
    processes().iter().any(|one| one.id == id && !one.state.starts_with('Z'))
}

/// Whether a process is stopped.
pub fn stopped(id: u32) -> bool {
    processes().iter().any(|one| one.id == id && one.state.starts_with('T'))
}
