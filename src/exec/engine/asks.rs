//! What is said to a run while it runs, and what it answers. Words are taken between steps and in
//! waits, never in the middle of a call.

use super::{Engine, Flow, Stop};
use crate::core::plan::Intent;
use crate::core::run::journal::Entry;
use crate::core::run::{Ask, HoldReason, RunId, RunState, Who};
use crate::exec::process::approved;
use crate::exec::state::RunDir;
use crate::exec::trust;
use crate::machine::Place;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
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
    /// Where the run lives that takes over, if it says so.
    pub from: Option<PathBuf>,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Reply>,
}

impl Petition {
    /// A petition and the end at which its answer comes.
    pub fn new(word: Word, by: Who) -> (Self, oneshot::Receiver<Reply>) {
        let (answer, heard) = oneshot::channel();
        (Self { word, by, from: None, answer }, heard)
    }

    /// The same, of a run that lives there.
    #[must_use]
    pub fn of_run_in(self, from: Option<PathBuf>) -> Self {
        Self { from, ..self }
    }

    /// The same, from somebody on this host.
    pub(super) fn heard_on(mut self, host: Option<String>) -> Self {
        self.by.host = host;
        self
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
        let petition = petition.heard_on(self.by.host.clone());
        let at = self.ledger.began.keys().next_back().copied();
        let after = match at.filter(|step| !self.ledger.done.contains(step)) {
            Some(step) => format!("after step {step}"),
            None => "before the next step".to_owned(),
        };
        match petition.word.clone() {
            Word::Standing => petition.say(Reply::Standing { state: RunState::Running }),
            Word::StepDown => petition
                .say(Reply::Refused { because: "the run is running; hold it first".to_owned() }),
            Word::GiveWay(to) => match self.is_rolled_back_by(&to, &petition) {
                Ok(()) => {
                    petition.say(Reply::SteppedDown);
                    self.giving_way = true;
                    return Err(Stop::Hold(HoldReason::Asked, format!("run {to} rolls it back")));
                }
                Err(because) => petition.say(Reply::Refused { because }),
            },
            // At once: whoever shuts a host down does not wait for a settle or a bake.
            Word::Signal(signal) => {
                if ends_process(&signal) {
                    self.ending = Some(format!("{signal} came"));
                }
                petition.say(Reply::Taken { because: "it holds".to_owned() });
                return Err(Stop::Hold(HoldReason::Asked, format!("{signal} came")));
            }
            Word::Ask(Ask::Override { .. }) => {
                let because = "a guard is overridden while the run holds; hold it first".to_owned();
                petition.say(Reply::Refused { because });
            }
            // It lets pins go just now.
            Word::Ask(Ask::Hold | Ask::Resume) if self.ledger.held.is_some() => {
                let because = "it lets the processes run again that it suspended; ask again in a \
                               minute";
                petition.say(Reply::Refused { because: because.to_owned() });
            }
            Word::Ask(ask) => return self.hear_asked(ask, petition, &after),
        }
        Ok(())
    }

    /// Notes and answers what is asked while the run goes on.
    fn hear_asked(&mut self, ask: Ask, petition: Petition, after: &str) -> Flow<()> {
        let noted = self.note(Entry::Asked { ask: ask.clone(), by: petition.by.clone() });
        if let Err(error) = noted {
            petition.say(Reply::Refused { because: error.to_string() });
            return Err(error.into());
        }
        match ask {
            Ask::Hold => {
                self.hold_asked = Some(format!("{} asked for it", name(&petition.by)));
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
            Ask::Override { .. } => {}
            Ask::Abort => {
                let because = "no further traffic step; it unpins, unlocks and ends";
                petition.say(Reply::Taken { because: because.to_owned() });
                return Err(Stop::Abort);
            }
        }
        Ok(())
    }
}

impl Engine {
    /// Whether this run is rolled back by that one: a run of the speaker's, whole, about this run, and
    /// carried out by a process now. A name alone ends nothing.
    pub(super) fn is_rolled_back_by(&self, to: &RunId, asked: &Petition) -> Result<(), String> {
        let not = |why: String| format!("run {to} is no rollback of this run: {why}");
        let run = match &asked.from {
            Some(path) => RunDir::at(&Place::on(self.settings.machine(), path)),
            None => RunDir::find(&self.settings.state_dir, to.as_str())
                .map_err(|error| not(error.to_string()))?,
        };
        let told = run.told().map_err(|error| not(error.to_string()))?;
        trust::trusted(&run, &told.lines, asked.by.uid).map_err(|error| not(error.to_string()))?;
        let plan = approved(&told.lines).map(|approved| approved.plan);
        if run.id != *to || !plan.is_some_and(|plan| ends(&plan.intent, &self.run)) {
            return Err(not("its plan says nothing of the kind".to_owned()));
        }
        if !run.is_alive() {
            return Err(not("no process carries it out".to_owned()));
        }
        Ok(())
    }
}

/// Whether an intent is to end this run.
fn ends(intent: &Intent, run: &RunId) -> bool {
    matches!(intent, Intent::Rollback { run: of } if of == run)
}

/// Whether a signal wants the process itself to end: a host that shuts down sends it, and kills
/// whoever stays.
pub(super) fn ends_process(signal: &str) -> bool {
    signal == "SIGTERM"
}

/// Somebody by name.
pub(super) fn name(who: &Who) -> String {
    match (&who.user, who.uid) {
        (Some(user), _) => user.clone(),
        (None, Some(uid)) => format!("user {uid}"),
        (None, None) => "somebody".to_owned(),
    }
}
