//! When to read what: every wanted scope at its own cadence, one read of a scope in flight, a
//! bounded number of reads a source, what is due and on screen first.

use super::demand::Want;
use super::reader::Reader;
use crate::clock::Clock;
use crate::core::error::ErrorKind;
use crate::core::source::{Scope, Source, SourceEvent};
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Reads of one source in flight at once. AWS answers a handful in parallel without throttling.
/// Probes are bounded by file descriptors: four a node, within the usual soft limit of 1,024, and
/// enough that a hundred hanging nodes do not hold up the others.
fn in_flight(source: Source) -> usize {
    match source {
        Source::Probes => 128,
        // Several pages a node at once, of which the prober bounds the number.
        Source::Rings | Source::Metrics => 32,
        _ => 8,
    }
}

/// A scope that is throttled again and again is read this many times more slowly at most.
const BACKED_OFF_AT_MOST: u32 = 8;
/// What is throttled before it was ever read is tried again after so long, then after twice as
/// long and so on: somebody waits for it, and the account's bucket refills within seconds.
const FIRST_AGAIN: Duration = Duration::from_secs(1);
/// Cadences are spread by so many percent, so that many consoles do not fall into step.
const JITTER_PERCENT: u64 = 10;

/// What the scheduler is told.
#[derive(Debug)]
pub struct Orders {
    /// What to read from now on, and nothing else. The latest word counts.
    pub wants: watch::Receiver<Vec<Want>>,
    /// Read everything now. One such wish that waits is enough.
    pub now: mpsc::Receiver<()>,
}

struct State {
    want: Want,
    due: Timestamp,
    running: bool,
    /// Nobody wants it any more; it is kept while its read is under way, so that a scope that is
    /// wanted again meanwhile is not read twice at once.
    dropped: bool,
    ended: Option<Timestamp>,
    backoff: u32,
    /// Whether it was ever read.
    read: bool,
    /// The last order that it was in.
    order: u64,
}

/// What waits of a source: what is due later, by time, and what is due, by rank. What has long been
/// due and ranks low must not hold up what is on screen.
#[derive(Default)]
struct Queue {
    later: BTreeSet<(Timestamp, u8, Scope)>,
    due: BTreeSet<(u8, Timestamp, Scope)>,
}

impl Queue {
    fn insert(&mut self, state: &State) {
        self.later.insert((state.due, state.want.rank, state.want.scope.clone()));
    }

    fn remove(&mut self, state: &State) {
        let scope = &state.want.scope;
        self.later.remove(&(state.due, state.want.rank, scope.clone()));
        self.due.remove(&(state.want.rank, state.due, scope.clone()));
    }

    /// Takes out what is due now and ranks first.
    fn pop(&mut self, now: Timestamp) -> Option<Scope> {
        while let Some(first) = self.later.first()
            && first.0 <= now
        {
            let (due, rank, scope) = self.later.pop_first()?;
            self.due.insert((rank, due, scope));
        }
        self.due.pop_first().map(|(_, _, scope)| scope)
    }

    /// When something is due next; of what is due already, some time in the past.
    fn next(&self) -> Option<Timestamp> {
        let due = self.due.first().map(|(_, due, _)| *due);
        due.or_else(|| self.later.first().map(|(due, ..)| *due))
    }
}

/// Runs reads for as long as somebody listens.
pub struct Scheduler {
    reader: Arc<Reader>,
    clock: Clock,
    states: FxHashMap<Scope, State>,
    queues: BTreeMap<Source, Queue>,
    flying: BTreeMap<Source, usize>,
    reads: JoinSet<(Want, SourceEvent)>,
    turn: u64,
    /// How many orders came.
    order: u64,
}

impl Scheduler {
    /// A scheduler that reads nothing yet.
    pub fn new(reader: Reader, clock: Clock) -> Self {
        Self {
            reader: Arc::new(reader),
            clock,
            states: FxHashMap::default(),
            queues: BTreeMap::new(),
            flying: BTreeMap::new(),
            reads: JoinSet::new(),
            turn: 0,
            order: 0,
        }
    }

