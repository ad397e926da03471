//! `register` as a node runs it: the real program, the embedded world's registry, and its instance
//! metadata.

use crate::bench::cli::Outcome;
use crate::served::BINARY;
use crate::sim_harness::TestWorld;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Longer than anything here takes on a busy machine, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);

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

/// How nodes of a world are started.
pub struct Boot {
    env: BTreeMap<String, String>,
    endpoint: String,
    args: Vec<String>,
    dir: PathBuf,
}

impl Boot {
    /// Nodes that know their services from SERVICE_ID, and all else from their metadata.
    pub fn new(world: &TestWorld) -> Self {
        Self::at(&world.info.endpoint).env("SERVICE_ID", &world.info.services["glt"])
    }

    /// Nodes of any AWS, which are told nothing.
    pub fn at(endpoint: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("node-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let home = dir.display().to_string();
        let env = [
            ("HOME", home.as_str()),
            ("PATH", "/usr/bin:/bin"),
            ("AWS_ACCESS_KEY_ID", "AKIATEST"),
            ("AWS_SECRET_ACCESS_KEY", "none"),
            ("AWS_ENDPOINT_URL", endpoint),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { env, endpoint: endpoint.to_owned(), args: Vec::new(), dir }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Without any metadata service.
    pub fn alone(self) -> Self {
        self.env("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// Nodes whose clock runs as fast as their world's.
    pub fn at_rate(mut self, rate: f64) -> Self {
        self.args.extend(["--clock".to_owned(), format!("2026-11-22T14:00:00Z@{rate}")]);
        self
    }

    /// Starts `register` on a node.
    pub fn start(&self, id: &str, args: &[&str]) -> Running {
        let mut command = Command::new(BINARY);
        command.arg("register").args(&self.args).args(args);
        command.env_clear().envs(&self.env).current_dir(&self.dir);
        if !self.env.contains_key("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
            let place = format!("{}/imds/{id}", self.endpoint);
            command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", place);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(command.spawn().unwrap())
    }

    /// Runs it to its end.
    pub fn run(&self, id: &str, args: &[&str]) -> Outcome {
        self.start(id, args).end()
    }
}

impl Drop for Boot {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

/// A `register` that runs. It prints less than a pipe holds.
pub struct Running(Child);

impl Running {
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn end(mut self) -> Outcome {
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if let Some(status) = self.0.try_wait().unwrap() {
                let (mut stdout, mut stderr) = (String::new(), String::new());
                self.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
                self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
                return Outcome { code: status.code(), stdout, stderr };
            }
            std::thread::sleep(LOOK);
        }
        drop(self.0.kill());
        drop(self.0.wait());
        panic!("register did not end");
    }
}

/// An entry of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: String,
    pub attributes: BTreeMap<String, String>,
}

/// All entries of the service `glt`, as any client lists them.
pub fn members(world: &TestWorld) -> Vec<Member> {
    let client = crate::node_script::client(world);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let call = client.list_instances().service_id(&world.info.services["glt"]);
        let listed = call.max_results(100).send().await.unwrap();
        assert!(listed.next_token().is_none(), "these worlds have fewer");
        listed
            .instances
            .unwrap_or_default()
            .into_iter()
            .map(|one| Member {
                id: one.id.unwrap(),
                attributes: one.attributes.unwrap_or_default().into_iter().collect(),
            })
            .collect()
    })
}
