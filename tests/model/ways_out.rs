//! The ways out: from every state that can be reached, without a further fault, every run can be
//! brought to an end, and what a run has moved can be had back. The whole graph is made and searched
//! backwards. On the way it is seen that every action is taken.

use crate::action::{Action, Without};
use crate::engine::Runs;
use crate::world::{Kind, Life, Record, Shape, State};
use crate::{THREE, TWO};
use stateright::Model;
use std::collections::{BTreeSet, HashMap};

struct Graph {
    states: Vec<State>,
    /// Where each state can be come to from without a fault.
    before: Vec<Vec<u32>>,
    taken: BTreeSet<String>,
}

fn graph(runs: &Runs) -> Graph {
    let mut graph = Graph { states: Vec::new(), before: Vec::new(), taken: BTreeSet::new() };
    let mut known: HashMap<State, u32> = HashMap::new();
    for state in runs.init_states() {
        known.insert(state.clone(), 0);
        graph.states.push(state);
        graph.before.push(Vec::new());
    }
    let (mut at, mut actions) = (0, Vec::new());
    let mut taken: BTreeSet<Action> = BTreeSet::new();
    while at < graph.states.len() {
        let state = graph.states[at].clone();
        runs.actions(&state, &mut actions);
        for action in actions.drain(..) {
            let Some(next) = runs.next_state(&state, action) else { continue };
            taken.insert(action);
            let number = *known.entry(next).or_insert_with_key(|next| {
                graph.states.push(next.clone());
                graph.before.push(Vec::new());
                graph.states.len() as u32 - 1
            });
            if !action.is_fault() && number as usize != at {
                graph.before[number as usize].push(at as u32);
            }
        }
        at += 1;
    }
    graph.taken = taken.into_iter().map(Action::name).collect();
    graph
}

/// The first state among those that need it from which no state of this kind can be come to.
fn stuck(
    graph: &Graph,
    is_out: impl Fn(&State) -> bool,
    needs: impl Fn(&State) -> bool,
) -> Option<&State> {
    let mut reaches = vec![false; graph.states.len()];
    let mut open: Vec<u32> = Vec::new();
    for (number, state) in graph.states.iter().enumerate() {
        if is_out(state) {
            reaches[number] = true;
            open.push(number as u32);
        }
    }
    while let Some(number) = open.pop() {
        for before in &graph.before[number as usize] {
            if !std::mem::replace(&mut reaches[*before as usize], true) {
                open.push(*before);
            }
        }
    }
    graph
        .states
        .iter()
        .zip(reaches)
        .find(|(state, reaches)| !reaches && needs(state))
        .map(|(state, _)| state)
}

/// Nobody is at work, and nothing is locked; or suspended, but by a stale call that came when nobody
/// was left to look again.
fn is_over(state: &State) -> bool {
    let over = |host: &crate::world::Host| host.life == Life::Lost || host.run.is_none();
    state.lock.is_none() && (!state.suspended || state.late) && state.hosts.iter().all(over)
}

/// What was moved and is recorded can be had back, unless somebody else has written since.
fn has_moved(state: &State) -> bool {
    !state.is_back() && !state.is_foreign() && !state.late && !is_through(state) && !goes_on(state)
}

/// A run is at work and may come to its end: whoever wants the shares back lets it hold first.
fn goes_on(state: &State) -> bool {
    state.hosts.iter().any(|host| {
        let forward = matches!(host.run, Some(Kind::Cutover | Kind::Abort));
        forward && !host.held && matches!(host.life, Life::Up | Life::Paused)
    })
}

/// No run that is not through is without its record (that is a property).
fn is_through(state: &State) -> bool {
    state.record != Record::Whole && !state.suspended
}

fn ways_out(name: &str, shape: Shape) -> BTreeSet<String> {
    let graph = graph(&Runs::new(shape, Without::Nothing));
    let all = graph.states.len();
    println!("{name}: {all} states searched backwards");
    assert_eq!(stuck(&graph, is_over, |_| true), None, "every run can be ended");
    assert_eq!(stuck(&graph, State::is_back, has_moved), None, "the shares can be had back");
    graph.taken
}

#[test]
fn every_run_can_be_ended_and_its_shares_be_had_back() {
    let mut taken = ways_out("two hosts", Shape { faults: 1, ..TWO });
    taken.extend(ways_out("three hosts", Shape { faults: 1, ..THREE }));
    taken.extend(ways_out("two hosts, at once", Shape { faults: 1, at_once: true, ..TWO }));
    let all = Runs::new(TWO, Without::Nothing).all_actions();
    let all: BTreeSet<String> = all.into_iter().map(Action::name).collect();
    assert_eq!(taken, all, "every action is taken");
}

#[test]
fn a_record_that_goes_with_the_lock_takes_the_shares_with_it() {
    let graph = graph(&Runs::new(TWO, Without::RecordOutlives));
    let lost = |state: &State| !state.is_back() && !state.is_foreign() && !state.late;
    let split = |state: &State| lost(state) && state.cells.iter().any(|cell| cell.now == 1);
    assert!(stuck(&graph, State::is_back, split).is_some());
}
