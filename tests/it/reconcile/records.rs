//! What runs of any host leave on the registry, joined with what it is about: who is at work, what
//! a dead run left, whose pins, which nodes are out on purpose.

use super::reconcile;
use super::world::{self, World, blue_green, event, service};
use jiff::Timestamp;
use quarterdeck::core::error::{ErrorKind, SourceError};
use quarterdeck::core::estate::{Estate, Policy};
use quarterdeck::core::finding::{FindingKind, Fix, Severity};
use quarterdeck::core::ids::{InstanceId, ServiceId};
use quarterdeck::core::inventory::{Inventory, RegistryService};
use quarterdeck::core::plan::{ActionId, LockScope};
use quarterdeck::core::record::{Attributes, LockRecord, lock_name, marks, marks_name};
use quarterdeck::core::source::{Fragment, Scope, SourceEvent};
use std::collections::BTreeSet;
use std::time::Duration;

fn ago(seconds: u64) -> Timestamp {
    world::now().checked_sub(Duration::from_secs(seconds)).unwrap()
}

fn scope() -> LockScope {
    LockScope::LoadBalancer(world::balancer(), "front".into())
}

fn lock() -> ServiceId {
    ServiceId::from("srv-lock")
}

/// What a cutover that pinned blue and wrote a listener says, last heard of so long ago.
fn said(seconds: u64) -> LockRecord {
    LockRecord {
        holder: "ana@bastion-7".into(),
        reason: "cutover blue to green".into(),
        run: "r-1".into(),
        step: "4/14 :3100 to 10 %".into(),
        heartbeat: Some(ago(seconds)),
        giving: Some("blue".into()),
        receiving: Some("green".into()),
        suspended: [("blue-asg".into(), BTreeSet::from(["AZRebalance".to_owned()]))].into(),
        previous: vec![(ActionId { listener: "l".into(), rule: None }, <_>::default())],
        drained: BTreeSet::new(),
    }
}

/// The news of these records: their services listed, and what each answers.
fn news(
    records: Vec<(ServiceId, String, Result<Option<Attributes>, SourceError>)>,
) -> Vec<SourceEvent> {
    let namespace = quarterdeck::core::ids::NamespaceId::from("ns-1");
    let of = |id: ServiceId, name: &str| RegistryService {
        id,
        name: name.into(),
        namespace: namespace.clone(),
        custom_health: false,
        description: None,
        created: None,
    };
    let mut services = vec![of(service(), "glt")];
    services.extend(records.iter().map(|(id, name, _)| of(id.clone(), name)));
    let listed = event(Scope::Services(namespace.clone()), Fragment::Services(services));
    let each = records.into_iter().map(|(id, _, said)| SourceEvent {
        result: said.map(Fragment::Record),
        ..event(Scope::Record(id), Fragment::Record(None))
    });
    std::iter::once(listed).chain(each).collect()
}

fn with(world: &World, events: Vec<SourceEvent>) -> (Inventory, Estate) {
    let mut inventory = world.inventory();
    events.into_iter().for_each(|event| inventory.apply(event));
    let estate = reconcile(&inventory, world::now(), &Policy::default());
    (inventory, estate)
}

fn locked(world: &World, said: &LockRecord) -> Estate {
    let record = (lock(), lock_name(&scope()), Ok(Some(said.attributes())));
    with(world, news(vec![record])).1
}

fn kinds(estate: &Estate) -> Vec<FindingKind> {
    estate.findings.iter().map(|one| one.kind).collect()
}

fn pinned() -> World {
    let mut world = blue_green();
    world.fleets[0].suspended = vec!["AZRebalance"];
    world
}

#[test]
fn a_living_run_is_shown_and_its_pins_are_its_own() {
    let estate = locked(&pinned(), &said(20));
    assert_eq!(kinds(&estate), [FindingKind::Pinned]);
    let finding = &estate.findings[0];
    assert_eq!((finding.severity, finding.fix), (Severity::Info, None));
    assert_eq!(
        finding.summary,
        "blue-asg has AZRebalance suspended by ana@bastion-7 (run r-1) for cutover blue to green"
    );
    for stack in ["blue", "green"] {
        let lock = estate.lock_on(&stack.into()).unwrap();
        assert!(!lock.left && lock.service_id == self::lock(), "{lock:?}");
        assert_eq!(lock.quiet(world::now()), Some(Duration::from_secs(20)));
    }
    assert!(estate.whole, "a record is no registry whose members could be missing");
}

#[test]
fn what_others_suspended_beside_the_run_stays_a_warning() {
    let mut world = pinned();
    world.fleets[0].suspended.push("Launch");
    let estate = locked(&world, &said(20));
    assert_eq!(kinds(&estate), [FindingKind::SuspendedProcesses, FindingKind::Pinned]);
    assert_eq!(estate.findings[0].summary, "blue-asg has Launch suspended");
}

#[test]
fn a_run_that_fell_silent_is_left_over_and_says_what_it_left() {
    for (seconds, silent) in [(180, false), (181, true)] {
        let lock = locked(&pinned(), &said(seconds)).locks.remove(0);
        // At first sight it only seems so: by the clock of another host nothing is proven.
        assert_eq!((lock.silent, lock.left), (silent, false), "{seconds}");
    }
    let estate = locked(&pinned(), &said(600));
    assert_eq!(kinds(&estate), [FindingKind::LeftoverRun, FindingKind::Pinned]);
    let finding = &estate.findings[0];
    assert_eq!((finding.severity, finding.fix), (Severity::Warning, Some(Fix::Takeover)));
    assert_eq!(finding.stack_id, Some("blue".into()));
    assert_eq!((finding.service_id.clone(), finding.since), (Some(lock()), ago(600)));
    let end = "It left 1 Auto Scaling group pinned and 1 listener action written";
    assert!(finding.summary.ends_with(&format!(". {end}.")), "{}", finding.summary);
    let causes = quarterdeck::core::cause::causes(&estate);
    assert_eq!(causes.len(), 1, "its pins stand with it: {causes:?}");
}