    /// Runs until nobody gives orders or listens any more.
    pub async fn run(mut self, mut orders: Orders, events: mpsc::Sender<SourceEvent>) {
        loop {
            self.start_due();
            let next = self.next_due();
            tokio::select! {
                biased;
                changed = orders.wants.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wants = orders.wants.borrow_and_update().clone();
                    self.want(wants);
                }
                Some(()) = orders.now.recv() => self.all_now(),
                Some(done) = self.reads.join_next() => {
                    // A read that panicked has already ended the process (invariant 11).
                    let Ok((want, event)) = done else { continue };
                    self.ended(&want, &event);
                    if events.send(event).await.is_err() {
                        return;
                    }
                }
                () = wait(&self.clock, next) => {}
            }
        }
    }

    fn want(&mut self, wants: Vec<Want>) {
        let now = self.clock.now();
        self.order += 1;
        let order = self.order;
        for want in wants {
            match self.states.get_mut(&want.scope) {
                // Of tens of thousands, nearly all are wanted as before.
                Some(state) if state.want == want && !state.dropped => state.order = order,
                Some(_) => self.again(want),
                None => {
                    let due = want.not_before.unwrap_or(now);
                    self.enqueue(State {
                        want,
                        due,
                        running: false,
                        dropped: false,
                        ended: None,
                        backoff: 1,
                        read: false,
                        order,
                    });
                }
            }
        }
        let gone = self.states.values().filter(|state| state.order != order && !state.dropped);
        let gone: Vec<Scope> = gone.map(|state| state.want.scope.clone()).collect();
        for scope in gone {
            if let Some(mut state) = self.states.remove(&scope) {
                self.unqueue(&state);
                if state.running {
                    state.dropped = true;
                    self.states.insert(scope, state);
                }
            }
        }
    }

    /// Takes over a new want for a known scope; a shorter interval brings it forward.
    fn again(&mut self, want: Want) {
        let Some(mut state) = self.states.remove(&want.scope) else { return };
        self.unqueue(&state);
        if want.every < state.want.every
            && let Some(sooner) = state.ended.and_then(|at| at.checked_add(want.every).ok())
        {
            state.due = state.due.min(sooner);
        }
        state.want = want;
        state.order = self.order;
        state.dropped = false;
        self.enqueue(state);
    }

    fn all_now(&mut self) {
        let now = self.clock.now();
        let states = std::mem::take(&mut self.states);
        self.queues.clear();
        for mut state in states.into_values() {
            state.due = now;
            self.enqueue(state);
        }
    }

    fn enqueue(&mut self, state: State) {
        if !state.running {
            self.queues.entry(state.want.scope.source()).or_default().insert(&state);
        }
        self.states.insert(state.want.scope.clone(), state);
    }

    fn unqueue(&mut self, state: &State) {
        if let Some(queue) = self.queues.get_mut(&state.want.scope.source()) {
            queue.remove(state);
        }
    }

    fn start_due(&mut self) {
        let now = self.clock.now();
        for (source, queue) in &mut self.queues {
            let flying = self.flying.entry(*source).or_default();
            while *flying < in_flight(*source) {
                let Some(scope) = queue.pop(now) else { break };
                let Some(state) = self.states.get_mut(&scope) else { continue };
                state.running = true;
                *flying += 1;
                let (reader, want) = (Arc::clone(&self.reader), state.want.clone());
                self.reads.spawn(async move {
                    let event = reader.read(&want).await;
                    (want, event)
                });
            }
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.queues
            .iter()
            .filter(|(source, _)| {
                self.flying.get(source).copied().unwrap_or_default() < in_flight(**source)
            })
            .filter_map(|(_, queue)| queue.next())
            .min()
    }

    fn ended(&mut self, want: &Want, event: &SourceEvent) {
        if let Some(flying) = self.flying.get_mut(&want.scope.source()) {
            *flying = flying.saturating_sub(1);
        }
        let Some(mut state) = self.states.remove(&want.scope).filter(|of| !of.dropped) else {
            return;
        };
        let error = event.result.as_ref().err().or(event.missing.as_ref());
        let throttled = error.is_some_and(|error| error.kind == ErrorKind::Throttled);
        let every = match (throttled, state.read) {
            (false, _) => state.want.every,
            (true, true) => state.want.every * state.backoff * 2,
            (true, false) => (FIRST_AGAIN * state.backoff).min(state.want.every * 2),
        };
        state.backoff = if throttled { (state.backoff * 2).min(BACKED_OFF_AT_MOST) } else { 1 };
        state.read |= event.result.is_ok();
        self.turn = self.turn.wrapping_add(1);
        let spread = jitter(every, self.turn);
        let now = self.clock.now();
        state.due = now.checked_add(spread).unwrap_or(Timestamp::MAX);
        state.ended = Some(now);
        state.running = false;
        self.enqueue(state);
    }
}

