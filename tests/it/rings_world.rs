//! Rings from end to end: a world whose nodes speak, the program that reads them, the finding it
//! shows, the guard it asks, and the repair it names, carried out.

use crate::act_console::Console;
use crate::bench::cli::{Cli, Outcome};
use crate::reads::quarterdeck;
use crate::runs::bench::Site;
use crate::served::{BINARY, Directory, World};
use crate::sim_harness::http;
use serde_json::Value;
use std::process::Stdio;

/// A world, and the program pointed at it with the ports of its nodes and its DNS server.
pub struct Scene {
    pub world: World,
    config: String,
    files: Directory,
}

impl Scene {
    pub fn of(world: &str) -> Self {
        let files = Directory::new();
        let world = World::start(&["--world", world], Stdio::null());
        let mut config = "[probes]\ntimeout = \"20s\"\n".to_owned();
        for line in world.probes().lines() {
            let product = line.trim_matches(['[', ']']).trim_start_matches("probes.");
            config.push_str(&format!("{line}\n"));
            let lacking = world.info["optional"].as_array().unwrap();
            if line.starts_with('[') && lacking.iter().any(|one| one == product) {
                config.push_str("optional = true\n");
            }
        }
        let config = files.file("config.toml", &config);
        Self { world, config, files }
    }

    /// The same with a world of a test's own.
    pub fn text(text: &str) -> Self {
        let files = Directory::new();
        Self::of(&files.file("world.toml", text))
    }

    pub fn state(&self) -> Value {
        let (_, body) = http(self.world.address(), "GET", "/_world/state", "");
        serde_json::from_str(&body).unwrap()
    }

    /// Runs the program by the world's clock.
    pub fn run(&self, line: &str) -> Outcome {
        let clock = format!("{}@1", self.state()["time"].as_str().unwrap());
        let dns = self.world.info["dns"].as_str().unwrap();
        let cli = quarterdeck(self.world.endpoint());
        let cli = cli.args(&["--config", &self.config, "--dns-server", dns, "--clock", &clock]);
        cli.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Carries a verb of the product out.
    pub fn done(&self, line: &str) {
        let clock = format!("{}@1", self.state()["time"].as_str().unwrap());
        let state = self.files.path().join("state").display().to_string();
        let cli = Cli::program(BINARY).args(&["--endpoint-url", self.world.endpoint()]);
        let cli = cli.args(&["--config", &self.config, "--state-dir", &state, "--clock", &clock]);
        let words = line.split_whitespace().chain(["--operate", "--execute"]);
        let outcome = cli.run(&words.collect::<Vec<_>>());
        assert_eq!(outcome.code, Some(0), "{line}: {outcome:#?}");
    }

    /// All findings of these kinds, read afresh.
    pub fn findings(&self, kinds: &[&str]) -> Vec<Value> {
        let outcome = self.run("findings -o json");
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        let document = outcome.json();
        let all = document["findings"].as_array().unwrap().iter();
        let wanted = |one: &&Value| kinds.iter().any(|kind| one["kind"] == *kind);
        all.filter(wanted).cloned().collect()
    }

    /// The only finding of a kind.
    pub fn only(&self, kind: &str) -> Value {
        let found = self.findings(&[kind]);
        assert_eq!(found.len(), 1, "{kind}: {found:#?}");
        found[0].clone()
    }

    pub fn advance(&self, seconds: u64) {
        let path = format!("/_world/advance?seconds={seconds}");
        let (status, body) = http(self.world.address(), "POST", &path, "");
        assert_eq!(status, 200, "{body}");
    }

    /// A node as the world knows it.
    pub fn node(&self, name: &str) -> Value {
        let state = self.state();
        let nodes = state["nodes"].as_array().unwrap();
        nodes.iter().find(|one| one["name"] == name).unwrap().clone()
    }

    pub fn id(&self, name: &str) -> String {
        self.node(name)["id"].as_str().unwrap().to_owned()
    }

    pub fn event(&self, word: &str, rest: &str) {
        self.world.inject(&format!("[[event]]\ndo = \"{word}\"\n{rest}\n"));
    }

    /// Restarts a product and gives it the time to join and become ready.
    fn restart(&self, node: &str, product: &str) {
        self.event("start_product", &format!("node = \"{node}\"\nproduct = \"{product}\""));
        self.advance(30);
    }

    /// What a guard says of a plan that is only shown: exit code, verdict and effect.
    fn guard(&self, plan: &str, guard: &str) -> (Option<i32>, String, String) {
        let outcome = self.run(&format!("plan {plan} -o json"));
        let document = outcome.json();
        let guards = document["guards"].as_array().unwrap_or_else(|| panic!("{outcome:#?}"));
        let own = guards.iter().find(|one| one["guard"] == guard);
        let own = own.unwrap_or_else(|| panic!("no guard {guard}: {guards:#?}"));
        (outcome.code, own.to_string(), own["effect"].as_str().unwrap().to_owned())
    }

    /// Gives fleets a label and a port for each product, and restarts all of them.
    fn relabel(&self, stacks: &[&str]) {
        for stack in stacks {
            let group = format!("group = \"{stack}-asg\"\nlabel = \"product\"");
            self.event("ring_label", &group);
        }
        for node in self.state()["nodes"].as_array().unwrap() {
            let id = node["id"].as_str().unwrap();
            for product in ["loki", "tempo"].iter().filter(|one| node["products"][**one] == "Ready")
            {
                self.restart(id, product);
            }
        }
        self.advance(120);
    }
}

/// Every kind of finding about rings.
const RINGS: [&str; 5] =
    ["ring_unhealthy", "ring_split", "ring_isolated_node", "ring_cross_joined", "ring_not_joined"];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key}: {value:#?}"))
}

