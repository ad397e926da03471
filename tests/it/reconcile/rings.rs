//! Rings, requests and DNS in small worlds: a healthy one has no finding, and each thing that goes
//! wrong has exactly its own.

use super::world::{self, PORTS, World, blue_green, event, now, sized};
use super::{Estate, FindingKind, reconcile};
use jiff::Timestamp;
use quarterdeck::core::estate::Policy;
use quarterdeck::core::finding::{Finding, Severity};
use quarterdeck::core::ids::{DnsName, InstanceId, StackId};
use quarterdeck::core::inventory::{
    DnsAnswer, DnsRecords, Gossip, GossipMember, Inventory, Page, ProbeReason, ProductMetrics,
    ProductRings, Ring, RingMember, RingState, Sample,
};
use quarterdeck::core::plan::Picture;
use quarterdeck::core::rings::{self, RingFact, RingStanding, StopVerdict, safe_to_stop};
use quarterdeck::core::source::{Fragment, Scope, SourceEvent};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The rings of a world, a node and product each, to be bent before they are told.
struct Rings {
    world: World,
    told: BTreeMap<(InstanceId, &'static str), ProductRings>,
}

fn member(product: &str, ip: IpAddr) -> RingMember {
    // On one host the products must listen apart, and so do their rings.
    let port = if product == "loki" { 9095 } else { 9096 };
    RingMember {
        id: format!("{product}-{ip}").into(),
        address: format!("{ip}:{port}").into(),
        state: RingState::Active,
        heartbeat_age: Some(4),
        registered_age: Some(80_000),
        zone: None,
        tokens: Some(128),
    }
}

fn page(product: &str, members: Vec<RingMember>) -> ProductRings {
    let gossip_port = if product == "loki" { 7946 } else { 7947 };
    let named = |one: &RingMember| GossipMember {
        name: one.id.clone(),
        address: format!("{}:{gossip_port}", one.ip().unwrap()).into(),
        alive: true,
    };
    let gossip = Gossip {
        members: members.iter().map(named).collect(),
        keys: ["collectors/ring".to_owned()].into(),
    };
    let ring = Ring { members };
    ProductRings {
        product: product.into(),
        digest: ring.digest(),
        ring: Page::Read(Arc::new(ring)),
        ring_path: if product == "loki" { "/ring" } else { "/ingester/ring" }.into(),
        gossip: Page::Read(Arc::new(gossip)),
        left: Page::Read(Vec::new()),
        version: Page::Read("2.7.7".into()),
    }
}

/// Every fleet has a ring of its own for each product, and every node sees all of it.
fn whole(world: World) -> Rings {
    let mut told = BTreeMap::new();
    for fleet in &world.fleets {
        for product in ["loki", "tempo"] {
            let members: Vec<_> = fleet.nodes.iter().map(|node| member(product, node.ip)).collect();
            for node in &fleet.nodes {
                told.insert((node.id.clone(), product), page(product, members.clone()));
            }
        }
    }
    Rings { world, told }
}

impl Rings {
    fn node(&self, fleet: usize, node: usize) -> (InstanceId, IpAddr) {
        let node = &self.world.fleets[fleet].nodes[node];
        (node.id.clone(), node.ip)
    }

    /// Lets a node of a fleet see exactly these.
    fn sees(&mut self, fleet: usize, node: usize, product: &'static str, members: Vec<RingMember>) {
        let (id, _) = self.node(fleet, node);
        self.told.insert((id, product), page(product, members));
    }

    fn events(&self, at: Timestamp) -> Vec<SourceEvent> {
        let mut of_node: BTreeMap<&InstanceId, Vec<ProductRings>> = BTreeMap::new();
        for ((id, _), rings) in &self.told {
            of_node.entry(id).or_default().push(rings.clone());
        }
        let one = |(id, rings): (&InstanceId, Vec<ProductRings>)| SourceEvent {
            observed_at: at,
            every: Duration::from_secs(30),
            ..event(Scope::Rings(id.clone()), Fragment::Rings(rings))
        };
        of_node.into_iter().map(one).collect()
    }

    fn inventory(&self) -> Inventory {
        let mut inventory = self.world.inventory();
        self.events(now()).into_iter().for_each(|event| inventory.apply(event));
        inventory
    }

    fn estate(&self) -> Estate {
        reconcile(&self.inventory(), now(), &Policy::default())
    }

