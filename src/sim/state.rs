//! The running world: its state behind one lock, its clock, its open ports. Whoever wants to know
//! or change something first lets the world catch up with the clock.

use super::fault::Fault;
use super::limits::Limits;
use super::log::RequestLog;
use super::nodes::Keeper;
use super::spec::{PrincipalSpec, SpecError, parse_events};
use super::wire::imds::Metadata;
use super::world::World;
use crate::clock::Clock;
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the lock guards. It is never held across an await.
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) faults: Vec<Fault>,
    pub(crate) principals: Vec<PrincipalSpec>,
    pub(crate) log: RequestLog,
    pub(crate) limits: Option<Limits>,
    pub(crate) metadata: Metadata,
    /// How far the world was advanced beyond its clock.
    pub(crate) ahead: Duration,
}

/// A running world.
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) clock: Clock,
    keeper: Mutex<Keeper>,
}

impl Shared {
    pub(crate) fn new(state: State, clock: Clock, keeper: Keeper) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), clock, keeper: Mutex::new(keeper) })
    }

    /// Lets the world catch up, then asks or changes it; then the nodes' ports are what they
    /// should be.
    pub(crate) fn with<T>(self: &Arc<Self>, ask: impl FnOnce(&mut State) -> T) -> T {
        // A panic while the lock was held is a fault of ours; the state is still the best there is.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.time(state.ahead);
        state.world.advance(now);
        let answer = ask(&mut state);
        self.keep_ports(&state.world);
        answer
    }

    /// Lets the world catch up, then looks at it: the clients' books stay open.
    pub(crate) fn look<T>(self: &Arc<Self>, ask: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.time(state.ahead);
        state.world.catch_up(now);
        let answer = ask(&mut state);
        self.keep_ports(&state.world);
        answer
    }

    fn keep_ports(self: &Arc<Self>, world: &World) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if keeper.is_behind(world.ports_changed) {
            keeper.keep(self, world.ports_changed, &world.open_ports());
        }
    }

    fn time(&self, ahead: Duration) -> Timestamp {
        self.clock.now().checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// Moves the world forward beyond its clock.
    pub(crate) fn advance(self: &Arc<Self>, span: Duration) -> Timestamp {
        self.with(|state| state.ahead = state.ahead.saturating_add(span));
        self.with(|state| state.world.now)
    }

    /// Makes events happen, faults begin and principals known, all written as in a world file.
    pub(crate) fn inject(self: &Arc<Self>, text: &str) -> Result<(), InjectError> {
        self.with(|state| {
            let sent = parse_events(text, &state.world.region)?;
            for event in &sent.events {
                state.world.happens(event).map_err(InjectError::Impossible)?;
            }
            let world = &state.world;
            state.faults.extend(sent.faults.iter().map(|one| Fault::new(one, world.now, world)));
            // The newest word about an access key counts.
            state.principals.splice(0..0, sent.principals);
            Ok(())
        })
    }

    /// How many nodes' ports are open, and how many could not be opened.
    pub(crate) fn ports(&self) -> (usize, usize) {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner).counts()
    }

    /// Closes all ports of nodes.
    pub(crate) fn close(&self) {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

/// Why an injected text came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum InjectError {
    /// It is not written as it should be.
    #[error(transparent)]
    Text(#[from] SpecError),
    /// It cannot happen in this world now.
    #[error("{0}")]
    Impossible(String),
}
