//! A run as its journal tells it: one pass over the lines. Whether the chain of hashes holds is
//! another matter; here every line is believed.

use super::journal::{End, Entry, Line, Outcome};
use super::{Ask, Run, RunState, StepStanding};
use crate::core::plan::{Answer, GuardName};
use jiff::Timestamp;

impl Run {
    /// The run that these lines tell of; `None` where they do not begin with its opening.
    pub fn fold(lines: &[Line]) -> Option<Run> {
        let (first, rest) = lines.split_first()?;
        let Entry::Opened { run, approved, .. } = &first.entry else { return None };
        let mut this = Run {
            id: run.clone(),
            plan: approved.plan.clone(),
            by: approved.by.clone(),
            started: first.at,
            last: first.at,
            state: RunState::Running,
            steps: vec![StepStanding::default(); approved.plan.steps.len()],
            at_step: None,
            lock: None,
            guards: approved.plan.guards.clone(),
            throttled: None,
            pins_released: None,
            safe_to_stop: Vec::new(),
        };
        for line in rest {
            this.last = this.last.max(line.at);
            this.take(&line.entry, line.at);
        }
        Some(this)
    }

    fn take(&mut self, entry: &Entry, at: Timestamp) {
        if !matches!(entry, Entry::Throttled { .. } | Entry::TakenUp { .. } | Entry::Asked { .. }) {
            self.throttled = None;
        }
        match entry {
            Entry::StepBegan { step } => {
                self.at_step = Some(*step);
                self.step(*step, |of| {
                    of.began.get_or_insert(at);
                });
            }
            Entry::Intent { step, .. } => self.step(*step, |of| of.sent = Some(at)),
            Entry::Outcome { step, outcome, .. } => {
                self.step(*step, |of| of.requests.extend(request(outcome)));
            }
            Entry::Seen { step, answers } => {
                let waiting = answers.iter().filter_map(|(_, answer)| lacking(answer));
                let waiting: Vec<String> = waiting.collect();
                self.step(*step, |of| of.waiting_for = waiting);
            }
            Entry::Guards { reports, .. } => self.guards.clone_from(reports),
            Entry::StepDone { step } => {
                self.step(*step, |of| {
                    of.done = Some(at);
                    of.waiting_for.clear();
                });
                if self.steps.iter().all(|of| of.done.is_some() || of.skipped) {
                    self.at_step = None;
                }
            }
            // Of several locks the first is shown: it is given back last.
            Entry::Locked { token, .. } => drop(self.lock.get_or_insert_with(|| token.clone())),
            Entry::Unlocking { .. } => {}
            Entry::Unlocked { token } => self.lock = self.lock.take().filter(|of| of != token),
            Entry::Throttled { call, .. } => self.throttled = Some(call.clone()),
            Entry::Held { reason, because } => {
                self.state = RunState::Held { reason: *reason, because: because.clone() };
            }
            Entry::GoesOn => self.state = RunState::Running,
            Entry::Asked { ask: Ask::Override { guard, reason }, .. } => {
                self.overridden(*guard, reason);
            }
            Entry::PinsReleased { what } => self.pins_released = Some(what.clone()),
            Entry::TurnedBack { plan, .. } => {
                self.skip(|of| of.done.is_none());
                self.plan.steps.extend(plan.steps.iter().cloned());
                self.steps.resize(self.plan.steps.len(), StepStanding::default());
            }
            Entry::SafeToStop { nodes } => self.safe_to_stop.clone_from(nodes),
            Entry::Ended { end } => self.end(end),
            Entry::Opened { .. }
            | Entry::TakenUp { .. }
            | Entry::Cut { .. }
            | Entry::TakingOver { .. }
            | Entry::Recorded { .. }
            | Entry::DroppingRecord { .. }
            | Entry::NotTold { .. }
            | Entry::ProcessEnded { .. }
            | Entry::Unknown { .. }
            | Entry::Asked { .. } => {}
        }
    }

    /// A guard that was overridden while it was held: as if its plan had said so.
    fn overridden(&mut self, guard: GuardName, reason: &str) {
        let options = &mut self.plan.options;
        options.overrides.insert(guard);
        let before = options.reason.take().map(|text| format!("{text}; ")).unwrap_or_default();
        options.reason = Some(format!("{before}{guard}: {reason}"));
    }

    fn end(&mut self, end: &End) {
        self.state = match end {
            End::Done => RunState::Done,
            End::Aborted => RunState::Aborted,
            End::RolledBack { by } => RunState::RolledBack { by: by.clone() },
            End::Failed { because } => RunState::Failed { because: because.clone() },
        };
        match end {
            End::Done => self.at_step = None,
            // Where it ended is still seen.
            _ => self.skip(|of| of.began.is_none()),
        }
    }

    /// Marks steps that nobody will carry out any more.
    fn skip(&mut self, which: impl Fn(&StepStanding) -> bool) {
        for of in self.steps.iter_mut().filter(|of| which(of)) {
            of.skipped = true;
            of.waiting_for.clear();
        }
    }

    /// Changes a step's standing; a number that no step has is no step's.
    fn step(&mut self, number: u32, change: impl FnOnce(&mut StepStanding)) {
        let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        if let Some(of) = place.and_then(|place| self.steps.get_mut(place)) {
            change(of);
        }
    }
}

/// AWS's request id.
fn request(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Accepted { request, .. } | Outcome::Refused { request, .. } => request.clone(),
        Outcome::AlreadyDone => None,
    }
}

/// What is still lacking, in words.
fn lacking(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Holds => None,
        Answer::Broken { was, is } => Some(format!("{was}; now {is}")),
        Answer::Unknown { why, what } => Some(format!("{what}: {why}")),
    }
}
