//! What takes more than one read: a split that holds, requests a second, a node that may be stopped.
//! Each is looked at by the pollers over some time of a fast world, in a process of its own, whose
//! environment has the credentials that the world takes.

use crate::sim_harness::{TestWorld, http};
use quarterdeck::clock::Clock;
use quarterdeck::config::{ClockSetting, Environment, Flags, Settings, load};
use quarterdeck::core::estate::Estate;
use quarterdeck::core::ids::{InstanceId, StackId};
use quarterdeck::core::inventory::Inventory;
use quarterdeck::core::plan::Picture;
use quarterdeck::core::reconcile::reconcile;
use quarterdeck::core::rings::{RingFact, StopVerdict, safe_to_stop, split};
use quarterdeck::engine::Feed;
use quarterdeck::sim::WorldSource;
use quarterdeck::sources::{Pace, policy};
use std::time::Duration;

/// How fast the worlds run: half a minute of theirs is three seconds.
const RATE: f64 = 10.0;
/// Longer than anything here takes, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(45);

fn apart(test: &str) {
    crate::bench::cli::apart(&format!("rings_steady::{test}"));
}

#[test]
fn a_split_is_proven_by_a_second_read() {
    apart("split_over_time");
}

#[test]
fn requests_a_second_are_those_of_the_clients() {
    apart("requests_over_time");
}

#[test]
fn a_node_may_be_stopped_when_it_has_left_and_flushed_and_not_before() {
    apart("stop_over_time");
}

/// A world that is looked at.
struct Watched {
    world: TestWorld,
    settings: Settings,
    clock: Clock,
    inventory: Inventory,
}

impl Watched {
    fn of(world: WorldSource) -> Self {
        let world = TestWorld::start(world, RATE);
        let env: Environment = [("HOME", "/nonexistent")].into_iter().collect();
        let start = world.get("/_world/state")["time"].as_str().unwrap().parse().unwrap();
        let config = std::env::current_dir().unwrap().join("config.toml");
        let ports =
            world.info.ports.iter().map(|(name, port)| format!("[probes.{name}]\nport = {port}\n"));
        std::fs::write(&config, ports.collect::<String>()).unwrap();
        let flags = Flags {
            config: Some(config),
            endpoint_url: Some(world.info.endpoint.clone()),
            region: Some("us-west-2".to_owned()),
            state_dir: Some(std::env::current_dir().unwrap().join("state")),
            dns_server: Some(world.info.dns.to_string()),
            clock: Some(ClockSetting { start, rate: RATE }),
            ..Flags::default()
        };
        let settings = load(&env, &flags).unwrap();
        let clock = Clock::starting_at(start, RATE);
        Self { world, settings, clock, inventory: Inventory::default() }
    }

    /// Looks until something is so; what it was, by its word.
    fn until(&mut self, mut good: impl FnMut(Picture<'_>) -> Option<String>) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut feed = Feed::start(&self.settings, &self.clock, quarterdeck::engine::Patience::None).unwrap();
            let region = feed.started.take().unwrap().recv().await.unwrap().unwrap();
            let rules = policy(&self.settings, &region);
            let limit = tokio::time::sleep(PATIENCE);
            tokio::pin!(limit);
            loop {
                feed.want(&self.inventory, &Pace::default());
                tokio::select! {
                    event = feed.events.recv() => self.inventory.apply(event.unwrap()),
                    () = &mut limit => panic!("it never became so: {:#?}", self.estate_now(&rules).findings),
                }
                while let Ok(event) = feed.events.try_recv() {
                    self.inventory.apply(event);
                }
                let estate = self.estate_now(&rules);
                let (inventory, now) = (&self.inventory, self.clock.now());
                let picture = Picture::new(inventory, &estate, now).in_region(&region);
                if let Some(word) = good(picture) {
                    return word;
                }
            }
        })
    }

    fn estate_now(&self, rules: &quarterdeck::core::estate::Policy) -> Estate {
        reconcile(&self.inventory, self.clock.now(), rules)
    }
}

#[test]
#[ignore = "run by a_split_is_proven_by_a_second_read"]
fn split_over_time() {
    let mut watched = Watched::of(WorldSource::Named("ring-split".to_owned()));
    let stack = StackId::from("green-413");
    let mut doubted = false;
    let word = watched.until(|picture| match split(picture, &stack) {
        RingFact::Wrong(text) => Some(text),
        RingFact::Unknown(text) => {
            doubted |= text.contains("read again");
            None
        }
        _ => None,
    });
    assert!(doubted, "the first read proved it alone");
    assert_eq!(word, "loki: it is in 2 parts");
}

