//! A world at speed 60, a state directory, the program, and plans made by hand.

use crate::bench::cli::{Cli, Outcome};
use crate::served::{BINARY, Directory, World, until};
use crate::sim_harness::{http, python};
use jiff::Timestamp;
use quarterdeck::core::inventory::{Forward, WeightedGroup};
use quarterdeck::core::plan::file::digest;
use quarterdeck::core::plan::{
    ActionId, Claim, Confirmation, Fact, FactKind, Intent, LockScope, Mutation, Options, PastLimit,
    Plan, SCHEMA, Step, StepAction,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A fleet that carries all and one that stands by, on two listeners; nothing else happens.
pub const TWO: &str = "api_limits = false\n\
    [[load_balancer]]\nname = \"front\"\n\
    [[service]]\nname = \"glt\"\n\
    [[listener]]\nproduct = \"loki\"\nport = 3100\n\
    [[listener]]\nproduct = \"tempo\"\nport = 3200\n\
    [[fleet]]\nstack = \"blue\"\nnodes = 3\nmax = 6\nweight = 100\n\
    [[fleet]]\nstack = \"green\"\nnodes = 3\nweight = 0\n";

/// Everything around a run.
pub struct Site {
    pub world: World,
    pub directory: Directory,
    cli: Cli,
    traffic: Value,
}

impl Site {
    pub fn new() -> Self {
        Self::of(TWO)
    }

    pub fn of(text: &str) -> Self {
        let directory = Directory::new();
        let file = directory.file("world.toml", text);
        Self::at(&file, "[aws]\ncall_timeout = \"1s\"\n", directory)
    }

    /// The same, told of at this address.
    pub fn told_at(address: std::net::SocketAddr) -> Self {
        let directory = Directory::new();
        let file = directory.file("world.toml", TWO);
        let hook =
            format!("[webhook]\nurl = \"http://{address}/hooks/s3cret\"\ntimeout = \"1s\"\n");
        Self::at(&file, &format!("[aws]\ncall_timeout = \"1s\"\n{hook}"), directory)
    }

    /// The two fleets of the demo, without the small events of theirs.
    pub fn calm() -> Self {
        let directory = Directory::new();
        let file = directory.file("world.toml", calm());
        Self::at(&file, "[probes]\ntimeout = \"20s\"\n", directory)
    }

    /// One of the worlds that come with the program. A busy machine is no fault of its nodes.
    pub fn named(world: &str) -> Self {
        Self::at(world, "[probes]\ntimeout = \"20s\"\n", Directory::new())
    }

    /// A world by its file or its name, with more of a configuration.
    pub fn at(world: &str, config: &str, directory: Directory) -> Self {
        let world = World::start(&["--speed", "60", "--world", world], Stdio::null());
        let config = format!("{config}{}", world.probes());
        let config = directory.file("config.toml", &config);
        let state = directory.path().join("state").display().to_string();
        let cli = Cli::program(BINARY).args(&[
            "--endpoint-url",
            world.endpoint(),
            "--config",
            &config,
            "--state-dir",
            &state,
            "--operate",
        ]);
        let mut site = Self { world, directory, cli, traffic: Value::Null };
        site.traffic = site.run(&["traffic", "-o", "json", "--no-probes"]).json();
        site
    }

    /// What time it is there.
    pub fn now(&self) -> Timestamp {
        let (_, body) = http(self.world.address(), "GET", "/_world/state", "");
        let state: Value = serde_json::from_str(&body).unwrap();
        state["time"].as_str().unwrap().parse().unwrap()
    }

    /// Runs the program by the world's clock.
    pub fn run(&self, args: &[&str]) -> Outcome {
        let clock = format!("{}@60", self.now());
        let mut all = vec!["--clock", &clock];
        all.extend(args);
        self.cli.run(&all)
    }

    /// The same on a host whose clock is wrong by so many hours.
    pub fn run_off_by(&self, hours: i64, args: &[&str]) -> Outcome {
        let clock = format!("{}@60", self.now() + jiff::SignedDuration::from_hours(hours));
        let mut all = vec!["--clock", &clock];
        all.extend(args);
        self.cli.run(&all)
    }

    /// The same without the site's own state directory.
    pub fn run_without_state(&self, args: &[&str]) -> Outcome {
        let clock = format!("{}@60", self.now());
        let config = self.directory.path().join("config.toml").display().to_string();
        let mut all = vec!["--clock", &clock, "--endpoint-url", self.world.endpoint()];
        all.extend(["--config", &config, "--operate"]);
        all.extend(args);
        Cli::program(BINARY).run(&all)
    }

    /// The same in a shell that lets no file grow beyond so many blocks of 512 bytes.
    pub fn run_limited(&self, args: &[&str], blocks: u32) -> Outcome {
        let clock = format!("{}@60", self.now());
        let state = self.directory.path().join("state").display().to_string();
        let config = self.directory.path().join("config.toml").display().to_string();
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut all = vec!["-c", &script, BINARY, "--clock", &clock, "--operate"];
        all.extend(["--endpoint-url", self.world.endpoint(), "--config", &config]);
        all.extend(["--state-dir", &state]);
        all.extend(args);
        Cli::program("/bin/sh").run(&all)
    }

    /// Every call that changed something or tried to, and that a plan named: not the lock's own.
    pub fn changes(&self) -> Vec<Value> {
        let (_, body) = http(self.world.address(), "GET", "/_world/log", "");
        let log: Value = serde_json::from_str(&body).unwrap();
        let reads = ["Describe", "List", "Get", "Discover", "Create", "Delete", "UpdateService"];
        let is_read = |line: &Value| {
            let operation = line["operation"].as_str().unwrap().to_owned();
            reads.iter().any(|verb| operation.starts_with(verb))
        };
        let lines = log["lines"].as_array().unwrap().iter();
        lines.filter(|line| !is_read(line)).cloned().collect()
    }

    /// The names of the calls that changed something, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .changes()
            .iter()
            .filter(|line| line["status"] == 200)
            .map(|line| line["operation"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    /// The log of a call, of any outcome.
    pub fn logged(&self, operation: &str) -> Vec<Value> {
        let path = format!("/_world/log?operation={operation}");
        let (_, body) = http(self.world.address(), "GET", &path, "");
        let log: Value = serde_json::from_str(&body).unwrap();
        log["lines"].as_array().unwrap().clone()
    }

    /// How often it was logged.
    pub fn calls(&self, operation: &str) -> usize {
        let records = self.record_services();
        self.logged(operation).iter().filter(|line| !is_of(line, &records)).count()
    }

    /// The services that hold rollback records, past ones too.
    pub fn record_services(&self) -> BTreeSet<String> {
        let lines = self.logged("UpdateServiceAttributes").into_iter();
        let writes = lines.filter(|line| !line["arguments"]["Attributes"]["undo-000"].is_null());
        writes
            .map(|line| line["arguments"]["ServiceId"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Asks the world through boto3; `None`, said aloud, where there is none.
    pub fn boto(&self, service: &str, operation: &str, arguments: &Value) -> Option<Value> {
        let script = "import boto3, json, sys\n\
            client = boto3.client(sys.argv[1])\n\
            answer = getattr(client, sys.argv[2])(**json.loads(sys.argv[3]))\n\
            print(json.dumps(answer, default=str))";
        let output = Command::new(python()?)
            .args(["-B", "-c", script, service, operation, &arguments.to_string()])
            .env("AWS_ENDPOINT_URL", self.world.endpoint())
            .env("AWS_DEFAULT_REGION", "us-west-2")
            .env("AWS_ACCESS_KEY_ID", "AKIATEST")
            .env("AWS_SECRET_ACCESS_KEY", "none")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("no_proxy", "*")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// The listeners' default actions: port, ARN, what they forward to.
    pub fn listeners(&self) -> Vec<(u64, ActionId, Forward)> {
        let all = self.traffic["traffic"][0]["listeners"].as_array().unwrap().iter();
        let mut all: Vec<_> = all
            .map(|one| {
                let groups = one["actions"][0]["target_groups"].as_array().unwrap().iter();
                let groups = groups.map(|of| WeightedGroup {
                    target_group: of["target_group"].as_str().unwrap().into(),
                    weight: u32::try_from(of["weight"].as_u64().unwrap()).unwrap(),
                });
                let forward = Forward { groups: groups.collect(), ..Forward::default() };
                let listener = one["listener"].as_str().unwrap().into();
                let port = one["port"].as_u64().unwrap();
                (port, ActionId { listener, rule: None }, forward)
            })
            .collect();
        all.sort_by_key(|(port, ..)| *port);
        all
    }

    /// The weights of a listener's default action, as boto3 sees them.
    pub fn weights(&self, action: &ActionId) -> Option<Vec<u64>> {
        let arguments = json!({ "ListenerArns": [action.listener.as_str()] });
        let answer = self.boto("elbv2", "describe_listeners", &arguments)?;
        let groups = &answer["Listeners"][0]["DefaultActions"][0]["ForwardConfig"]["TargetGroups"];
        Some(groups.as_array().unwrap().iter().map(|of| of["Weight"].as_u64().unwrap()).collect())
    }

    /// A fleet's nodes.
    pub fn nodes(&self, stack: &str) -> Vec<String> {
        let fleets = self.world.info["fleets"].as_array().unwrap().iter();
        let mut fleet = fleets.filter(|one| one["stack"] == stack);
        let nodes = fleet.next().unwrap()["nodes"].as_array().unwrap().iter();
        nodes.map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    pub fn service(&self) -> String {
        self.world.info["services"]["glt"].as_str().unwrap().to_owned()
    }

    /// A plan of these steps, with the lock around them; `intent` says whose guards count.
    pub fn plan(&self, intent: Intent, steps: Vec<Step>) -> Plan {
        let balancer = &self.traffic["traffic"][0];
        let arn = balancer["load_balancer"].as_str().unwrap().into();
        let mut all = vec![bare("take the lock", StepAction::Lock)];
        all.extend(steps);
        all.push(bare("give the lock back", StepAction::Unlock));
        for (number, step) in (1..).zip(&mut all) {
            step.number = number;
        }
        let mut plan = Plan {
            schema: SCHEMA.to_owned(),
            account: "123456789012".to_owned(),
            region: "us-west-2".to_owned(),
            made_at: self.now(),
            intent,
            options: Options::default(),
            giving: Some("blue".into()),
            receiving: None,
            confirmation: Confirmation::Type("blue".into()),
            lock: Some(LockScope::LoadBalancer(arn, "front".to_owned())),
            locks: Vec::new(),
            namespace: None,
            left: Vec::new(),
            inherits: None,
            guards: Vec::new(),
            steps: all,
            undo: Vec::new(),
            notes: Vec::new(),
            digest: String::new(),
        };
        plan.digest = digest(&plan);
        plan
    }

    /// Writes a plan's file; its path.
    pub fn file(&self, plan: &Plan) -> String {
        let mut plan = plan.clone();
        plan.digest = String::new();
        plan.digest = digest(&plan);
        let name = format!("plan-{}.json", plan.digest);
        self.directory.file(&name, &serde_json::to_string(&plan).unwrap())
    }

    /// Carries a plan out and follows it.
    pub fn apply(&self, plan: &Plan) -> Outcome {
        self.run(&["apply", &self.file(plan), "--execute", "--confirm", "blue"])
    }

    /// Starts a plan's run; its id.
    pub fn detach(&self, plan: &Plan) -> String {
        let file = self.file(plan);
        let args = ["apply", &file, "--execute", "--confirm", "blue", "--detach"];
        let outcome = self.run(&args);
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        outcome.stdout.trim().to_owned()
    }

    /// A run's journal, as it stands.
    pub fn journal(&self, run: &str) -> Vec<Value> {
        let path = self.directory.path().join("state/runs").join(run).join("journal.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for a line of a run's journal.
    pub fn until_noted(&self, run: &str, what: &str, is: impl Fn(&Value) -> bool) {
        until(what, || self.journal(run).iter().any(&is));
    }

    /// The process that carries a run out, by the journal.
    pub fn process(&self, run: &str) -> u32 {
        let lines = self.journal(run);
        let taken = lines.iter().rfind(|line| line["entry"] == "taken_up").unwrap();
        u32::try_from(taken["pid"].as_u64().unwrap()).unwrap()
    }

    pub fn signal(&self, run: &str, signal: Signal) {
        let pid = i32::try_from(self.process(run)).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Kills a run's process and waits until it is gone.
    pub fn kill(&self, run: &str) {
        self.signal(run, Signal::KILL);
        let state =
            || self.run(&["run", "show", run, "-o", "json"]).json()["run"]["alive"] == false;
        until("the run's process is gone", state);
    }

    /// Waits until a run is over or holds; its state.
    pub fn settled(&self, run: &str) -> Value {
        let outcome = self.run(&["run", "attach", run]);
        assert!(outcome.code.is_some(), "{outcome:#?}");
        self.run(&["run", "show", run, "-o", "json"]).json()["run"].clone()
    }
}

impl Site {
    /// Whatever a test made the program call: `policy operate` allows it.
    fn is_within_the_policy(&self) {
        let printed = self.run_without_state(&["policy", "operate"]).json();
        let statements = printed["Statement"].as_array().unwrap().iter();
        let actions = statements.flat_map(|one| one["Action"].as_array().unwrap());
        let allowed: BTreeSet<&str> = actions.map(|one| one.as_str().unwrap()).collect();
        let (_, body) = http(self.world.address(), "GET", "/_world/log", "");
        let log: Value = serde_json::from_str(&body).unwrap();
        // What a test asks by itself is signed with a key of its own.
        let ours = log["lines"].as_array().unwrap().iter();
        for line in ours.filter(|line| line["access_key"] == "testing") {
            let word = |name: &str| line[name].as_str().unwrap().to_owned();
            let call = format!("{}:{}", word("service"), word("operation"));
            assert!(allowed.contains(call.as_str()), "{call} is not in `policy operate`");
        }
    }
}

/// Whether a call created or deleted a service that holds a rollback record.
pub fn is_of(line: &Value, records: &BTreeSet<String>) -> bool {
    let named = |name: &str| line["arguments"][name].as_str().unwrap_or_default().to_owned();
    match line["operation"].as_str().unwrap_or_default() {
        "CreateService" => named("Name").starts_with("quarterdeck-undo-"),
        "DeleteService" => records.contains(&named("Id")),
        _ => false,
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.is_within_the_policy();
        }
        // A run outlives everybody; not its test.
        let runs = std::fs::read_dir(self.directory.path().join("state/runs"));
        for run in runs.into_iter().flatten().filter_map(Result::ok) {
            let name = run.file_name().to_string_lossy().into_owned();
            let shown = self.journal(&name);
            let over = shown.iter().any(|line| line["entry"] == "ended");
            if !over && shown.iter().any(|line| line["entry"] == "taken_up") {
                let pid = i32::try_from(self.process(&name)).unwrap();
                let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
            }
        }
    }
}

/// The demo's world without the small events of it.
pub fn calm() -> &'static str {
    let text = include_str!("../../../src/sim/worlds/blue-green.toml");
    let quiet = text.split("\n# A node's Tempo hangs").next().unwrap();
    assert_ne!(quiet.len(), text.len());
    quiet
}

/// A step that does this and relies on nothing.
pub fn bare(title: &str, action: StepAction) -> Step {
    Step {
        number: 0,
        title: title.to_owned(),
        action,
        before: Vec::new(),
        after: Vec::new(),
        limit: Duration::from_secs(900),
        past_limit: PastLimit::Hold,
        at_least: Duration::ZERO,
        because: String::new(),
        undo: None,
        shifting: false,
        capacity: Vec::new(),
        finds: None,
    }
}

/// A step that changes something, once `before` holds, and waits for `after`.
pub fn change(title: &str, mutation: Mutation, before: Vec<Claim>, after: Vec<Claim>) -> Step {
    let fact = |claim| Fact { kind: FactKind::Predicate, claim };
    Step {
        before: before.into_iter().map(fact).collect(),
        after,
        ..bare(title, StepAction::Change(mutation))
    }
}

/// A step that moves a listener from what it forwards to now to these weights.
pub fn shift((port, action, from): &(u64, ActionId, Forward), weights: &[u32]) -> Step {
    let mut to = from.clone();
    for (group, weight) in to.groups.iter_mut().zip(weights) {
        group.weight = *weight;
    }
    let claim = |is: &Forward| Claim::Forwards { action: action.clone(), is: is.clone() };
    let mutation = Mutation::Forward { action: action.clone(), to: to.clone() };
    let undo = Mutation::Forward { action: action.clone(), to: from.clone() };
    Step {
        undo: Some(undo),
        ..change(&format!("shift :{port}"), mutation, vec![claim(from)], vec![claim(&to)])
    }
}

/// A step that suspends processes of blue, or resumes them.
pub fn pin(processes: &[&str], suspend: bool) -> Step {
    let names: BTreeSet<String> = processes.iter().map(|one| (*one).to_owned()).collect();
    let (none, group) = (BTreeSet::new(), "blue-asg");
    let (off, on) = (
        Claim::Suspended { group: group.into(), suspended: none.clone(), running: names.clone() },
        Claim::Suspended { group: group.into(), suspended: names.clone(), running: none },
    );
    if suspend {
        let mutation = Mutation::Suspend { group: group.into(), processes: names };
        change("pin blue", mutation, vec![off], vec![on])
    } else {
        let mutation = Mutation::Resume { group: group.into(), processes: names };
        change("unpin blue", mutation, vec![on], vec![off])
    }
}