    fn only(&self) -> Finding {
        let estate = self.estate();
        let [one] = estate.findings.as_slice() else { panic!("{:#?}", estate.findings) };
        one.clone()
    }
}

fn standing(estate: &Estate, id: &InstanceId, product: &str) -> RingStanding {
    let node = &estate.nodes[id];
    node.rings.iter().find(|of| of.product.as_str() == product).unwrap().standing.clone()
}

fn fact(
    inventory: &Inventory,
    stack: &str,
    ask: impl Fn(Picture<'_>, &StackId) -> RingFact,
) -> RingFact {
    let estate = reconcile(inventory, now(), &Policy::default());
    ask(Picture::new(inventory, &estate, now()), &StackId::from(stack))
}

#[test]
fn whole_rings_have_no_finding() {
    let rings = whole(blue_green());
    let estate = rings.estate();
    assert_eq!(estate.findings, []);
    let blue = &estate.fleets[&StackId::from("blue")];
    let counts: Vec<_> = blue
        .rings
        .iter()
        .map(|of| (of.product.as_str(), of.active, of.of, of.groups.len()))
        .collect();
    assert_eq!(counts, [("loki", 3, 3, 1), ("tempo", 3, 3, 1)]);
    assert_eq!(estate.rings[&"loki".into()].groups.len(), 2, "one a fleet");
    for ask in [
        rings::foreign_product,
        rings::split,
        rings::blocking_debris,
        rings::other_debris,
        rings::foreign_colour,
    ] {
        let fact = fact(&rings.inventory(), "blue", ask);
        assert!(matches!(fact, RingFact::Well(_)), "{fact:?}");
    }
}

#[test]
fn a_node_alone_is_said_once_and_is_no_split_as_well() {
    let mut rings = whole(blue_green());
    let (id, ip) = rings.node(0, 2);
    rings.sees(0, 2, "loki", vec![member("loki", ip)]);
    for node in 0..2 {
        let peers = (0..2).map(|peer| member("loki", rings.node(0, peer).1)).collect();
        rings.sees(0, node, "loki", peers);
    }
    let finding = rings.only();
    assert_eq!(
        (finding.kind, finding.instance_id.as_ref()),
        (FindingKind::RingIsolatedNode, Some(&id))
    );
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(standing(&rings.estate(), &id, "loki"), RingStanding::Alone);
    // A node that only just came, and whose peers were read before, is left in peace.
    rings.world.fleets[0].nodes[2].age = Duration::from_secs(1);
    assert_eq!(rings.estate().findings, []);
}

#[test]
fn a_ring_in_two_parts_is_split_and_proven_by_two_reads() {
    let mut rings = whole(sized(&[("blue", 4, 100), ("green", 3, 0)]));
    for (node, seen) in [(0, [0, 1]), (1, [0, 1]), (2, [2, 3]), (3, [2, 3])] {
        let members = seen.map(|peer| member("tempo", rings.node(0, peer).1)).to_vec();
        rings.sees(0, node, "tempo", members);
    }
    let finding = rings.only();
    assert_eq!((finding.kind, finding.stack_id), (FindingKind::RingSplit, Some("blue".into())));
    let mut inventory = rings.inventory();
    let once = fact(&inventory, "blue", rings::split);
    assert!(matches!(once, RingFact::Unknown(_)), "{once:?}");
    // Read before, half a minute ago, and it was the same.
    inventory = rings.world.inventory();
    for seconds in [31, 0] {
        let at = now().checked_sub(Duration::from_secs(seconds)).unwrap();
        rings.events(at).into_iter().for_each(|event| inventory.apply(event));
    }
    let twice = fact(&inventory, "blue", rings::split);
    assert!(matches!(twice, RingFact::Wrong(_)), "{twice:?}");
    assert!(matches!(fact(&inventory, "green", rings::split), RingFact::Well(_)));
}

/// A newcomer that its peers' pages are too old to have is no split.
#[test]
fn a_page_older_than_a_newcomer_proves_nothing() {
    let mut rings = whole(blue_green());
    let (_, ip) = rings.node(0, 2);
    let newcomer = RingMember { registered_age: Some(3), ..member("loki", ip) };
    let old: Vec<_> = (0..2).map(|peer| member("loki", rings.node(0, peer).1)).collect();
    let all = old.iter().cloned().chain([newcomer]).collect();
    rings.sees(0, 0, "loki", old.clone());
    rings.sees(0, 1, "loki", old);
    rings.sees(0, 2, "loki", all);
    assert_eq!(rings.estate().findings, []);
}

#[test]
fn one_ring_of_two_products_is_cross_joined() {
    let mut rings = whole(blue_green());
    let all: Vec<_> = ["loki", "tempo"]
        .iter()
        .flat_map(|product| {
            (0..3).map(|node| member(product, rings.node(0, node).1)).collect::<Vec<_>>()
        })
        .collect();
    for node in 0..3 {
        rings.sees(0, node, "loki", all.clone());
        rings.sees(0, node, "tempo", all.clone());
    }
    let finding = rings.only();
    assert_eq!(
        (finding.kind, finding.severity),
        (FindingKind::RingCrossJoined, Severity::Critical)
    );
    assert!(finding.summary.contains("6 members"), "{}", finding.summary);
    let answer = fact(&rings.inventory(), "blue", rings::foreign_product);
    assert!(matches!(answer, RingFact::Wrong(_)), "{answer:?}");
    let green = fact(&rings.inventory(), "green", rings::foreign_product);
    assert!(matches!(green, RingFact::Wrong(_) | RingFact::Well(_)), "{green:?}");
}

/// Tempo with target=all keeps its ring to itself, but its gossip may still be Loki's.
#[test]
fn shared_gossip_alone_is_a_warning() {
    let mut rings = whole(blue_green());
    for ((_, product), told) in &mut rings.told {
        if *product == "tempo" {
            told.ring = Page::Read(Arc::new(Ring {
                members: vec![member("tempo", "127.0.0.1".parse().unwrap())],
            }));
            told.gossip = Page::Read(Arc::new(Gossip {
                members: Vec::new(),
                keys: ["collectors/distributor".to_owned()].into(),
            }));
        } else if let Page::Read(gossip) = &mut told.gossip {
            Arc::make_mut(gossip).keys.insert("collectors/distributor".into());
        }
    }
    let estate = rings.estate();
    let kinds: Vec<_> = estate.findings.iter().map(|of| (of.kind, of.severity)).collect();
    let cross = (FindingKind::RingCrossJoined, Severity::Warning);
    let not_shared = (FindingKind::RingNotJoined, Severity::Info);
    assert_eq!(kinds, [cross, cross, not_shared, not_shared], "once a fleet each");
    let (id, _) = rings.node(0, 0);
    assert_eq!(standing(&estate, &id, "tempo"), RingStanding::NotShared);
}

#[test]
fn debris_that_blocks_a_newcomer_is_named_with_the_way_out() {
    let mut rings = whole(blue_green());
    let ghost = RingMember {
        state: RingState::Unhealthy,
        heartbeat_age: Some(140),
        ..member("loki", "127.0.9.9".parse().unwrap())
    };
    for node in 0..3 {
        let mut members: Vec<_> =
            (0..3).map(|peer| member("loki", rings.node(1, peer).1)).collect();
        members.push(ghost.clone());
        rings.sees(1, node, "loki", members);
    }
    let finding = rings.only();
    assert_eq!((finding.kind, finding.severity), (FindingKind::RingUnhealthy, Severity::Warning));
    assert!(finding.summary.contains("2 min 20 s"), "{}", finding.summary);
    let other = fact(&rings.inventory(), "green", rings::other_debris);
    assert!(matches!(other, RingFact::Wrong(_)), "{other:?}");
    let blocking = fact(&rings.inventory(), "green", rings::blocking_debris);
    assert!(matches!(blocking, RingFact::Well(_)), "{blocking:?}");
    // Now it keeps the third node of green from becoming ready.
    let node = &mut rings.world.fleets[1].nodes[2];
    node.probes.insert("loki", ProbeReason::BlockedBy("127.0.9.9:9095".into()));
    let estate = rings.estate();
    let kinds: Vec<_> = estate.findings.iter().map(|of| (of.kind, of.severity)).collect();
    assert_eq!(
        kinds,
        [
            (FindingKind::RingUnhealthy, Severity::Critical),
            (FindingKind::ProbeFailed, Severity::Warning)
        ]
    );
    let command =
        "curl -sS -X POST --data-urlencode forget=loki-127.0.9.9 http://127.11.0.0:3100/ring";
    for finding in &estate.findings {
        assert!(finding.runbook.ends_with(command), "{}", finding.runbook);
    }
    assert!(estate.findings[1].summary.contains("the ring's member loki-127.0.9.9"));
    let blocking = fact(&rings.inventory(), "green", rings::blocking_debris);
    assert!(matches!(blocking, RingFact::Wrong(_)), "{blocking:?}");
}

/// A name that a shell would read is not put into a command.
#[test]
fn a_members_name_cannot_become_a_command() {
    let mut rings = whole(blue_green());
    let ghost = RingMember {
        id: "x;reboot".into(),
        state: RingState::Unhealthy,
        ..member("loki", "127.0.9.9".parse().unwrap())
    };
    let members: Vec<_> =
        (0..3).map(|peer| member("loki", rings.node(0, peer).1)).chain([ghost]).collect();
    for node in 0..3 {
        rings.sees(0, node, "loki", members.clone());
    }
    let runbook = rings.only().runbook;
    assert!(!runbook.contains("curl"), "{runbook}");
}

#[test]
fn a_node_that_its_peers_do_not_have_has_not_joined() {
    let mut rings = whole(blue_green());
    let (id, _) = rings.node(0, 2);
    for node in 0..2 {
        let peers = (0..2).map(|peer| member("loki", rings.node(0, peer).1)).collect();
        rings.sees(0, node, "loki", peers);
    }
    rings.told.get_mut(&(id.clone(), "loki")).unwrap().ring = Page::CannotTell("no page".into());
    let finding = rings.only();
    assert_eq!((finding.kind, finding.instance_id), (FindingKind::RingNotJoined, Some(id.clone())));
    // Whose process is down is a failed probe, and nothing more.
    let node = &mut rings.world.fleets[0].nodes[2];
    node.probes.insert("loki", ProbeReason::Refused);
    let estate = rings.estate();
    assert_eq!(estate.findings.len(), 1);
    assert_eq!(estate.findings[0].kind, FindingKind::ProbeFailed);
}

#[test]
fn pages_that_cannot_be_told_make_no_finding_and_no_guard_pass() {
    let mut rings = whole(blue_green());
    for told in rings.told.values_mut() {
        told.ring = Page::CannotTell("a page of next year".into());
    }
    assert_eq!(rings.estate().findings, []);
    for ask in [rings::foreign_product, rings::split, rings::blocking_debris] {
        let answer = fact(&rings.inventory(), "blue", ask);
        assert!(matches!(answer, RingFact::Unknown(_)), "{answer:?}");
    }
    // Nor does what was never read, or what is too old.
    let answer = fact(&rings.world.inventory(), "blue", rings::split);
    assert!(matches!(answer, RingFact::Unknown(_)), "{answer:?}");
}

#[test]
fn container_addresses_are_not_taken_for_anybodys() {
    let mut rings = whole(blue_green());
    for (number, ((_, product), told)) in rings.told.iter_mut().enumerate() {
        let members: Vec<_> = (2..5)
            .map(|last| RingMember {
                id: format!("{product}{last}").into(),
                ..member(product, format!("172.17.0.{last}").parse().unwrap())
            })
            .collect();
        *told = page(product, members);
        let _ = number;
    }
    let estate = rings.estate();
    assert_eq!(estate.findings, []);
    let (id, _) = rings.node(0, 0);
    assert!(
        matches!(standing(&estate, &id, "loki"), RingStanding::Unknown(why) if why.contains("not the instances' own"))
    );
}

#[test]
fn two_versions_in_one_fleet_are_mixed() {
    let mut rings = whole(blue_green());
    let (id, _) = rings.node(0, 1);
    rings.told.get_mut(&(id, "tempo")).unwrap().version = Page::Read("3.0.3".into());
    let finding = rings.only();
    assert_eq!(finding.kind, FindingKind::MixedVersions);
    assert!(
        finding.summary.contains("2 nodes of 2.7.7 and 1 node of 3.0.3"),
        "{}",
        finding.summary
    );
}

#[test]
fn another_colour_in_the_ring_is_told_to_the_guard_and_is_no_finding() {
    let mut rings = whole(blue_green());
    let both: Vec<_> = (0..2)
        .flat_map(|fleet| {
            (0..3).map(|node| member("loki", rings.node(fleet, node).1)).collect::<Vec<_>>()
        })
        .collect();
    for fleet in 0..2 {
        for node in 0..3 {
            rings.sees(fleet, node, "loki", both.clone());
        }
    }
    assert_eq!(rings.estate().findings, []);
    let answer = fact(&rings.inventory(), "green", rings::foreign_colour);
    assert!(matches!(answer, RingFact::Wrong(text) if text.contains("blue")));
}

/// Of a ring that two fleets share there is one compactor, and neither fleet lacks one.
#[test]
fn a_shared_ring_has_one_compactor_in_all() {
    let mut rings = whole(blue_green());
    let nodes = (0..2).flat_map(|fleet| (0..3).map(move |node| (fleet, node)));
    let nodes: Vec<(usize, usize)> = nodes.collect();
    let both = nodes.iter().map(|(fleet, node)| member("loki", rings.node(*fleet, *node).1));
    let both: Vec<_> = both.collect();
    let leader = rings.node(0, 0).0;
    for shared in [true, false] {
        if shared {
            nodes.iter().for_each(|(fleet, node)| rings.sees(*fleet, *node, "loki", both.clone()));
        } else {
            rings = whole(blue_green());
        }
        let mut inventory = rings.inventory();
        for (fleet, node) in &nodes {
            let (id, _) = rings.node(*fleet, *node);
            let sample = Sample { compactor_running: Some(id == leader), ..sample(1.0) };
            let counted = ProductMetrics { product: "loki".into(), sample: Page::Read(sample) };
            let scope = Scope::Metrics(id);
            inventory.apply(event(scope, Fragment::Metrics(vec![counted])));
        }
        let estate = reconcile(&inventory, now(), &Policy::default());
        let of = |stack: &str| estate.fleets[&StackId::from(stack)].rings[0].compactors.clone();
        assert_eq!(of("blue"), Some(vec![leader.clone()]));
        let expected = if shared { vec![leader.clone()] } else { Vec::new() };
        assert_eq!(of("green"), Some(expected), "shared: {shared}");
        // While the one that runs it has not been asked, nobody knows that none does.
        inventory.metrics.retain(|id, _| *id != leader);
        let estate = reconcile(&inventory, now(), &Policy::default());
        let of = |stack: &str| estate.fleets[&StackId::from(stack)].rings[0].compactors.clone();
        assert_eq!(of("blue"), None);
        assert_eq!(of("green"), if shared { None } else { Some(Vec::new()) }, "{shared}");
    }
}

fn sample(requests: f64) -> Sample {
    Sample {
        requests: Some(requests),
        memory_chunks: Some(0.0),
        flush_queue: Some(0.0),
        live_traces: Some(0.0),
        failed_flushes: Some(0.0),
        ..Sample::default()
    }
}

/// Feeds samples of all products of a node, so many seconds ago each.
fn count(inventory: &mut Inventory, id: &InstanceId, samples: &[(i64, f64)]) {
    for (ago, requests) in samples {
        let products = PORTS.iter().map(|(product, _)| ProductMetrics {
            product: (*product).into(),
            sample: Page::Read(sample(*requests)),
        });
        let fragment = Fragment::Metrics(products.collect());
        inventory.apply(SourceEvent {
            observed_at: now().checked_sub(jiff::SignedDuration::from_secs(*ago)).unwrap(),
            every: Duration::from_secs(15),
            ..event(Scope::Metrics(id.clone()), fragment)
        });
    }
}

#[test]
fn the_traffic_that_shows_is_summed_over_the_fleet() {
    let rings = whole(blue_green());
    let mut inventory = rings.inventory();
    for node in 0..2 {
        count(&mut inventory, &rings.node(0, node).0, &[(15, 100.0), (0, 250.0)]);
    }
    let estate = reconcile(&inventory, now(), &Policy::default());
    let blue = &estate.fleets[&StackId::from("blue")].requests;
    let loki = blue.iter().find(|of| of.product.as_str() == "loki").unwrap();
    assert_eq!((loki.per_second, loki.known, loki.of), (Some(20.0), 2, 3));
    assert_eq!(estate.fleets[&StackId::from("green")].requests, []);
}

#[test]
fn safe_to_stop_takes_everything_and_says_what_is_in_the_way() {
    let mut rings = whole(blue_green());
    let (id, _) = rings.node(0, 2);
    let verdict = |inventory: &Inventory| {
        let estate = reconcile(inventory, now(), &Policy::default());
        safe_to_stop(Picture::new(inventory, &estate, now()), &id)
    };
    // In its groups, in its rings, nothing counted.
    let first = verdict(&rings.inventory());
    assert_eq!(first.verdict, StopVerdict::No);
    assert!(first.commands.iter().any(|of| of.ends_with("/ingester/prepare_shutdown")));
    // Out of the groups and of the rings.
    rings.world.fleets[0].nodes[2].targets.clear();
    for product in ["loki", "tempo"] {
        for node in 0..3 {
            let peers = (0..2).map(|peer| member(product, rings.node(0, peer).1)).collect();
            rings.sees(0, node, product, peers);
        }
    }
    let mut inventory = rings.inventory();
    assert_eq!(verdict(&inventory).verdict, StopVerdict::Unknown, "requests are not counted");
    count(&mut inventory, &id, &[(40, 9.0), (20, 9.0), (0, 9.0)]);
    let last = verdict(&inventory);
    assert_eq!(last.verdict, StopVerdict::Yes, "{:#?}", last.reasons);
    assert_eq!(last.commands, [] as [String; 0]);
    // One request more, and it is not.
    count(&mut inventory, &id, &[(0, 10.0)]);
    let served = verdict(&inventory);
    assert_ne!(served.verdict, StopVerdict::Yes, "{:#?}", served.reasons);
}

/// One node's products answer like this from now on; the pages of those that do not are not read.
fn answers(rings: &mut Rings, inventory: &mut Inventory, id: &InstanceId, how: &[ProbeReason; 2]) {
    let products = ["loki", "tempo"].into_iter().zip(how);
    let unread: Vec<ProductMetrics> = products
        .clone()
        .filter(|(_, reason)| **reason != ProbeReason::Ready)
        .map(|(product, _)| ProductMetrics {
            product: product.into(),
            sample: Page::CannotTell("nobody listens".into()),
        })
        .collect();
    let node = &mut rings.world.fleets[0].nodes[2];
    for (product, reason) in products {
        node.probes.insert(product, reason.clone());
    }
    for fresh in rings.world.events().into_iter().filter(|it| it.scope == Scope::Probe(id.clone()))
    {
        inventory.apply(fresh);
    }
    inventory.apply(event(Scope::Metrics(id.clone()), Fragment::Metrics(unread)));
}

/// Out of its groups and of the rings, with samples of all products so many seconds ago each.
fn left(samples: &[(i64, f64)]) -> (Rings, Inventory, InstanceId) {
    let mut rings = whole(blue_green());
    let (id, _) = rings.node(0, 2);
    rings.world.fleets[0].nodes[2].targets.clear();
    for product in ["loki", "tempo"] {
        for node in 0..3 {
            let peers = (0..2).map(|peer| member(product, rings.node(0, peer).1)).collect();
            rings.sees(0, node, product, peers);
        }
    }
    let mut inventory = rings.inventory();
    count(&mut inventory, &id, samples);
    (rings, inventory, id)
}

#[test]
fn a_product_that_is_stopped_is_judged_by_its_last_word() {
    use ProbeReason::{Ready, Refused};
    let told = |inventory: &Inventory, id: &InstanceId| {
        let estate = reconcile(inventory, now(), &Policy::default());
        let told = safe_to_stop(Picture::new(inventory, &estate, now()), id);
        let texts = told.reasons.iter().map(|of| format!("{}: {}", of.verdict, of.text));
        (told.verdict, texts.collect::<Vec<_>>().join("; "))
    };
    // It had flushed, 20 s before it was found stopped.
    let (mut rings, mut inventory, id) = left(&[(60, 9.0), (40, 9.0), (20, 9.0)]);
    answers(&mut rings, &mut inventory, &id, &[Refused, Refused]);
    let (verdict, text) = told(&inventory, &id);
    assert_eq!(verdict, StopVerdict::Yes, "{text}");
    assert!(text.contains("loki is stopped, and had nothing unflushed 20 s before"), "{text}");
    // Its last word is too old to speak for how it stopped.
    let (mut rings, mut inventory, id) = left(&[(200, 9.0), (160, 9.0)]);
    answers(&mut rings, &mut inventory, &id, &[Refused, Refused]);
    let (verdict, text) = told(&inventory, &id);
    assert_eq!(verdict, StopVerdict::Unknown, "{text}");
    assert!(text.contains("asked for the last time 160 s before: its log tells"), "{text}");
    // It had chunks in memory: whether they were flushed nobody can ask it any more.
    let (mut rings, mut inventory, id) = left(&[(60, 9.0), (40, 9.0)]);
    let kept = Sample { memory_chunks: Some(7.0), ..sample(9.0) };
    let kept = ProductMetrics { product: "loki".into(), sample: Page::Read(kept) };
    let last = event(Scope::Metrics(id.clone()), Fragment::Metrics(vec![kept]));
    inventory.apply(last);
    answers(&mut rings, &mut inventory, &id, &[Refused, Ready]);
    let (verdict, text) = told(&inventory, &id);
    assert_eq!(verdict, StopVerdict::Unknown, "{text}");
    assert!(text.contains("said 0 s before: loki: 7 chunks in memory: its log tells"), "{text}");
    // One that cannot be reached has not been seen to stop.
    let (mut rings, mut inventory, id) = left(&[(60, 9.0), (40, 9.0), (20, 9.0)]);
    answers(&mut rings, &mut inventory, &id, &[ProbeReason::NoRoute, ProbeReason::NoRoute]);
    assert_eq!(told(&inventory, &id).0, StopVerdict::Unknown);
}

#[test]
fn a_product_that_a_node_may_lack_is_not_waited_for() {
    use ProbeReason::{NotPresent, Ready};
    let (mut rings, mut inventory, id) = left(&[]);
    for ago in [40, 20, 0] {
        let loki = ProductMetrics { product: "loki".into(), sample: Page::Read(sample(9.0)) };
        let none = Page::CannotTell("nobody listens".into());
        let tempo = ProductMetrics { product: "tempo".into(), sample: none };
        let fragment = Fragment::Metrics(vec![loki, tempo]);
        inventory.apply(SourceEvent {
            observed_at: now().checked_sub(jiff::SignedDuration::from_secs(ago)).unwrap(),
            every: Duration::from_secs(15),
            ..event(Scope::Metrics(id.clone()), fragment)
        });
    }
    let verdict = |inventory: &Inventory| {
        let estate = reconcile(inventory, now(), &Policy::default());
        safe_to_stop(Picture::new(inventory, &estate, now()), &id)
    };
    assert_eq!(verdict(&inventory).verdict, StopVerdict::Unknown, "it should be there");
    rings.world.fleets[0].nodes[2].probes.insert("loki", Ready);
    rings.world.fleets[0].nodes[2].probes.insert("tempo", NotPresent);
    for fresh in rings.world.events().into_iter().filter(|it| it.scope == Scope::Probe(id.clone()))
    {
        inventory.apply(fresh);
    }
    let told = verdict(&inventory);
    assert_eq!(told.verdict, StopVerdict::Yes, "{:#?}", told.reasons);
}

#[test]
fn what_is_not_flushed_keeps_a_node() {
    let rings = whole(blue_green());
    let (id, _) = rings.node(0, 2);
    let mut inventory = rings.inventory();
    let products = vec![ProductMetrics {
        product: "loki".into(),
        sample: Page::Read(Sample { memory_chunks: Some(7.0), ..sample(1.0) }),
    }];
    inventory.apply(event(Scope::Metrics(id.clone()), Fragment::Metrics(products)));
    let estate = reconcile(&inventory, now(), &Policy::default());
    let picture = Picture::new(&inventory, &estate, now());
    let reasons = safe_to_stop(picture, &id).reasons;
    let kept =
        reasons.iter().any(|of| of.verdict == StopVerdict::No && of.text.contains("7 chunks"));
    assert!(kept, "{reasons:#?}");
}

fn answer(ips: &[&str], ttl: u32) -> SourceEvent {
    let addresses = ips.iter().map(|ip| ip.parse().unwrap()).collect();
    let answer = DnsAnswer {
        resolver: "127.0.0.1:53".into(),
        records: DnsRecords::Addresses { addresses, ttl },
        negative_ttl: Some(900),
    };
    event(Scope::Dns(name()), Fragment::Dns(answer))
}

fn name() -> DnsName {
    let world = world::blue_green().inventory();
    let service = world.all_services().next().unwrap().name.clone();
    DnsName::from(format!("{service}.n"))
}

fn with_dns(world: &World, event: SourceEvent) -> Estate {
    let mut inventory = world.inventory();
    inventory.apply(event);
    reconcile(&inventory, now(), &Policy::default())
}

#[test]
fn an_address_that_is_nobodys_is_foreign_and_one_that_is_missing_is_nothing() {
    let world = blue_green();
    assert_eq!(with_dns(&world, answer(&["127.10.0.0"], 60)).findings, [], "a part is enough");
    let estate = with_dns(&world, answer(&["127.10.0.0", "127.0.9.9"], 60));
    let [finding] = estate.findings.as_slice() else { panic!("{:#?}", estate.findings) };
    assert_eq!(finding.kind, FindingKind::DnsForeign);
    assert!(finding.summary.contains("127.0.9.9 (no living instance's)"), "{}", finding.summary);
    assert_eq!(estate.dns[0].foreign.len(), 1);
    let mut empty = answer(&[], 60);
    if let Ok(Fragment::Dns(answer)) = &mut empty.result {
        answer.records = DnsRecords::NoSuchName;
    }
    assert_eq!(with_dns(&world, empty).findings, [], "no answer proves nothing of the registry");
}

/// Who was deregistered a moment ago is answered until the record's TTL has passed.
#[test]
fn a_departed_member_lingers_in_dns_for_a_while() {
    let mut world = blue_green();
    let mut inventory = world.inventory();
    world.fleets[0].nodes[2].member = None;
    let said: Vec<_> = world.events();
    for one in said.into_iter().filter(|of| matches!(of.scope, Scope::Members(_))) {
        inventory.apply(one);
    }
    inventory.apply(answer(&["127.10.0.2"], 60));
    let foreign = |inventory: &Inventory, at| {
        let estate = reconcile(inventory, at, &Policy::default());
        estate.findings.iter().any(|of| of.kind == FindingKind::DnsForeign)
    };
    assert!(!foreign(&inventory, now()));
    let mut later = inventory.clone();
    later.departed.values_mut().for_each(|left| {
        *left = left.checked_sub(Duration::from_secs(91)).unwrap();
    });
    assert!(foreign(&later, now()));
}

#[test]
fn more_than_eight_members_are_more_than_an_answer_holds() {
    let world = sized(&[("blue", 6, 100), ("green", 6, 0)]);
    let eight: Vec<String> = world.nodes().take(8).map(|node| node.ip.to_string()).collect();
    let eight: Vec<&str> = eight.iter().map(String::as_str).collect();
    let estate = with_dns(&world, answer(&eight, 60));
    let kinds: Vec<_> = estate.findings.iter().map(|of| (of.kind, of.severity)).collect();
    assert_eq!(kinds, [(FindingKind::DnsTruncated, Severity::Info)]);
    assert!(estate.findings[0].summary.contains("12 members and DNS answers 8"));
    let before_a_repair = with_dns(&world, answer(&eight[..2], 60));
    assert!(before_a_repair.findings.is_empty(), "two of twelve is an old answer, not a short one");
}

/// Whatever part of what was told is lost, nothing is said that was not said before: what is not
/// known raises no finding.
#[test]
fn losing_any_part_raises_no_finding_about_rings_or_dns() {
    let mut alone = whole(blue_green());
    let own = member("loki", alone.node(0, 2).1);
    alone.sees(0, 2, "loki", vec![own]);
    for node in 0..2 {
        let peers = (0..2).map(|peer| member("loki", alone.node(0, peer).1)).collect();
        alone.sees(0, node, "loki", peers);
    }
    let mut split = whole(sized(&[("blue", 4, 100), ("green", 3, 0)]));
    for (node, seen) in [(0, [0, 1]), (1, [0, 1]), (2, [2, 3]), (3, [2, 3])] {
        let members = seen.map(|peer| member("tempo", split.node(0, peer).1)).to_vec();
        split.sees(0, node, "tempo", members);
    }
    for rings in [whole(blue_green()), alone, split] {
        let mut events = rings.world.events();
        events.extend(rings.events(now()));
        events.push(answer(&["127.10.0.0", "127.0.9.9"], 60));
        let told = |events: &[SourceEvent]| -> BTreeMap<String, FindingKind> {
            let mut inventory = Inventory::default();
            events.iter().cloned().for_each(|event| inventory.apply(event));
            let estate = reconcile(&inventory, now(), &Policy::default());
            let ours = |of: &Finding| {
                let kind = of.kind.to_string();
                kind.starts_with("ring_") || kind.starts_with("dns_")
            };
            let ours = estate.findings.into_iter().filter(ours);
            ours.map(|one| (format!("{:?} {:?}", one.stack_id, one.instance_id), one.kind))
                .collect()
        };
        let all = told(&events);
        for lost in 0..events.len() {
            let mut rest = events.clone();
            let scope = rest.remove(lost).scope;
            for (about, kind) in told(&rest) {
                // Of a node that is alone and says so no more, its peers still say that it is in no
                // ring of theirs.
                let less = kind == FindingKind::RingNotJoined
                    && all.get(&about) == Some(&FindingKind::RingIsolatedNode);
                assert!(less || all.get(&about) == Some(&kind), "without {scope}: {kind} {about}");
            }
        }
    }
}
