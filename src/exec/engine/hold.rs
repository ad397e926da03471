//! Holding: the run waits for a word. Its lock and its pins stay, but not for ever: a run that was
//! held too long lets go of the pins of the fleet that carries traffic, and looks at everything
//! again before it goes on.

use super::asks::{ends_process, name};
use super::{Engine, Flow, Petition, Reply, Stop, Word};
use crate::core::estate::Estate;
use crate::core::ids::GroupName;
use crate::core::observed::age;
use crate::core::plan::guard::Weight;
use crate::core::plan::guards::weight;
use crate::core::plan::{Claim, GuardName, Mutation};
use crate::core::run::journal::Entry;
use crate::core::run::{Ask, HoldReason, RunState, Who};
use std::time::Duration;

/// How often a held run looks at its clock and beats its heart.
const LOOK: Duration = Duration::from_secs(20);

/// A try that came to nothing is made again after a look, then after twice as long, up to so often
/// doubled: an endpoint that is gone for hours is asked a few times an hour.
const LATER_AT_MOST: u32 = 6;

/// The way out of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// On with the steps, or with the abort.
    On,
    /// Another process goes on.
    StepDown,
}

impl Engine {
    /// Holds until somebody says otherwise.
    pub(super) async fn hold(&mut self, reason: HoldReason, because: String) -> Way {
        let known = self.ledger.held.as_ref().is_some_and(|(_, held, _)| held == &because);
        if !known {
            let noted = self.note(Entry::Held { reason, because: because.clone() });
            if let Err(error) = noted {
                tracing::error!(%error, %because, "the run holds, and its journal cannot say so");
            }
        }
        if let Some(because) = self.ending.take() {
            return self.end_process(&because);
        }
        self.beat(true).await;
        let since = self.ledger.held.as_ref().map_or_else(|| self.clock.now(), |held| held.2);
        let was_aborting = self.ledger.aborting;
        // Tries to let pins go that came to nothing make the next one later.
        let (mut failed, mut not_before) = (0_u32, since);
        loop {
            if self.giving_way {
                return Way::StepDown;
            }
            if let Some(because) = self.ending.take() {
                return self.end_process(&because);
            }
            // An abort that was heard while pins were let go.
            if self.ledger.aborting && !was_aborting {
                return Way::On;
            }
            if !self.journal.is_there() {
                tracing::error!("the run's directory is gone: this process ends");
                return Way::StepDown;
            }
            let clock = self.clock.clone();
            tokio::select! {
                biased;
                petition = self.words.recv() => match petition {
                    Some(petition) => match self.hear_held(petition, (reason, &because)) {
                        Some(way) => {
                            self.inherited = false;
                            return way;
                        }
                        None => continue,
                    },
                    // Nobody can say anything any more: the socket's task has ended.
                    None => return Way::StepDown,
                },
                () = clock.sleep(LOOK) => {}
            }
            let now = self.clock.now();
            let held_for = age(since, now);
            if held_for > self.plan().options.max_hold && now >= not_before {
                failed = if self.release_pins(held_for).await { 0 } else { failed + 1 };
                let wait = LOOK.saturating_mul(1 << failed.min(LATER_AT_MOST));
                not_before = self.clock.now().checked_add(wait).unwrap_or(now);
            }
            self.beat(false).await;
        }
    }

    /// A held run needs no process: whoever speaks to it next starts another.
    fn end_process(&mut self, because: &str) -> Way {
        let because = because.to_owned();
        if let Err(error) = self.note(Entry::ProcessEnded { because }) {
            tracing::error!(%error, "the journal cannot say that the run's process ends");
        }
        Way::StepDown
    }

    fn hear_held(
        &mut self,
        petition: Petition,
        (reason, because): (HoldReason, &str),
    ) -> Option<Way> {
        let petition = petition.heard_on(self.by.host.clone());
        let elsewhere = !self.inherited && mended_elsewhere(reason);
        match petition.word.clone() {
            Word::Standing => {
                let state = RunState::Held { reason, because: because.to_owned() };
                petition.say(Reply::Standing { state });
                None
            }
            Word::StepDown => {
                petition.say(Reply::SteppedDown);
                Some(Way::StepDown)
            }
            Word::GiveWay(to) => match self.is_rolled_back_by(&to, &petition) {
                Ok(()) => {
                    petition.say(Reply::SteppedDown);
                    Some(Way::StepDown)
                }
                Err(because) => {
                    petition.say(Reply::Refused { because });
                    None
                }
            },
            Word::Signal(signal) => {
                let because = if ends_process(&signal) {
                    self.ending = Some(format!("{signal} came"));
                    "its process ends, and it stays held".to_owned()
                } else {
                    "it holds already".to_owned()
                };
                petition.say(Reply::Taken { because });
                None
            }
            Word::Ask(Ask::Override { guard, reason }) => {
                let reply = self.override_guard(guard, reason, petition.by.clone());
                petition.say(reply);
                None
            }
            Word::Ask(Ask::Hold) => {
                petition.say(Reply::Taken { because: "it holds already".to_owned() });
                None
            }
            Word::Ask(_) if elsewhere => {
                petition.say(Reply::SteppedDown);
                Some(Way::StepDown)
            }
            Word::Ask(ask) => self.hear_asked_held(ask, petition),
        }
    }