#[test]
#[ignore = "run by requests_a_second_are_those_of_the_clients"]
fn requests_over_time() {
    let text = "[[listener]]\nproduct = \"loki\"\nport = 3100\nconnections_per_second = 30.0\nstreams = 0\n\
        [[fleet]]\nstack = \"blue\"\nnodes = 3\nweight = 100\n\
        [[fleet]]\nstack = \"green\"\nnodes = 3\nweight = 0\n";
    let mut watched =
        Watched::of(WorldSource::Text { name: "test".to_owned(), text: text.to_owned() });
    let rate = |picture: Picture<'_>, stack: &str| {
        let fleet = picture.estate.fleets.get(&StackId::from(stack))?;
        let own = fleet.requests.iter().find(|of| of.product.as_str() == "loki")?;
        own.per_second.filter(|_| own.known == 3)
    };
    let word = watched.until(|picture| {
        let (blue, green) = (rate(picture, "blue")?, rate(picture, "green")?);
        Some(format!("{blue} {green}"))
    });
    let (blue, green) = word.split_once(' ').unwrap();
    let (blue, green): (f64, f64) = (blue.parse().unwrap(), green.parse().unwrap());
    // The readers' time of a sample is a little later than the server's, at ten times the speed.
    assert!((15.0..60.0).contains(&blue), "30 a second were sent, {blue} are shown");
    assert_eq!(green, 0.0);
}

#[test]
#[ignore = "run by a_node_may_be_stopped_when_it_has_left_and_flushed_and_not_before"]
fn stop_over_time() {
    // Long-lived connections would keep a drained node busy: a load balancer does not cut them.
    let text = "api_limits = false\n[rings]\ntempo_alone = true\n\
        [[load_balancer]]\nname = \"front\"\ncross_zone = true\n\
        [[listener]]\nproduct = \"loki\"\nport = 3100\nstreams = 0\n\
        [[fleet]]\nstack = \"blue\"\nnodes = 4\nweight = 100\n\
        [[event]]\nat = \"-20m\"\ndo = \"enter_standby\"\nnode = \"blue/1\"\n";
    let mut watched =
        Watched::of(WorldSource::Text { name: "test".to_owned(), text: text.to_owned() });
    let state = watched.world.get("/_world/state");
    let nodes = state["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|one| one["name"] == "blue/1").unwrap();
    let id = InstanceId::from(node["id"].as_str().unwrap());
    let told = |picture: Picture<'_>, wanted: StopVerdict| {
        let told = safe_to_stop(picture, &id);
        let texts = told.reasons.iter().map(|one| format!("{}: {}", one.verdict, one.text));
        (told.verdict == wanted).then(|| texts.collect::<Vec<_>>().join("; "))
    };
    let started = watched.clock.now();
    let mut verdicts = Vec::new();
    let no = watched.until(|picture| {
        verdicts.push(safe_to_stop(picture, &id).verdict);
        told(picture, StopVerdict::No).filter(|text| text.contains("chunks in memory"))
    });
    assert!(verdicts.contains(&StopVerdict::Unknown), "before anything was read: {verdicts:?}");
    assert!(no.contains("no: it is ACTIVE in the ring of loki"), "{no}");
    let loki = format!("{}:{}", node["ip"].as_str().unwrap(), watched.world.info.ports["loki"]);
    let (status, _) = http(&loki, "POST", "/ingester/shutdown?terminate=false", "");
    assert_eq!(status, 204);
    let mut last = String::new();
    let yes = watched.until(|picture| {
        let all = [StopVerdict::No, StopVerdict::Unknown].map(|one| told(picture, one));
        last = all.into_iter().flatten().collect();
        told(picture, StopVerdict::Yes).or_else(|| {
            let late = picture.now.duration_since(started).as_secs() > 380;
            late.then(|| format!("never: {last}"))
        })
    });
    for part in ["no request for loki in", "no chunks in memory", "ring of loki", "shares no ring"]
    {
        assert!(yes.contains(part), "{part}: {yes}");
    }
    // It may be stopped, so it is: its last word speaks for it from then on.
    let (status, _) = http(&loki, "POST", "/ingester/shutdown", "");
    assert_eq!(status, 204);
    let stopped = watched.until(|picture| {
        told(picture, StopVerdict::Yes).filter(|text| text.contains("loki is stopped"))
    });
    for part in ["loki is stopped: nothing reaches it", "had nothing unflushed", "ring of loki"] {
        assert!(stopped.contains(part), "{part}: {stopped}");
    }
}
