//! An AWS of Moto's for one test: a Python process (`py/serve.py`) with the server and the boto3
//! that seeds and changes it. It ends with its test: its stdin closes, and it is killed by its pid.

use super::network::Network;
use super::skip::skip;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// How long Moto may take over one request of ours. Seeding a world takes 3 s on two idle cores;
/// CI runs several at once.
const ANSWER_LIMIT: Duration = Duration::from_secs(90);

/// A running Moto.
pub struct Moto {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<String>,
    network: Network,
    address: SocketAddr,
}

impl Moto {
    /// Starts one; `None`, said loudly, where Python, Moto or boto3 are not there.
    pub fn start() -> Option<Self> {
        let python = python();
        if !python.exists() {
            skip(&format!("there is no {} with Moto and boto3", python.display()));
            return None;
        }
        let mut child = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bench/py/serve.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = sync_channel(1);
        std::thread::spawn(move || {
            let mut line = String::new();
            while matches!(stdout.read_line(&mut line), Ok(read) if read > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut moto = Self { child, stdin, answers, network: Network::claim(), address };
        moto.resume();
        Some(moto)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Seeds a world without defects.
    pub fn seed(&mut self, traffic: Traffic) -> World {
        self.seed_with(json!({ "traffic": traffic.word() }))
    }

    /// Seeds a world with the arguments of `world.seed` in `py/world.py`.
    pub fn seed_with(&mut self, mut spec: Value) -> World {
        spec["do"] = json!("seed");
        spec["network"] = json!(self.network.prefix());
        serde_json::from_value(self.request(&spec)).expect("a world as World wants it")
    }

    /// Does a named defect (a function of `py/world.py`) to the seeded world.
    pub fn defect(&mut self, name: &str) -> Defect {
        self.defect_with(name, json!({}))
    }

    /// The same with the function's arguments: `{"fleet": "green", "number": 1}`.
    pub fn defect_with(&mut self, name: &str, mut about: Value) -> Defect {
        about["do"] = json!("defect");
        about["name"] = json!(name);
        let done = self.request(&about);
        serde_json::from_value(done).expect("a defect as Defect wants it")
    }

    /// Runs boto3 code with `aws(service)` and `world`; the answer is what it leaves in `result`.
    pub fn boto(&mut self, code: &str) -> Value {
        self.request(&json!({ "do": "run", "code": code }))
    }

    /// As `boto`, at another endpoint (a proxy before this Moto); an exception is an `Err`.
    pub fn boto_at(&mut self, endpoint: &str, code: &str) -> Result<Value, String> {
        self.try_request(&json!({ "do": "run", "code": code, "endpoint": endpoint }))
    }

    /// Closes the port. The world stays as it is.
    pub fn pause(&mut self) {
        self.request(&json!({ "do": "pause" }));
    }

    /// Opens the port again.
    pub fn resume(&mut self) {
        let started = self.request(&json!({ "do": "resume" }));
        let port = started["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        self.address.set_port(port.expect("Moto names its port"));
    }

    fn request(&mut self, request: &Value) -> Value {
        self.try_request(request).unwrap_or_else(|error| panic!("{request}: {error}"))
    }

    fn try_request(&mut self, request: &Value) -> Result<Value, String> {
        writeln!(self.stdin, "{request}").map_err(|error| error.to_string())?;
        let line = self.answers.recv_timeout(ANSWER_LIMIT).map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        match answer.get("error").and_then(Value::as_str) {
            None => Ok(answer["ok"].take()),
            Some(error) => Err(format!("{error}\n{}", answer["trace"].as_str().unwrap_or(""))),
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The Python that `tests/run` prepared, in a virtual environment inside the build directory.
fn python() -> PathBuf {
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    build.join("venv/bin/python3")
}

/// How a world's traffic is steered.
#[derive(Clone, Copy, Debug)]
pub enum Traffic {
    /// Each fleet has target groups of its own; listeners weigh them.
    Weights,
    /// One shared set of target groups; Auto Scaling groups are attached and detached.
    Attach,
}

impl Traffic {
    fn word(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Attach => "attach",
        }
    }
}

/// The ids of what was seeded.
#[derive(Clone, Debug, Deserialize)]
pub struct World {
    pub account: String,
    pub region: String,
    pub load_balancer: String,
    /// Listener ARNs by product.
    pub listeners: BTreeMap<String, String>,
    /// Target group ARNs by owner (`blue`, `green` or `shared`) and product.
    pub target_groups: BTreeMap<String, BTreeMap<String, String>>,
    pub fleets: BTreeMap<String, SeededFleet>,
    pub namespace_id: String,
    pub service_id: String,
}

impl World {
    /// All nodes, blue's first.
    pub fn nodes(&self) -> impl Iterator<Item = &SeededNode> {
        self.fleets.values().flat_map(|fleet| &fleet.nodes)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct SeededFleet {
    pub asg: String,
    pub nodes: Vec<SeededNode>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct SeededNode {
    pub id: String,
    pub ip: Ipv4Addr,
    pub zone: String,
}

/// What a defect was done to.
#[derive(Clone, Debug, Deserialize)]
pub struct Defect {
    /// The instance id, where it is about one.
    pub about: Option<String>,
    #[serde(default)]
    pub target_group: Option<String>,
}