    /// Notes and answers what ends the hold.
    fn hear_asked_held(&mut self, ask: Ask, petition: Petition) -> Option<Way> {
        let who = name(&petition.by);
        let asked = Entry::Asked { ask: ask.clone(), by: petition.by.clone() };
        let noted = self.note(asked);
        let noted = match ask {
            Ask::Resume => noted.and_then(|()| self.note(Entry::GoesOn)),
            _ => noted,
        };
        if let Err(error) = noted {
            // This process writes nothing more to a journal that failed once; another one opens it
            // anew, and says what is wrong if it still cannot be written.
            tracing::error!(%error, "its journal cannot be written: another process goes on");
            petition.say(Reply::SteppedDown);
            return Some(Way::StepDown);
        }
        let because = match ask {
            Ask::Abort => "no further traffic step; it unpins, unlocks and ends".to_owned(),
            _ => format!("it goes on, as {who} asked"),
        };
        petition.say(Reply::Taken { because });
        Some(Way::On)
    }

    /// From now on this guard stands in the way of nothing.
    fn override_guard(&mut self, guard: GuardName, reason: String, by: Who) -> Reply {
        let verb = self.approved.plan.intent.verb();
        if weight(guard, verb.column()) != Weight::BlocksUnlessOverridden {
            return Reply::Refused {
                because: format!("{guard} cannot be overridden for a {verb}"),
            };
        }
        if reason.trim().is_empty() {
            return Reply::Refused { because: "no reason was given".to_owned() };
        }
        if let Err(error) = self.note(Entry::Asked { ask: Ask::Override { guard, reason }, by }) {
            return Reply::Refused { because: error.to_string() };
        }
        self.approved.plan.options.overrides.insert(guard);
        let because = format!("{guard} is overridden for the rest of the run; resume it");
        Reply::Taken { because }
    }

    /// Lets go of the pins of the fleet that carries traffic, once a hold. Whether nothing is left to
    /// be tried again.
    async fn release_pins(&mut self, held_for: Duration) -> bool {
        if self.ledger.pins.is_empty() || self.ledger.let_go {
            return true;
        }
        let open = self.ledger.open.clone();
        if let Some(open) = open.filter(|open| open.in_hold)
            && let Err(stop) = self.settle_open(&open).await
        {
            tracing::warn!(?stop, "whether pins were let go cannot be told");
            return false;
        }
        self.eye.open_again().await;
        let carrying = self.eye.show(|picture| carrying(picture.estate));
        let groups: Vec<GroupName> =
            self.ledger.pins.keys().filter(|group| carrying.contains(group)).cloned().collect();
        let (mut let_go, mut whole) = (Vec::new(), true);
        let_go.extend(self.ledger.released.keys().map(ToString::to_string));
        for group in groups {
            match self.unpin(&group).await {
                Ok(()) => let_go.push(group.to_string()),
                Err(Stop::Hold(_, why) | Stop::Fail(why) | Stop::TurnBack(why)) => {
                    tracing::warn!(%group, %why, "its pins stay");
                    whole = false;
                }
                Err(Stop::Abort) => return false,
            }
        }
        if !let_go.is_empty() && whole {
            let minutes = held_for.as_secs() / 60;
            let what = format!("{} (held for {minutes} minutes)", let_go.join(", "));
            if let Err(error) = self.note(Entry::PinsReleased { what }) {
                tracing::error!(%error, "the journal cannot say that pins were released");
            }
        }
        whole
    }

    /// A process before this one was about to let pins go. Whether it did is known before the run goes
    /// on, so that what was let go is suspended again.
    pub(super) async fn finish_release(&mut self) -> Flow<()> {
        match self.ledger.open.clone() {
            Some(open) if open.in_hold => self.settle_open(&open).await,
            _ => Ok(()),
        }
    }

    /// After pins were let go: everything is looked at again, and they are set again.
    pub(super) async fn preflight_again(&mut self) -> Flow<()> {
        if self.ledger.released.is_empty() {
            return Ok(());
        }
        self.eye.open_again().await;
        let step = self.ledger.began.keys().next_back().copied().unwrap_or(1);
        self.check_guards(step).await?;
        for (group, (step, processes)) in self.ledger.released.clone() {
            let claim = Claim::Suspended {
                group: group.clone(),
                suspended: <_>::default(),
                running: processes.clone(),
            };
            self.must_hold(step, &[claim]).await?;
            self.carry_out(step, &Mutation::Suspend { group, processes }).await?;
        }
        Ok(())
    }
}

/// What another process, with the credentials and the disk of whoever resumes the run, may mend:
/// nothing can be given to a process that lives.
fn mended_elsewhere(reason: HoldReason) -> bool {
    match reason {
        HoldReason::Credentials
        | HoldReason::Denied
        | HoldReason::Failed
        | HoldReason::LockLost
        | HoldReason::Unknown
        | HoldReason::Journal => true,
        HoldReason::Gate
        | HoldReason::Asked
        | HoldReason::FactBroken
        | HoldReason::Guard
        | HoldReason::TooLong => false,
    }
}

/// The Auto Scaling groups of the fleets that carry the most traffic.
fn carrying(estate: &Estate) -> Vec<GroupName> {
    let share = |of: Option<f64>| of.unwrap_or_default();
    let fleets = estate.fleets.values();
    let most = fleets.clone().map(|fleet| share(fleet.traffic_share)).fold(0.0, f64::max);
    let fleets = fleets.filter(|fleet| share(fleet.traffic_share) >= most);
    fleets.flat_map(|fleet| fleet.groups.iter().map(|group| group.name.clone())).collect()
}