/// Whatever time its heartbeats give: what counts is for how long this watcher sees the same one.
#[test]
fn a_run_is_dead_when_its_heartbeat_was_watched_unchanged_and_alive_when_it_changed() {
    let record = |said: &LockRecord| (lock(), lock_name(&scope()), Ok(Some(said.attributes())));
    let mut inventory = with(&pinned(), news(vec![record(&said(9_000))])).0;
    let mut at = |seconds: u64, heartbeat: u64, step: &str| {
        let later = world::now().checked_add(Duration::from_secs(seconds)).unwrap();
        let says = LockRecord { step: step.into(), ..said(heartbeat) };
        for mut event in news(vec![record(&says)]) {
            event.observed_at = later;
            inventory.apply(event);
        }
        let lock = reconcile(&inventory, later, &Policy::default()).locks.remove(0);
        (lock.left, lock.silent)
    };
    assert_eq!(at(80, 9_000, "the same"), (false, true));
    // That another part of it changed is no heartbeat.
    assert_eq!(at(90, 9_000, "another"), (true, true));
    assert_eq!(at(100, 9_001, "it goes backwards, and beats"), (false, false));
    assert_eq!(at(189, 9_001, "not yet"), (false, false));
    assert!(at(190, 9_001, "dead").0);
}

/// Killed before its heart beat once: it is silent since we first read the same.
#[test]
fn a_lock_that_says_nothing_is_left_over_once_it_was_seen_so_for_long() {
    let record = || (lock(), lock_name(&scope()), Ok(Some(Attributes::new())));
    let (mut inventory, estate) = with(&blue_green(), news(vec![record()]));
    assert_eq!(kinds(&estate), []);
    let later = world::now().checked_add(Duration::from_secs(200)).unwrap();
    for mut event in news(vec![record()]) {
        event.observed_at = later;
        inventory.apply(event);
    }
    let estate = reconcile(&inventory, later, &Policy::default());
    assert!(estate.locks[0].left);
    assert_eq!(estate.locks[0].giving(), Some(&"blue".into()), "whoever shares it");
}

#[test]
fn a_record_that_cannot_be_read_or_is_old_proves_nothing() {
    let denied = || Err(SourceError::new(ErrorKind::Denied, "GetServiceAttributes", "no"));
    let mut world = pinned();
    world.fleets[0].nodes[0].targets.clear();
    let estate = with(&world, news(vec![(lock(), lock_name(&scope()), denied())])).1;
    // Whether the node was drained on purpose is not known; that something is suspended is.
    assert!(!kinds(&estate).contains(&FindingKind::NotInTargetGroup), "{:?}", kinds(&estate));
    assert!(kinds(&estate).contains(&FindingKind::SuspendedProcesses));
    assert!(estate.locks[0].said.is_err() && !estate.locks[0].left);
    // Read once, an hour ago: it is still somebody's, and nobody is called dead by it.
    let record = (lock(), lock_name(&scope()), Ok(Some(said(600).attributes())));
    let (inventory, _) = with(&pinned(), news(vec![record]));
    let later = world::now().checked_add(Duration::from_secs(3600)).unwrap();
    let estate = reconcile(&inventory, later, &Policy::default());
    assert!(!kinds(&estate).contains(&FindingKind::LeftoverRun));
    assert!(estate.lock_on(&"blue".into()).is_some());
}

#[test]
fn a_lock_that_was_given_back_is_gone_at_once() {
    let record = (lock(), lock_name(&scope()), Ok(None));
    let estate = with(&blue_green(), news(vec![record])).1;
    assert_eq!((estate.locks.len(), kinds(&estate)), (0, vec![]));
}

#[test]
fn a_marked_node_is_out_on_purpose_and_not_missing() {
    let mut world = blue_green();
    let id: InstanceId = world.fleets[0].nodes[0].id.clone();
    world.fleets[0].nodes[0].targets.clear();
    world.cross_zone = true;
    world.zones = vec!["z-b", "z-c"];
    let missing = with(&world, Vec::new()).1;
    assert!(kinds(&missing).contains(&FindingKind::NotInTargetGroup), "{:?}", kinds(&missing));
    let said = marks(&BTreeSet::from([id.clone()]), &<_>::default());
    let record = || (ServiceId::from("srv-m"), marks_name(&scope()), Ok(Some(said.clone())));
    let estate = with(&world, news(vec![record()])).1;
    assert_eq!(kinds(&estate), [FindingKind::DrainedOnPurpose]);
    assert_eq!(estate.findings[0].fix, Some(Fix::Undrain));
    assert!(estate.nodes[&id].drained_on_purpose);
    assert!(estate.locks.is_empty(), "marks are nobody's lock");
    // Somebody brought it back by hand: the mark no longer says what is.
    let back = with(&blue_green(), news(vec![record()])).1;
    assert_eq!((kinds(&back), back.nodes[&id].drained_on_purpose), (vec![], false));
}