#[test]
fn a_healthy_world_shows_its_rings_and_no_finding() {
    let scene = Scene::of("blue-green");
    assert_eq!(scene.findings(&RINGS), [] as [Value; 0]);
    let outcome = scene.run("nodes -o json");
    let document = outcome.json();
    for node in document["nodes"].as_array().unwrap() {
        let rings = node["rings"].as_array().unwrap();
        let told: Vec<_> = rings
            .iter()
            .map(|ring| (text(ring, "service"), text(ring, "standing"), ring["sees"].as_u64()))
            .collect();
        assert_eq!(told, [("loki", "ACTIVE", Some(3)), ("tempo", "ACTIVE", Some(3))]);
        assert_eq!(node["versions"]["loki"], "3.7.6");
    }
    let (_, said, effect) = scene.guard("cutover blue-412 green-413", "rings");
    assert_eq!(effect, "passes", "{said}");
    let (_, said, effect) = scene.guard("cutover blue-412 green-413", "ring-debris");
    assert_eq!(effect, "passes", "{said}");
}

#[test]
fn a_node_that_is_alone_is_named_and_joins_when_it_is_restarted() {
    let scene = Scene::of("ring-alone");
    let found = scene.only("ring_isolated_node");
    assert_eq!(text(&found, "instance_id"), scene.id("green-413/3"));
    assert!(text(&found, "runbook").starts_with("Restart the product on the node"), "{found}");
    assert_eq!(scene.findings(&["ring_split", "probe_failed"]), [] as [Value; 0]);
    let ip = scene.node("green-413/3")["ip"].as_str().unwrap().to_owned();
    let aggregator = format!("{ip}:{}", scene.world.info["ports"]["healthz"]);
    assert_eq!(http(&aggregator, "GET", "/healthz", ""), (200, "Healthy!".to_owned()));
    let cutover = "cutover blue-412 green-413";
    let (code, said, effect) = scene.guard(cutover, "rings");
    assert!(said.contains("2 parts") && said.contains("read again"), "{said}");
    assert_eq!((code, effect.as_str()), (Some(4), "cannot_tell"), "one read proves no split");
    scene.restart("green-413/3", "loki");
    assert_eq!(scene.findings(&RINGS), [] as [Value; 0]);
    assert_eq!(scene.guard(cutover, "rings").2, "passes");
}

#[test]
fn a_split_ring_is_told_with_its_parts_and_heals_node_by_node() {
    let scene = Scene::of("ring-split");
    let found = scene.only("ring_split");
    assert_eq!((text(&found, "stack_id"), text(&found, "severity")), ("green-413", "critical"));
    assert!(text(&found, "summary").contains("2 parts"), "{found}");
    assert_eq!(scene.findings(&["ring_isolated_node"]), [] as [Value; 0]);
    scene.restart("green-413/3", "loki");
    scene.restart("green-413/4", "loki");
    assert_eq!(scene.findings(&RINGS), [] as [Value; 0]);
}

#[test]
fn rings_that_have_become_one_block_a_cutover_until_each_has_its_own() {
    let scene = Scene::of("rings-crossed");
    let found = scene.findings(&["ring_cross_joined"]);
    assert_eq!(found.len(), 2, "one a fleet: {found:#?}");
    assert!(found.iter().all(|one| one["severity"] == "critical"), "{found:#?}");
    assert!(text(&found[0], "runbook").contains("memberlist.cluster_label"), "{found:#?}");
    let (code, said, effect) = scene.guard("cutover blue-412 green-413", "rings");
    assert!(said.contains("another product's"), "{said}");
    assert_eq!((code, effect.as_str()), (Some(3), "blocks"));
    scene.relabel(&["blue-412", "green-413"]);
    assert_eq!(scene.findings(&RINGS), [] as [Value; 0]);
    let (_, said, effect) = scene.guard("cutover blue-412 green-413", "rings");
    assert_eq!(effect, "passes", "{said}");
    // One ring of both colours is left: that warns.
    let (_, said, effect) = scene.guard("cutover blue-412 green-413", "ring-debris");
    assert_eq!(effect, "warns", "{said}");
}

