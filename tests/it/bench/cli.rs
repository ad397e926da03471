//! Runs the program as a script would: a command with a bare environment, a state directory of its
//! own, and a time limit.

use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// No command under test may take longer; a full round has a bounded time, and 20 s is the longest
/// that the tests set.
const LIMIT: Duration = Duration::from_secs(300);

/// How a command is run.
pub struct Cli {
    program: PathBuf,
    dir: PathBuf,
    env: Vec<(String, String)>,
    args: Vec<String>,
}

/// What came of a command.
#[derive(Debug)]
pub struct Outcome {
    /// `None` when it was ended by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Standard output as one JSON document and nothing else.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document ({error}): {self:#?}"))
    }
}

impl Cli {
    /// Any program, in an environment that holds nothing of the caller's but PATH.
    pub fn program(program: impl AsRef<Path>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let home = dir.display().to_string();
        let env = [
            ("HOME", home.as_str()),
            ("PATH", option_env!("PATH").unwrap_or("/usr/bin:/bin")),
            ("AWS_REGION", "us-west-2"),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { program: program.as_ref().to_owned(), dir, env, args: Vec::new() }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Arguments that stand behind those of each run.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.env.retain(|(key, _)| key != name);
        self
    }

    /// A directory that lives as long as this.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs it to its end. Everything it prints is read while it runs; at the limit it is killed
    /// by its pid and the test fails.
    pub fn run(&self, args: &[&str]) -> Outcome {
        let mut child = Command::new(&self.program)
            .args(args)
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().cloned())
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = drain(child.stderr.take().unwrap());
        // Standard output closes when the process ends.
        let Ok(stdout) = stdout.recv_timeout(LIMIT) else {
            drop(child.kill());
            drop(child.wait());
            panic!("{args:?} did not end within {LIMIT:?}");
        };
        let code = child.wait().unwrap().code();
        Outcome { code, stdout, stderr: stderr.recv_timeout(LIMIT).unwrap_or_default() }
    }
}

impl Drop for Cli {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

fn drain(mut from: impl Read + Send + 'static) -> std::sync::mpsc::Receiver<String> {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        let mut text = Vec::new();
        drop(from.read_to_end(&mut text));
        drop(sender.send(String::from_utf8_lossy(&text).into_owned()));
    });
    receiver
}

/// Runs an ignored test of this binary in a process of its own, whose environment has the
/// credentials that worlds take.
pub fn apart(test: &str) {
    let outcome = Cli::program(std::env::current_exe().unwrap()).run(&[
        test,
        "--exact",
        "--ignored",
        "--nocapture",
    ]);
    assert_eq!(outcome.code, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("1 passed"), "{}", outcome.stdout);
}
