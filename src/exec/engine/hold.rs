//! Holding: the run waits for a word. Its lock and its pins stay, but not for ever: a run that was
//! held too long lets go of the pins of the fleet that carries traffic, and looks at everything
//! again before it goes on.

use super::asks::name;
use super::{Engine, Flow, Petition, Reply, Stop, Word};
use crate::core::estate::Estate;
use crate::core::ids::GroupName;
use crate::core::observed::age;
use crate::core::plan::{Claim, Mutation};
use crate::core::run::journal::Entry;
use crate::core::run::{Ask, HoldReason, RunState};
use std::time::Duration;

/// How often a held run looks at its clock and beats its heart.
const LOOK: Duration = Duration::from_secs(20);

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
        self.beat(true).await;
        let since = self.ledger.held.as_ref().map_or_else(|| self.clock.now(), |held| held.2);
        loop {
            if self.giving_way {
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
            let held_for = age(since, self.clock.now());
            if held_for > self.plan().options.max_hold {
                self.release_pins(held_for).await;
            }
            self.beat(false).await;
        }
    }

    fn hear_held(
        &mut self,
        petition: Petition,
        (reason, because): (HoldReason, &str),
    ) -> Option<Way> {
        // What only another process can mend: credentials that are over, a journal given up.
        let elsewhere =
            !self.inherited && matches!(reason, HoldReason::Credentials | HoldReason::Journal);
        match petition.word.clone() {
            Word::Standing => {
                let state = RunState::Held { reason, because: because.to_owned() };
                petition.say(Reply::Standing { state });
                None
            }
            Word::StepDown | Word::GiveWay(_) => {
                petition.say(Reply::SteppedDown);
                Some(Way::StepDown)
            }
            Word::Signal(_) => {
                petition.say(Reply::Taken { because: "it holds already".to_owned() });
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
            Word::Ask(ask) => {
                let who = name(&petition.by);
                let asked = Entry::Asked { ask: ask.clone(), by: petition.by.clone() };
                let noted = self.note(asked);
                let noted = match ask {
                    Ask::Resume => noted.and_then(|()| self.note(Entry::GoesOn)),
                    _ => noted,
                };
                if let Err(error) = noted {
                    petition.say(Reply::Refused { because: error.to_string() });
                    return None;
                }
                let because = match ask {
                    Ask::Abort => "no further traffic step; it unpins, unlocks and ends".to_owned(),
                    _ => format!("it goes on, as {who} asked"),
                };
                petition.say(Reply::Taken { because });
                Some(Way::On)
            }
        }
    }

    /// Lets go of the pins of the fleet that carries traffic, once.
    async fn release_pins(&mut self, held_for: Duration) {
        if self.ledger.pins.is_empty() || !self.ledger.released.is_empty() {
            return;
        }
        self.eye.open_again().await;
        let carrying = self.eye.show(|picture| carrying(picture.estate));
        let groups: Vec<GroupName> =
            self.ledger.pins.keys().filter(|group| carrying.contains(group)).cloned().collect();
        let mut let_go = Vec::new();
        for group in groups {
            match self.unpin(&group).await {
                Ok(()) => let_go.push(group.to_string()),
                Err(Stop::Hold(_, why) | Stop::Fail(why) | Stop::TurnBack(why)) => {
                    tracing::warn!(%group, %why, "its pins stay");
                }
                Err(Stop::Abort) => return,
            }
        }
        if !let_go.is_empty() {
            let minutes = held_for.as_secs() / 60;
            let what = format!("{} (held for {minutes} minutes)", let_go.join(", "));
            if let Err(error) = self.note(Entry::PinsReleased { what }) {
                tracing::error!(%error, "the journal cannot say that pins were released");
            }
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

/// The Auto Scaling groups of the fleets that carry the most traffic.
fn carrying(estate: &Estate) -> Vec<GroupName> {
    let share = |of: Option<f64>| of.unwrap_or_default();
    let fleets = estate.fleets.values();
    let most = fleets.clone().map(|fleet| share(fleet.traffic_share)).fold(0.0, f64::max);
    let fleets = fleets.filter(|fleet| share(fleet.traffic_share) >= most);
    fleets.flat_map(|fleet| fleet.groups.iter().map(|group| group.name.clone())).collect()
}