/// Carries out a `curl … --data-urlencode forget=ID URL` of a runbook.
fn forget(runbook: &str) {
    let (_, command) = runbook.split_once("run: curl -sS -X POST --data-urlencode ").unwrap();
    let (form, url) = command.trim_end_matches('.').split_once(" http://").unwrap();
    let (address, path) = url.split_once('/').unwrap();
    let (status, body) = http(address, "POST", &format!("/{path}"), form);
    assert_eq!((status, body.as_str()), (302, ""), "{runbook}");
}

#[test]
fn debris_that_keeps_a_newcomer_waiting_is_forgotten_by_the_command_that_is_shown() {
    let scene = Scene::of("ring-debris");
    let found = scene.findings(&["ring_unhealthy"]);
    assert_eq!(found.len(), 2, "Loki's and Tempo's: {found:#?}");
    for one in &found {
        assert_eq!(one["severity"], "critical", "{one}");
        assert!(text(one, "summary").contains("from becoming ready"), "{one}");
    }
    let waits = scene.findings(&["probe_failed"]);
    assert_eq!(waits.len(), 2, "{waits:#?}");
    for one in &waits {
        assert!(text(one, "summary").contains("blocked by"), "{one}");
        assert!(found.iter().any(|of| of["runbook"] == one["runbook"]), "linked: {one}");
    }
    let cutover = "cutover blue-412 green-413";
    let (code, said, effect) = scene.guard(cutover, "rings");
    assert!(said.contains("from becoming ready"), "{said}");
    assert_eq!((code, effect.as_str()), (Some(3), "blocks"));
    // Of a fleet whose nodes are all ready it is only untidy.
    let drain = format!("drain {}", scene.id("blue-412/1"));
    assert_eq!(scene.guard(&drain, "rings").2, "passes");
    assert_eq!(scene.guard(&drain, "ring-debris").2, "warns");
    for one in &found {
        forget(text(one, "runbook"));
    }
    scene.advance(25);
    assert_eq!(scene.findings(&["ring_unhealthy", "probe_failed"]), [] as [Value; 0]);
    let (_, said, effect) = scene.guard(cutover, "rings");
    assert_eq!(effect, "passes", "{said}");
}

#[test]
fn a_ring_that_is_told_to_forget_nobody_says_so() {
    let scene = Scene::of("ring-debris");
    let ip = scene.node("blue-412/1")["ip"].as_str().unwrap().to_owned();
    let loki = format!("{ip}:{}", scene.world.info["ports"]["loki"]);
    let (status, body) = http(&loki, "POST", "/ring", "forget=nobody");
    assert!(status == 500 && body.contains("no change detected"), "{status} {body}");
}

#[test]
fn a_ghost_whose_address_the_other_product_has_is_seen_in_registry_and_rings() {
    let scene = Scene::of("ghost-other-product");
    assert_eq!(text(&scene.only("ghost_member"), "stack_id"), "loki-7");
    let crossed = scene.findings(&["ring_cross_joined"]);
    assert!(!crossed.is_empty() && crossed.iter().all(|one| one["severity"] == "critical"));
    let drain = format!("drain {}", scene.id("loki-7/3"));
    let (_, said, effect) = scene.guard(&drain, "rings");
    assert!(effect == "warns" && said.contains("another product's"), "{said}");
    let ghost = text(&scene.only("ghost_member"), "instance_id").to_owned();
    scene.done(&format!("deregister {ghost} --confirm loki-7"));
    assert_eq!(scene.findings(&["ghost_member"]), [] as [Value; 0]);
    scene.advance(120);
    scene.relabel(&["loki-7", "tempo-7"]);
    let left = scene.findings(&["ghost_member", "ring_cross_joined", "ring_unhealthy"]);
    assert_eq!(left, [] as [Value; 0]);
    assert_eq!(scene.guard(&drain, "rings").2, "passes");
}

