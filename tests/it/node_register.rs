//! `register` as a node runs it: the real program, the embedded world's registry, and its instance
//! metadata.

use crate::bench::cli::{Cli, Outcome};
use crate::bench::moto::{Moto, Traffic};
use crate::served::BINARY;
use crate::sim_harness::TestWorld;
use quarterdeck::sim::WorldSource;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
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

/// All entries of the service `glt`.
pub fn members(world: &TestWorld) -> Vec<Member> {
    members_of(world, "glt")
}

/// All entries of a service, as any client lists them.
fn members_of(world: &TestWorld, name: &str) -> Vec<Member> {
    let client = crate::node_script::client(world);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let call = client.list_instances().service_id(&world.info.services[name]);
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

/// World time runs so many times as fast, and the nodes' clocks with it.
const RATE: f64 = 10.0;

/// Three blue nodes, all registered, and three green ones; `more` is added to the file.
fn blue_and_green(more: &str) -> TestWorld {
    let text = format!(
        "[[fleet]]\nstack = \"blue\"\nnodes = 3\nmin = 0\nmax = 9\nweight = 100\n\
         [[fleet]]\nstack = \"green\"\nnodes = 3\nweight = 0\ntags = {{ imds-hops = \"1\" }}\n{more}"
    );
    TestWorld::start(WorldSource::Text { name: "test".to_owned(), text }, RATE)
}

fn boot(world: &TestWorld) -> Boot {
    Boot::new(world).at_rate(RATE)
}

fn nodes(world: &TestWorld, stack: &str) -> Vec<String> {
    world.info.fleets.iter().find(|one| one.stack == stack).unwrap().nodes.clone()
}

fn ip(world: &TestWorld, id: &str) -> String {
    let state = world.get("/_world/state");
    let nodes = state["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|one| one["id"] == id).unwrap();
    node["ip"].as_str().unwrap().to_owned()
}

fn put(world: &TestWorld, id: &str, attributes: &[(&str, &str)]) {
    let all: Vec<_> =
        attributes.iter().map(|(key, value)| format!("{key} = \"{value}\"")).collect();
    world.inject(&format!(
        "[[event]]\ndo = \"put_member\"\nservice = \"glt\"\nid = \"{id}\"\nattributes = {{ {} }}\n",
        all.join(", ")
    ));
}

fn entry(world: &TestWorld, id: &str) -> Option<BTreeMap<String, String>> {
    members(world).into_iter().find(|one| one.id == id).map(|one| one.attributes)
}

fn ids(world: &TestWorld) -> BTreeSet<String> {
    members(world).into_iter().map(|one| one.id).collect()
}

/// The calls that were made of the world, `service:Operation`, with who is asked about.
fn calls(world: &TestWorld) -> Vec<(String, Value)> {
    let log = world.get("/_world/log");
    let name = |line: &Value| {
        format!("{}:{}", line["service"].as_str().unwrap(), line["operation"].as_str().unwrap())
    };
    let lines = log["lines"].as_array().unwrap().iter();
    lines.map(|line| (name(line), line["arguments"].clone())).collect()
}

fn changes(world: &TestWorld) -> Vec<String> {
    let all = calls(world).into_iter();
    let id = |about: &Value| about["InstanceId"].as_str().unwrap_or("").to_owned();
    all.filter(|(name, _)| name.ends_with("egisterInstance"))
        .map(|(name, about)| {
            format!("{} {}", name.trim_start_matches("servicediscovery:"), id(&about))
        })
        .collect()
}

fn assert_ends(outcome: &Outcome, code: i32, says: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    for word in says {
        assert!(outcome.stderr.contains(word), "without {word:?}: {outcome:#?}");
    }
    for never in ["panicked", "src/", "RUST_BACKTRACE"] {
        assert!(!outcome.stderr.contains(never), "with {never}: {outcome:#?}");
    }
    assert_eq!(outcome.stdout, "");
}

const FORGOTTEN: &str = "i-0dead000000000001";

#[test]
fn a_node_knows_itself_from_its_metadata_and_keeps_what_others_wrote() {
    let world = blue_and_green("");
    let node = nodes(&world, "blue")[0].clone();
    put(&world, &node, &[("AWS_INSTANCE_IPV4", "127.9.9.9"), ("STACK", "old"), ("team", "obs")]);
    let outcome = boot(&world).run(&node, &[]);
    assert_ends(&outcome, 0, &["blue from tags/instance/STACK", "is registered with", "stay"]);
    let address = ip(&world, &node);
    let wanted = [("AWS_INSTANCE_IPV4", address.as_str()), ("STACK", "blue"), ("team", "obs")];
    let wanted = wanted.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(entry(&world, &node), Some(wanted));
    assert_eq!(changes(&world), [format!("RegisterInstance {node}")]);
    // Again: the same end, and nobody else was touched.
    assert_ends(&boot(&world).run(&node, &[]), 0, &["is registered with"]);
    assert_eq!(ids(&world).len(), 6);
}

#[test]
fn the_key_is_the_peers_and_flags_beat_everything() {
    let text = "[[fleet]]\nstack = \"blue\"\nnodes = 2\nweight = 100\nstack_key = \"STACK_ID\"\n";
    let source = WorldSource::Text { name: "test".to_owned(), text: text.to_owned() };
    let world = TestWorld::start(source, RATE);
    let args = ["--stack", "blue", "--ip", "127.0.0.1", "--instance-id", "i-0aaaaaaaaaaaaaaaa"];
    let boot = boot(&world).alone().env("STACK_ID", "no").env("REGION", "us-west-2");
    assert_ends(&boot.run("-", &args), 0, &["from --stack", "from --instance-id"]);
    let wanted = [("AWS_INSTANCE_IPV4", "127.0.0.1"), ("STACK_ID", "blue")];
    let wanted = wanted.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(entry(&world, "i-0aaaaaaaaaaaaaaaa"), Some(wanted));
}

/// Who is taken out, and who is not whatever speaks against it.
#[test]
fn only_the_proven_dead_are_taken_out() {
    let scaled = "[[event]]\nat = \"-10m\"\ndo = \"set_desired\"\ngroup = \"blue-asg\"\ndesired = 6\n\
                  [[event]]\nat = \"-6m\"\ndo = \"set_desired\"\ngroup = \"blue-asg\"\ndesired = 3\n\
                  [[event]]\nat = \"-5m\"\ndo = \"lone_node\"\nname = \"lone\"\nzone = \"a\"\n";
    let world = blue_and_green(scaled);
    let state = world.get("/_world/state");
    let all = state["nodes"].as_array().unwrap();
    let blue = |state: &str| -> Vec<String> {
        let fits = |one: &&Value| one["stack"] == "blue" && one["state"] == state;
        all.iter().filter(fits).map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let (dead, living) = (blue("terminated"), blue("running"));
    assert_eq!((dead.len(), living.len()), (3, 3));
    let of =
        |address: &str| [("AWS_INSTANCE_IPV4", address.to_owned()), ("STACK", "blue".to_owned())];
    let write = |id: &str, address: &str| {
        let of = of(address);
        put(&world, id, &of.each_ref().map(|(key, value)| (*key, value.as_str())));
    };
    // Something that is no instance of these fleets listens where the last of them was.
    let squatter = std::net::TcpListener::bind("127.3.3.3:7946").unwrap();
    write(&dead[0], "127.2.2.2");
    write(&dead[1], &ip(&world, &nodes(&world, "green")[0]));
    write(&dead[2], "127.3.3.3");
    write(FORGOTTEN, "127.2.2.3");
    write("node-7", "127.2.2.4");
    // No group lists it, nothing answers, and EC2 says that it exists.
    let lone = all.iter().find(|one| one["stack"] != "blue" && one["stack"] != "green").unwrap();
    assert_eq!(lone["state"], "running");
    write(lone["id"].as_str().unwrap(), "127.2.2.7");
    write("i-0dead000000000003", "not-an-address");
    put(
        &world,
        "i-0dead000000000002",
        &[("AWS_INSTANCE_IPV4", "127.2.2.5"), ("STACK", "blue"), ("STACK_ID", "green")],
    );
    put(&world, "i-0dead000000000004", &[("AWS_INSTANCE_IPV4", "127.2.2.6"), ("STACK", "green")]);
    // Lives, and nobody can reach it.
    world.inject(&format!("[[event]]\ndo = \"kill_node\"\nnode = \"{}\"\n", living[1]));
    let before = ids(&world);
    let outcome = boot(&world).run(&living[0], &[]);
    assert_ends(
        &outcome,
        0,
        &[
            "EC2 says terminated, no Auto Scaling group lists it, its address refuses",
            "its address is another instance's now",
            "two answers of EC2 left it out",
            "stays registered: EC2 says terminated, but its address answers",
            "stays registered: two answers of EC2 left it out, but its address cannot be asked",
            "a second look in 20 s decides",
        ],
    );
    let gone: BTreeSet<_> = before.difference(&ids(&world)).cloned().collect();
    let wanted = [dead[0].clone(), dead[1].clone(), FORGOTTEN.to_owned()];
    assert_eq!(gone, wanted.into());
    drop(squatter);
}

/// Whatever cannot be read, or not be removed: nobody is taken out, and this node is registered.
#[test]
fn on_doubt_everybody_stays() {
    let read =
        ["ec2:DescribeInstances", "autoscaling:DescribeAutoScalingGroups", "sts:GetCallerIdentity"];
    for (kind, says) in [("deny", "no peer is removed"), ("malformed", "no peer is removed")] {
        for call in read {
            let world = blue_and_green("");
            let node = nodes(&world, "blue")[0].clone();
            put(&world, FORGOTTEN, &[("AWS_INSTANCE_IPV4", "127.2.2.3"), ("STACK", "blue")]);
            world.inject(&format!("[[fault]]\ncall = \"{call}\"\nkind = \"{kind}\"\n"));
            let outcome = boot(&world).run(&node, &["--timeout", "3s"]);
            assert_ends(&outcome, 0, &["is registered with", says]);
            assert_eq!(changes(&world), [format!("RegisterInstance {node}")], "{call} {kind}");
        }
    }
    let world = blue_and_green("");
    let node = nodes(&world, "blue")[0].clone();
    put(&world, FORGOTTEN, &[("AWS_INSTANCE_IPV4", "127.2.2.3"), ("STACK", "blue")]);
    world.inject("[[fault]]\ncall = \"servicediscovery:DeregisterInstance\"\nkind = \"deny\"\n");
    let says = ["stays registered", "did not take the change"];
    assert_ends(&boot(&world).run(&node, &[]), 0, &says);
    assert!(ids(&world).contains(FORGOTTEN));
}

/// A node of two services is written into both, dead peers leave each in which they stand, and
/// leaving leaves both.
#[test]
fn a_node_is_in_all_its_services_or_in_none() {
    let text = "[[service]]\nname = \"glt\"\n[[service]]\nname = \"more\"\n\
                [[fleet]]\nstack = \"blue\"\nnodes = 2\nweight = 100\nservices = [\"glt\", \"more\"]\n";
    let source = WorldSource::Text { name: "test".to_owned(), text: text.to_owned() };
    let world = TestWorld::start(source, RATE);
    let (node, peer) = (nodes(&world, "blue")[0].clone(), nodes(&world, "blue")[1].clone());
    for service in ["glt", "more"] {
        world.inject(&format!(
            "[[event]]\ndo = \"put_member\"\nservice = \"{service}\"\nid = \"{FORGOTTEN}\"\n\
             attributes = {{ AWS_INSTANCE_IPV4 = \"127.2.2.3\", STACK = \"blue\" }}\n"
        ));
    }
    let listed = || {
        ["glt", "more"].map(|name| {
            members_of(&world, name).into_iter().map(|one| one.id).collect::<BTreeSet<_>>()
        })
    };
    let both = world.info.services["glt"].clone() + ", " + &world.info.services["more"];
    let boot = boot(&world).env("SERVICE_ID", &both);
    assert_ends(&boot.run(&node, &["--leave"]), 0, &["this node is taken out"]);
    let others = BTreeSet::from([peer.clone(), FORGOTTEN.to_owned()]);
    assert_eq!(listed(), [others.clone(), others]);
    let outcome = boot.run(&node, &[]);
    assert_ends(&outcome, 0, &["is registered with", "removed i-0dead000000000001"]);
    assert!(!outcome.stderr.contains("gone again"), "written at once: {outcome:#?}");
    let living = BTreeSet::from([node.clone(), peer]);
    assert_eq!(listed(), [living.clone(), living]);
    let address = ip(&world, &node);
    for name in ["glt", "more"] {
        let entry = members_of(&world, name).into_iter().find(|one| one.id == node).unwrap();
        let wanted = [("AWS_INSTANCE_IPV4", address.as_str()), ("STACK", "blue")];
        assert_eq!(entry.attributes, wanted.map(|(key, value)| (key.into(), value.into())).into());
    }
}

#[test]
fn leaving_takes_out_this_node_and_nobody_else() {
    let world = blue_and_green("");
    let node = nodes(&world, "blue")[0].clone();
    put(&world, FORGOTTEN, &[("AWS_INSTANCE_IPV4", "127.2.2.3"), ("STACK", "blue")]);
    assert_ends(&boot(&world).run(&node, &["--leave"]), 0, &["this node is taken out"]);
    assert_eq!(changes(&world), [format!("DeregisterInstance {node}")]);
    assert_eq!(ids(&world).len(), 6);
    // Again, and also where nobody says which fleet it was.
    let alone = boot(&world).alone().env("SYSTEM_INSTANCE_ID", &node).env("REGION", "us-west-2");
    assert_ends(&alone.run("-", &["--leave"]), 0, &["was not registered"]);
}

#[test]
fn the_whole_stack_is_replaced_only_where_it_is_one_node() {
    let world = blue_and_green("[[event]]\ndo = \"lone_node\"\nname = \"lone\"\nzone = \"a\"\n");
    world.advance(60);
    let node = nodes(&world, "blue")[0].clone();
    let outcome = boot(&world).run(&node, &["--replace-stack"]);
    assert_ends(&outcome, 3, &["fleets of one node", "blue has 3", "blue-asg", "next: Leave"]);
    let lone =
        boot(&world).env("STACK_ID", "blue").env("SYSTEM_INSTANCE_ID", "i-0aaaaaaaaaaaaaaaa");
    let outcome = lone.run(&node, &["--replace-stack"]);
    assert_ends(&outcome, 4, &["no Auto Scaling group lists i-0aaaaaaaaaaaaaaaa"]);
    world.inject("[[fault]]\ncall = \"autoscaling:*\"\nkind = \"deny\"\n");
    assert_ends(&boot(&world).run(&node, &["--replace-stack"]), 4, &["denied", "policy node"]);
    assert_eq!(changes(&world), Vec::<String>::new(), "nothing half-done");

    let text = "[[fleet]]\nstack = \"blue\"\nnodes = 1\nweight = 100\n\
                [[fleet]]\nstack = \"green\"\nnodes = 1\nweight = 0\n";
    let source = WorldSource::Text { name: "test".to_owned(), text: text.to_owned() };
    let world = TestWorld::start(source, RATE);
    let node = nodes(&world, "blue")[0].clone();
    put(&world, "node-7", &[("AWS_INSTANCE_IPV4", "127.2.2.3"), ("STACK", "blue")]);
    assert_ends(&boot(&world).run(&node, &["--replace-stack"]), 0, &["removed node-7"]);
    assert_eq!(ids(&world), [node, nodes(&world, "green")[0].clone()].into());
}

#[test]
fn a_storm_is_waited_out_and_has_an_end() {
    let world = blue_and_green("");
    let node = nodes(&world, "blue")[0].clone();
    world.inject("[[fault]]\ncall = \"*:*\"\nkind = \"throttle\"\nevery = 2\n");
    assert_ends(&boot(&world).run(&node, &[]), 0, &["again in", "is registered with"]);
    // Two at once on one node: Cloud Map takes one change of an entry at a time.
    let world = blue_and_green("");
    let (one, other) = (boot(&world).start(&node, &[]), boot(&world).start(&node, &[]));
    for outcome in [one.end(), other.end()] {
        assert_ends(&outcome, 0, &["is registered with"]);
    }
    for (call, code, says) in
        [("ListInstances", 4, "could not read"), ("RegisterInstance", 1, "nothing was changed")]
    {
        let world = blue_and_green("");
        world.inject(&format!(
            "[[fault]]\ncall = \"servicediscovery:{call}\"\nkind = \"throttle\"\n"
        ));
        let outcome = boot(&world).run(&node, &["--timeout", "5s"]);
        assert_ends(&outcome, code, &[says, "throttled", "next: Run it again"]);
    }
}

#[test]
fn what_is_denied_or_not_carried_out_is_said() {
    let rows = [
        ("ListInstances", "deny", 4, "policy node"),
        ("RegisterInstance", "deny", 7, "nothing was changed"),
        ("RegisterInstance", "operation_fails", 7, "ACCESS_DENIED"),
        ("RegisterInstance", "expired", 1, "Log in again"),
    ];
    for (call, kind, code, says) in rows {
        let world = blue_and_green("");
        let node = nodes(&world, "blue")[0].clone();
        world
            .inject(&format!("[[fault]]\ncall = \"servicediscovery:{call}\"\nkind = \"{kind}\"\n"));
        assert_ends(&boot(&world).run(&node, &[]), code, &[says, "next: "]);
    }
}

/// A policy that allows exactly what `policy node` prints is enough, and each of its calls is made.
#[test]
fn the_policy_is_what_is_called() {
    let world = blue_and_green("");
    let node = nodes(&world, "blue")[0].clone();
    put(&world, FORGOTTEN, &[("AWS_INSTANCE_IPV4", "127.2.2.3"), ("STACK", "blue")]);
    let printed = Cli::program(BINARY).run(&["policy", "node"]).json();
    let allowed: BTreeSet<String> = printed["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["Action"].as_array().unwrap())
        .map(|one| one.as_str().unwrap().to_owned())
        .collect();
    let list: Vec<_> = allowed.iter().map(|one| format!("\"{one}\"")).collect();
    world.inject(&format!(
        "[[principal]]\naccess_key = \"AKIATEST\"\nname = \"node\"\nallow = [{}]\n",
        list.join(", ")
    ));
    assert_ends(&boot(&world).run(&node, &[]), 0, &["removed i-0dead000000000001"]);
    let made: BTreeSet<String> = calls(&world).into_iter().map(|(name, _)| name).collect();
    assert_eq!(made, allowed);
}

/// A node that is told everything.
fn told(world: &TestWorld) -> Boot {
    let boot = boot(world).alone().env("REGION", "us-west-2").env("STACK_ID", "blue");
    boot.env("SYSTEM_IP_ADDR", "127.0.0.1").env("SYSTEM_INSTANCE_ID", "i-0aaaaaaaaaaaaaaaa")
}

/// A metadata service that is not there, says nothing, may not be asked, or does not know.
#[test]
fn without_metadata_it_says_why_and_what_to_do() {
    let world = blue_and_green("");
    let (blue, green) = (nodes(&world, "blue")[0].clone(), nodes(&world, "green")[0].clone());
    let place = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    let absent = boot(&world).env(place, "http://127.0.0.1:9");
    let says = ["no instance metadata service", "connection refused", "SYSTEM_INSTANCE_ID"];
    assert_ends(&absent.run(&blue, &[]), 4, &says);
    let says = ["says nothing", "hop limit is 1", "--http-put-response-hop-limit 2"];
    assert_ends(&boot(&world).run(&green, &[]), 4, &says);
    let bad = boot(&world).env(place, "imds:80");
    assert_ends(&bad.run(&blue, &[]), 2, &[place, "no http:// URL"]);
    let says = ["SYSTEM_INSTANCE_ID", "AWS_EC2_METADATA_DISABLED"];
    assert_ends(&boot(&world).alone().run("-", &[]), 2, &says);
    let untagged = boot(&world).without("SERVICE_ID");
    let says = ["SERVICE_ID (or --service) is not set", "InstanceMetadataTags"];
    assert_ends(&untagged.run(&blue, &[]), 2, &says);
    assert_eq!(changes(&world), Vec::<String>::new(), "nothing half-done");
}

#[test]
fn what_no_node_can_be_is_answered_with_a_sentence() {
    let world = blue_and_green("");
    for (name, value, says) in [
        ("STACK_ID", "", &["STACK_ID is set and empty", "next: Give STACK_ID"][..]),
        ("STACK_ID", "bl\u{1b}[2Jue", &["STACK_ID is", "printable ASCII"]),
        ("SYSTEM_IP_ADDR", "203.0.113.7", &["203.0.113.7, which is not an address of this host"]),
        ("SYSTEM_IP_ADDR", "10.0.0", &["SYSTEM_IP_ADDR is \"10.0.0\"", "no IPv4 address"]),
        ("SYSTEM_INSTANCE_ID", "i 1", &["SYSTEM_INSTANCE_ID", "looks like"]),
        ("SERVICE_ID", "glt", &["SERVICE_ID is \"glt\"", "srv-"]),
        ("SERVICE_ID", "srv-nobody", &["no Cloud Map service srv-nobody in us-west-2", "next: "]),
        ("AWS_ENDPOINT_URL", "127.0.0.1", &["no endpoint"]),
        ("REGION", "Oregon", &["no region"]),
    ] {
        assert_ends(&told(&world).env(name, value).run("-", &[]), 2, says);
    }
    // Two services, one of which there is not: the other is left as it is too.
    let both = format!("{},srv-nobody", world.info.services["glt"]);
    for (args, code, says) in [
        (&["--stack", " "][..], 2, "--stack is set and empty"),
        (&["--read-only"], 7, "--read-only wins"),
        (&["--leave", "--replace-stack"], 2, "--replace-stack"),
        (&["--peer-port", "0"], 2, "--peer-port"),
        (&["--service", &both], 2, "srv-nobody"),
    ] {
        assert_ends(&told(&world).run("-", args), code, &[says]);
    }
    assert_eq!(changes(&world), Vec::<String>::new(), "nothing half-done");
    assert_eq!(ids(&world).len(), 6);
}

/// What stands in Moto's registry is what the published script's `aws servicediscovery
/// register-instance` writes, to the last attribute.
#[test]
fn the_entry_is_what_the_aws_cli_writes() {
    let Some(mut moto) = Moto::start() else { return };
    let world = moto.seed(Traffic::Weights);
    let node = world.fleets["blue"].nodes[0].clone();
    let list = format!(
        "cm = aws('servicediscovery')\nservice = {:?}\nnode = {:?}\n\
         mine = lambda: [one for one in cm.list_instances(ServiceId=service)['Instances'] if one['Id'] == node]\n",
        world.service_id, node.id
    );
    let gone = format!(
        "{list}cm.deregister_instance(ServiceId=service, InstanceId=node)\nresult = mine()"
    );
    let address = node.ip.to_string();
    let boot = Boot::at(&moto.endpoint()).alone().env("REGION", &world.region);
    let boot = boot.env("SERVICE_ID", &world.service_id).env("STACK_ID", "blue");
    let boot = boot.env("SYSTEM_IP_ADDR", &address).env("SYSTEM_INSTANCE_ID", &node.id);
    assert_eq!(moto.boto(&gone), json!([]));
    assert_ends(&boot.run("-", &[]), 0, &["is registered with"]);
    let ours = moto.boto(&format!("{list}result = mine()"));
    assert_eq!(moto.boto(&gone), json!([]));
    // As the CLI calls it; botocore is what the CLI is made of.
    let theirs = moto.boto(&format!(
        "{list}cm.register_instance(ServiceId=service, InstanceId=node, \
         Attributes={{'AWS_INSTANCE_IPV4': {address:?}, 'STACK': 'blue'}})\nresult = mine()"
    ));
    assert_eq!(ours, theirs);
    assert_eq!(ours.as_array().unwrap().len(), 1);
    assert_ends(&boot.run("-", &["--leave"]), 0, &["this node is taken out"]);
    assert_eq!(moto.boto(&format!("{list}result = mine()")), json!([]));
}