/// An interval, shortened by up to [`JITTER_PERCENT`]. A counter through a mixing step (Knuth's
/// multiplicative hash) spreads well enough, and needs no source of chance.
fn jitter(every: Duration, turn: u64) -> Duration {
    let mixed = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let percent = u32::try_from(mixed % (JITTER_PERCENT + 1)).unwrap_or_default();
    every - every * percent / 100
}

async fn wait(clock: &Clock, until: Option<Timestamp>) {
    match until {
        Some(until) => {
            let span = Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
            clock.sleep(span).await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::{Ask, Senses};

    fn want(every: u64) -> Want {
        let every = Duration::from_secs(every);
        Want { scope: Scope::Groups, ask: Ask::Plain, every, rank: 0, not_before: None }
    }

    /// A scope that is dropped and wanted again while its read is under way is still one scope:
    /// one read at a time, and one place in the queue afterwards.
    #[tokio::test]
    async fn a_scope_wanted_again_in_flight_is_read_once() {
        let clock = Clock::real();
        // Nothing listens there; how the read ends does not matter here.
        let aws = crate::aws::tests::readers("http://127.0.0.1:1").await;
        let mut scheduler =
            Scheduler::new(Reader::new(aws, Senses::default(), clock.clone(), None), clock.clone());
        scheduler.want(vec![want(60)]);
        scheduler.start_due();
        scheduler.want(Vec::new());
        scheduler.want(vec![want(60)]);
        scheduler.start_due();
        assert_eq!(scheduler.reads.len(), 1, "one read in flight");
        let (want, event) = scheduler.reads.join_next().await.unwrap().unwrap();
        scheduler.ended(&want, &event);
        scheduler.start_due();
        assert_eq!(scheduler.reads.len(), 0, "due in a minute");
        let queued: usize =
            scheduler.queues.values().map(|queue| queue.later.len() + queue.due.len()).sum();
        assert_eq!(queued, 1);
        // Dropped in flight and not wanted again, it is forgotten.
        scheduler.all_now();
        scheduler.start_due();
        scheduler.want(Vec::new());
        let (want, event) = scheduler.reads.join_next().await.unwrap().unwrap();
        scheduler.ended(&want, &event);
        assert!(scheduler.states.is_empty());
    }
    /// What has been due for longer gives way to what ranks before it.
    #[tokio::test]
    async fn among_what_is_due_the_rank_decides() {
        let clock = Clock::real();
        let aws = crate::aws::tests::readers("http://127.0.0.1:1").await;
        let mut scheduler =
            Scheduler::new(Reader::new(aws, Senses::default(), clock.clone(), None), clock.clone());
        let swept = |number: u16| Want { scope: Scope::Tags(number), rank: 4, ..want(60) };
        let mut wants: Vec<Want> = (0..20).map(swept).collect();
        scheduler.want(wants.clone());
        tokio::time::sleep(Duration::from_millis(2)).await;
        wants.push(Want { scope: Scope::TargetGroups, ..want(60) });
        scheduler.want(wants);
        scheduler.start_due();
        assert!(scheduler.states[&Scope::TargetGroups].running);
        scheduler.reads.abort_all();
    }
}