#[test]
fn what_a_drain_leaves_to_do_is_said_with_its_commands() {
    let scene = Scene::of("blue-green");
    let id = scene.id("blue-412/1");
    let outcome = scene.run(&format!("plan drain {id}"));
    assert!(outcome.stdout.contains("Safe to stop: no"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("ACTIVE in the ring of loki"), "{}", outcome.stdout);
    let (_, command) = outcome.stdout.split_once("`curl -sS -X POST http://").unwrap();
    let (url, _) = command.split_once('`').unwrap();
    let (address, path) = url.split_once('/').unwrap();
    assert_eq!(http(address, "POST", &format!("/{path}"), "").0, 204);
}

/// Every way in which a page can be bad.
const BAD: [&str; 6] = ["html", "truncated", "malformed", "huge", "error", "hang"];

#[test]
fn a_page_that_cannot_be_read_is_cannot_tell_and_no_finding() {
    let scene = Scene::of("blue-green");
    let id = scene.id("green-413/1");
    for kind in BAD {
        scene.world.inject(&format!(
            "[[fault]]\ncall = \"node:/ring\"\nkind = \"{kind}\"\nargument = \"{id}\"\n"
        ));
        let outcome = scene.run("nodes green-413 -o json --timeout 30s");
        let document = outcome.json();
        let nodes = document["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|one| one["instance_id"] == *id).unwrap();
        let own = node["rings"].as_array().unwrap().iter().find(|of| of["service"] == "loki");
        // Its peers still have it; its own word is missing.
        let own = own.unwrap();
        assert!(own["sees"].is_null(), "{kind}: {own}");
        assert_eq!(own["standing"], "ACTIVE", "{kind}: by its peers' word");
        assert_eq!(node["findings"], Value::Array(Vec::new()), "{kind}");
        if kind != "hang" {
            let (_, said, effect) = scene.guard("cutover blue-412 green-413", "rings");
            assert_eq!(effect, "cannot_tell", "{kind}: {said}");
        }
        scene.world.heal();
    }
    assert_eq!(scene.guard("cutover blue-412 green-413", "rings").2, "passes");
}

#[test]
fn lists_that_are_null_are_a_ring_without_members() {
    let scene = Scene::of("blue-green");
    let id = scene.id("green-413/1");
    for page in ["/ring", "/memberlist"] {
        scene.world.inject(&format!(
            "[[fault]]\ncall = \"node:{page}\"\nkind = \"null\"\nargument = \"{id}\"\n"
        ));
    }
    let outcome = scene.run("nodes green-413 -o json");
    let document = outcome.json();
    let nodes = document["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|one| one["instance_id"] == *id).unwrap();
    let own = node["rings"].as_array().unwrap().iter().find(|of| of["service"] == "loki");
    assert_eq!(own.unwrap()["sees"], 0, "{node:#?}");
    // It is in nobody's view of its own: told as alone, and nothing passes on it.
    let (_, said, effect) = scene.guard("cutover blue-412 green-413", "rings");
    assert_eq!(effect, "cannot_tell", "{said}");
}

#[test]
fn clocks_that_disagree_by_little_make_nobody_unhealthy() {
    let scene = Scene::of("blue-green");
    scene.event("clock_skew", "node = \"blue-412/1\"\nseconds = 20");
    scene.event("clock_skew", "node = \"blue-412/2\"\nseconds = -20");
    assert_eq!(scene.findings(&RINGS), [] as [Value; 0]);
}

#[test]
fn old_and_new_versions_are_told_and_mixed_ones_found() {
    let scene = Scene::text(
        "[[fleet]]\nstack = \"old\"\nnodes = 2\nweight = 100\n\
         versions = { loki = \"2.4.2\", tempo = \"1.5.0\", grafana = \"6.5.1\" }\n\
         [[fleet]]\nstack = \"new\"\nnodes = 2\nweight = 0\n\
         versions = { loki = \"3.7.6\", tempo = \"3.0.3\" }\n",
    );
    let outcome = scene.run("nodes -o json");
    let document = outcome.json();
    let mut told: Vec<_> = document["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let ring = |product: &str| {
                let all = node["rings"].as_array().unwrap();
                let own = all.iter().find(|of| of["service"] == product).unwrap();
                text(own, "standing").to_owned()
            };
            let version = |product: &str| node["versions"][product].as_str().unwrap().to_owned();
            (version("loki"), ring("loki"), version("tempo"), ring("tempo"))
        })
        .collect();
    told.sort();
    told.dedup();
    let row = |all: [&str; 4]| {
        let [a, b, c, d] = all.map(str::to_owned);
        (a, b, c, d)
    };
    assert_eq!(
        told,
        [
            row(["2.4.2", "ACTIVE", "1.5.0", "ACTIVE"]),
            row(["3.7.6", "ACTIVE", "3.0.3", "not shared"])
        ]
    );
    let found = scene.only("ring_not_joined");
    assert_eq!((text(&found, "stack_id"), text(&found, "severity")), ("new", "info"));
}

/// The console names the newcomer that waits, and the command that ends it.
#[test]
fn the_rings_screen_says_who_keeps_whom_from_ready() {
    let site = Site::named("ring-debris");
    let mut console = Console::open(&site, &[]);
    console.fills();
    console.press("O", "› Rings");
    console.0.wait_for("FROM READY");
    console.0.wait_for("forget=loki-");
    console.0.press("q");
    assert_eq!(console.0.end().exit_code(), 0);
}
