//! A model of runs on several hosts, explored whole with Stateright: the engine's phases, Cloud Map
//! with locks and heartbeats, listeners without a conditional write, calls that arrive late. Its
//! decisions are the product's own rules. What may never be is never; without any one of the rules it
//! is; and from every state there is a way out.

#![expect(clippy::print_stdout, reason = "the number of states is printed")]

mod action;
mod arrive;
mod engine;
mod steps;
mod ways_out;
mod world;

use action::{Action, Without, bad};
use engine::Runs;
use stateright::{Checker, Model, Property};
use world::{Shape, State};

fn holds<const BIT: u16>(_: &Runs, state: &State) -> bool {
    state.broken & BIT == 0
}

impl Model for Runs {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(&self.shape)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What is broken is not explored further.
        if state.broken == 0 {
            let faulty = state.faults > 0;
            let may = |action: &&Action| faulty || !action.is_fault();
            actions.extend(self.actions.iter().filter(may).copied());
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.happens(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "one run acts on a load balancer at a time",
                holds::<{ bad::TWO_AT_ONCE }>,
            ),
            Property::always(
                "a fenced host sends at most one stale call",
                holds::<{ bad::STALE_TWICE }>,
            ),
            Property::always(
                "nothing is sent again before a look that shows it not done",
                holds::<{ bad::SENT_AGAIN }>,
            ),
            Property::always(
                "the record is there before what needs it",
                holds::<{ bad::NO_RECORD }>,
            ),
            Property::always("the record stays while it is needed", holds::<{ bad::RECORD_LOST }>),
            Property::always("a lock is taken only from the dead", holds::<{ bad::LOCK_STOLEN }>),
            Property::always(
                "nothing is built on another's value",
                holds::<{ bad::BUILT_ON_FOREIGN }>,
            ),
            Property::always("a run leaves behind what it says", holds::<{ bad::ENDED_WRONG }>),
            Property::always(
                "with nothing between check and arrival no call is stale",
                holds::<{ bad::STALE_AT_ALL }>,
            ),
        ]
    }
}

/// 2 hosts, 1 load balancer, 2 listeners, 2 shifts.
const TWO: Shape =
    Shape { hosts: 2, listeners: 2, shifts: 2, cutovers: 2, faults: 1, at_once: false };
/// 3 hosts, 1 load balancer, 1 listener, 1 shift.
const THREE: Shape =
    Shape { hosts: 3, listeners: 1, shifts: 1, cutovers: 1, faults: 1, at_once: false };

/// Explores all there is; the properties that are broken, each with its shortest way.
fn explored(name: &str, shape: Shape, without: Without) -> Vec<(&'static str, String)> {
    let checker = Runs::new(shape, without).checker().threads(2).spawn_bfs().join();
    println!("{name}: {} states, {} deep", checker.unique_state_count(), checker.max_depth());
    let found = checker.discoveries().into_iter();
    found.map(|(name, path)| (name, format!("{:?}", path.into_actions()))).collect()
}

#[test]
fn two_hosts_two_listeners_two_shifts() {
    assert_eq!(explored("two hosts", TWO, Without::Nothing), []);
}

#[test]
fn three_hosts_one_listener_one_shift() {
    assert_eq!(explored("three hosts", THREE, Without::Nothing), []);
}

/// Two things go wrong on one path, in the smallest world.
#[test]
fn two_faults() {
    let small = Shape { listeners: 1, shifts: 1, cutovers: 1, faults: 2, ..TWO };
    assert_eq!(explored("two hosts, one listener, two faults", small, Without::Nothing), []);
}

/// The same in the larger worlds: minutes and gigabytes, by hand.
#[test]
#[ignore = "takes minutes"]
fn two_faults_in_the_larger_worlds() {
    let shape = Shape { faults: 2, ..TWO };
    assert_eq!(explored("two hosts, two faults", shape, Without::Nothing), []);
    let shape = Shape { faults: 2, ..THREE };
    assert_eq!(explored("three hosts, two faults", shape, Without::Nothing), []);
}

#[test]
fn with_nothing_between_check_and_arrival_no_call_is_stale() {
    let shape = Shape { at_once: true, ..TWO };
    assert_eq!(explored("two hosts, at once", shape, Without::Nothing), []);
    let shape = Shape { at_once: true, ..THREE };
    assert_eq!(explored("three hosts, at once", shape, Without::Nothing), []);
}

/// Without a rule its property is broken; the model stops at the first way that shows it.
fn fails(without: Without, shape: Shape, property: &str) {
    let checker = Runs::new(shape, without).checker().threads(2);
    let any = stateright::HasDiscoveries::AnyOf([property_named(property)].into());
    let checker = checker.finish_when(any).spawn_bfs().join();
    let path = checker.discovery(property_named(property));
    assert!(path.is_some(), "without {without:?} this holds all the same: {property}");
    println!(
        "without {without:?} ({} states): {:?}",
        checker.unique_state_count(),
        path.map(stateright::Path::into_actions)
    );
}

fn property_named(name: &str) -> &'static str {
    let all = Runs::new(TWO, Without::Nothing).properties();
    all.iter().map(|of| of.name).find(|of| *of == name).unwrap_or_default()
}

#[test]
fn without_the_fence_a_host_sends_stale_calls_on_and_on() {
    fails(Without::TheFence, TWO, "a fenced host sends at most one stale call");
}

#[test]
fn without_a_young_answer_two_runs_act_at_a_time() {
    fails(Without::AYoungAnswer, TWO, "one run acts on a load balancer at a time");
}

#[test]
fn without_its_own_heartbeat_two_runs_act_at_a_time() {
    fails(Without::AnOwnHeartbeat, TWO, "one run acts on a load balancer at a time");
}

#[test]
fn without_unknown_a_call_is_sent_twice() {
    let property = "nothing is sent again before a look that shows it not done";
    fails(Without::Unknown, TWO, property);
    fails(Without::TheSendWindow, TWO, property);
}

#[test]
fn without_its_order_a_record_is_missing() {
    fails(Without::RecordFirst, TWO, "the record is there before what needs it");
    fails(Without::RecordStays, TWO, "the record stays while it is needed");
    fails(Without::TheOlderRecord, TWO, "the record stays while it is needed");
}

#[test]
fn without_the_watch_and_the_id_locks_are_stolen() {
    fails(Without::TheWatch, TWO, "a lock is taken only from the dead");
    fails(Without::TheId, THREE, "a lock is taken only from the dead");
}

#[test]
fn without_a_second_look_a_late_call_goes_unseen() {
    fails(Without::TheSecondLook, TWO, "a run leaves behind what it says");
}

#[test]
fn without_a_comparison_it_builds_on_anything() {
    fails(Without::Facts, TWO, "nothing is built on another's value");
    fails(Without::Foreign, TWO, "nothing is built on another's value");
}
