//! Going from one context to another while the loop runs, and what becomes of readers that cannot be
//! set up.

use super::reconciler::Reconciler;
use super::{Console, ConsoleError, Due, Errand, Surface, take_apart};
use crate::app::EventKind;
use crate::app::operate::Trouble;
use crate::engine::{Connected, Enter, FeedError, World};
use tokio::task::JoinHandle;

/// The way to another context.
pub(super) struct Moving {
    enter: Enter,
    /// The world that is being set up; the last one asked for wins.
    under_way: Option<JoinHandle<Result<World, Trouble>>>,
    /// Whether a connection was ever there, or another context was gone to: then the console does
    /// not end for want of one.
    settled: bool,
}

impl Moving {
    pub(super) fn new(enter: Enter) -> Self {
        Self { enter, under_way: None, settled: false }
    }

    /// Sets out. A file is read on the way, so it happens elsewhere.
    pub(super) fn go(&mut self, name: String) {
        let enter = Enter::clone(&self.enter);
        self.under_way = Some(tokio::task::spawn_blocking(move || enter(&name)));
    }

    /// Waits until the world that was asked for is there, or for ever. Safe to drop while waiting.
    pub(super) async fn there(&mut self) -> Result<World, Trouble> {
        loop {
            let Some(under_way) = &mut self.under_way else { return std::future::pending().await };
            let outcome = under_way.await;
            self.under_way = None;
            // One that panicked has already ended the process (invariant 11).
            if let Ok(world) = outcome {
                return world;
            }
        }
    }
}

impl<S: Surface> Console<'_, S> {
    /// Exchanges the world. Whatever the one before still answers has nobody to tell: its channels
    /// are gone, its join is dropped.
    pub(super) fn entered(&mut self, world: Result<World, Trouble>) {
        let World { place, allowed, feed, operations, elsewhere } = match world {
            Ok(world) => world,
            Err(trouble) => return self.take(EventKind::NotEntered(trouble)),
        };
        self.remember();
        self.memory = None;
        self.feed = feed;
        self.elsewhere = elsewhere;
        self.operations = operations;
        self.operations.watch();
        self.demand = Errand::default();
        self.desk.leave();
        self.moving.settled = true;
        let before = self.model.estate.clone();
        self.take(EventKind::Entered { place, allowed });
        self.policy_of_place();
        take_apart(before);
    }

    /// What is joined from here on is joined by the settings of this place.
    fn policy_of_place(&mut self) {
        let region = self.model.place.region.clone().unwrap_or_default();
        self.policy = crate::sources::policy(self.feed.settings(), &region);
        self.reconciler = Reconciler::new(self.reconciler.reconcile(), self.policy.clone());
        // What is recorded from here on was joined by these rules, and no join is under way.
        self.recorder.begin_anew(&self.model, &self.policy);
    }

    /// The readers are set up, or cannot be. A console that could never read anything ends with the
    /// reason, as every command does, unless waiting may help.
    pub(super) fn connected(&mut self, outcome: Connected) -> Result<(), ConsoleError> {
        match outcome {
            Ok(region) => {
                self.moving.settled = true;
                let known = self.model.place.region.as_ref() == Some(&region);
                self.take(EventKind::Connected(region));
                if !known {
                    self.policy_of_place();
                    self.reconciler.want();
                }
                Ok(())
            }
            Err(error) if self.moving.settled || error.may_pass() => {
                self.due = self.due.max(Some(Due::News));
                self.take(EventKind::Unconnected(trouble(&error)));
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn trouble(error: &FeedError) -> Trouble {
    let next = error.next_step();
    Trouble {
        what: format!("AWS cannot be asked: {error}."),
        next: format!("{next} It is tried again every few seconds."),
    }
}
