//! What is said to a run while it runs, and what it answers. Words are taken between steps and in
//! waits, never in the middle of a call.

use super::{Engine, Flow, Stop};
use crate::core::run::journal::Entry;
use crate::core::run::{Ask, HoldReason, RunId, RunState, Who};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::oneshot;

/// What may be said to a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Hold, resume, abort.
    Ask(Ask),
    /// How does it stand? Answered also when the journal cannot be written any more.
    Standing,
    /// End this process if the run holds: another one, with other credentials, goes on.
    StepDown,
    /// End this process, whether the run holds or not: this run, a rollback, takes over.
    GiveWay(RunId),
    /// A signal came (never over the socket).
    Signal(String),
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// It will be so.
    Taken {
        /// When, in a sentence.
        because: String,
    },
    /// It will not.
    Refused {
        /// Why, in a sentence.
        because: String,
    },
    /// How it stands.
    Standing {
        /// As a state.
        state: RunState,
    },
    /// This process ends, and the caller's own may go on.
    SteppedDown,
}

/// A word, who said it, and where the answer goes.
#[derive(Debug)]
pub struct Petition {
    /// What.
    pub word: Word,
    /// Who.
    pub by: Who,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Reply>,
}

impl Petition {
    /// A petition and the end at which its answer comes.
    pub fn new(word: Word, by: Who) -> (Self, oneshot::Receiver<Reply>) {
        let (answer, heard) = oneshot::channel();
        (Self { word, by, answer }, heard)
    }

    /// Answers. Whoever has gone meanwhile is not waited for.
    pub(super) fn say(self, reply: Reply) {
        let _ = self.answer.send(reply);
    }
}

impl Engine {
    /// Takes what was said meanwhile; holds if that was asked.
    pub(super) fn checkpoint(&mut self) -> Flow<()> {
        while let Ok(petition) = self.words.try_recv() {
            self.hear(petition)?;
        }
        match self.hold_asked.take() {
            Some(because) => Err(Stop::Hold(HoldReason::Asked, because)),
            None => Ok(()),
        }
    }

    /// Waits a while by the world's clock, and hears what is said meanwhile.
    pub(super) async fn pause(&mut self, span: Duration) -> Flow<()> {
        let clock = self.clock.clone();
        let over = clock.sleep(span);
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                Some(petition) = self.words.recv() => self.hear(petition)?,
                () = &mut over => return Ok(()),
            }
        }
    }

    /// Answers while the run goes on.
    fn hear(&mut self, petition: Petition) -> Flow<()> {
        let at = self.ledger.began.keys().next_back().copied();
        let after = match at.filter(|step| !self.ledger.done.contains(step)) {
            Some(step) => format!("after step {step}"),
            None => "before the next step".to_owned(),
        };
        let who = name(&petition.by);
        match petition.word.clone() {
            Word::Standing => petition.say(Reply::Standing { state: RunState::Running }),
            Word::StepDown => petition
                .say(Reply::Refused { because: "the run is running; hold it first".to_owned() }),
            Word::GiveWay(to) => {
                petition.say(Reply::SteppedDown);
                self.giving_way = true;
                return Err(Stop::Hold(HoldReason::Asked, format!("run {to} rolls it back")));
            }
            Word::Signal(signal) => {
                self.hold_asked = Some(format!("{signal} came"));
                petition.say(Reply::Taken { because: format!("it holds {after}") });
            }
            Word::Ask(ask) => {
                let noted = self.note(Entry::Asked { ask: ask.clone(), by: petition.by.clone() });
                if let Err(error) = noted {
                    let because = error.to_string();
                    petition.say(Reply::Refused { because });
                    return Err(error.into());
                }
                match ask {
                    Ask::Hold => {
                        self.hold_asked = Some(format!("{who} asked for it"));
                        petition.say(Reply::Taken { because: format!("it holds {after}") });
                    }
                    Ask::Resume => {
                        let was = self.hold_asked.take();
                        let because = if was.is_some() {
                            "it will not hold after this step".to_owned()
                        } else {
                            "it is running".to_owned()
                        };
                        petition.say(Reply::Taken { because });
                    }
                    Ask::Abort => {
                        let because = "no further traffic step; it unpins, unlocks and ends";
                        petition.say(Reply::Taken { because: because.to_owned() });
                        return Err(Stop::Abort);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Somebody by name.
pub(super) fn name(who: &Who) -> String {
    match (&who.user, who.uid) {
        (Some(user), _) => user.clone(),
        (None, Some(uid)) => format!("user {uid}"),
        (None, None) => "somebody".to_owned(),
    }
}
