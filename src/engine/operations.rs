//! What a console does about plans and runs: plans are made, runs are started and spoken to, journals
//! are watched. All of it on threads of its own, so that no key waits; a console that ends leaves
//! every run as it is.

use super::planning::plan_afresh;
use crate::app::operate::{Answer, Seen, Trouble};
use crate::clock::Clock;
use crate::config::{Environment, Settings};
use crate::core::lock::LockView;
use crate::core::plan::{ApprovedPlan, Plan, Request};
use crate::core::run::{Ask, Run, RunId};
use crate::exec::arming::{Arming, not_read_only};
use crate::exec::start::{Host, ask, start};
use crate::exec::state::{RunDir, who};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often the runs are looked at, by real time. A look costs a few file names.
const LOOK: Duration = Duration::from_millis(500);
/// Answers that the console has not taken in yet.
const WAITING: usize = 64;

/// What stands behind the console's plans and runs.
pub struct Operations {
    answers: mpsc::Sender<Answer>,
    received: mpsc::Receiver<Answer>,
    /// `None` where there is nothing to plan with: then nothing is ever answered.
    here: Option<Arc<Here>>,
}

/// This program, on this host.
struct Here {
    settings: Settings,
    clock: Clock,
    env: Environment,
}

impl Here {
    fn host(&self) -> Host<'_> {
        Host { settings: &self.settings, clock: &self.clock, env: &self.env }
    }
}

impl Operations {
    /// For this account and this state directory.
    pub fn new(settings: &Settings, clock: &Clock, env: &Environment) -> Self {
        let (answers, received) = mpsc::channel(WAITING);
        let here = Here { settings: settings.clone(), clock: clock.clone(), env: env.clone() };
        Self { answers, received, here: Some(Arc::new(here)) }
    }

    /// For a console that looks at nothing that could be changed.
    pub fn none() -> Self {
        let (answers, received) = mpsc::channel(WAITING);
        Self { answers, received, here: None }
    }

    /// The next answer.
    pub async fn next(&mut self) -> Answer {
        match self.received.recv().await {
            Some(answer) => answer,
            // Never: a sender is held here.
            None => std::future::pending().await,
        }
    }

    /// Watches the runs of the state directory until the console ends.
    pub fn watch(&self) {
        let Some(here) = self.here.clone() else { return };
        let answers = self.answers.clone();
        spawn("runs", move || {
            let mut known = BTreeMap::new();
            while !answers.is_closed() {
                for seen in look(&here.settings, &mut known) {
                    if answers.blocking_send(Answer::Run(Arc::new(seen))).is_err() {
                        return;
                    }
                }
                std::thread::sleep(LOOK);
            }
        });
    }

    /// Makes a plan; the locks are as this console has watched them.
    pub fn plan(&self, number: u64, request: Request, watched: Vec<LockView>) {
        self.errand("plan", move |here, runtime| {
            let planned = plan_afresh(&here.settings, &here.clock, &request, watched);
            let outcome = runtime.block_on(planned);
            Answer::Planned { number, outcome: outcome.map(Arc::new) }
        });
    }

    /// Starts a run.
    pub fn start(&self, number: u64, plan: &Plan, typed: String) {
        let plan = plan.clone();
        self.errand("start", move |here, _| {
            let approved = ApprovedPlan {
                plan,
                approved_at: here.clock.now(),
                by: who(&here.env, here.settings.machine()),
                typed,
            };
            let outcome = start(&approved, Arming::of(&here.settings), here.host())
                .map(|(run, _)| run)
                .map_err(|error| Trouble { what: sentence(&error), next: error.next_step() });
            Answer::Started { number, outcome }
        });
    }

    /// Asks something of a run.
    pub fn tell(&self, run: RunId, what: Ask) {
        self.errand("tell", move |here, runtime| {
            let outcome = not_read_only(&here.settings)
                .map_err(|error| Trouble {
                    what: sentence(&error),
                    next: error.next_step().to_owned(),
                })
                .and_then(|()| {
                    let found = RunDir::find(&here.settings.state_dir, run.as_str());
                    found.map_err(|error| Trouble {
                        what: sentence(&error),
                        next: error.next_step().to_owned(),
                    })
                })
                .and_then(|found| {
                    let asked = runtime.block_on(ask(&found, what.clone(), here.host()));
                    asked.map(drop).map_err(|error| Trouble {
                        what: sentence(&error),
                        next: error.next_step(),
                    })
                });
            Answer::Told { run, ask: what, outcome }
        });
    }

    fn errand(
        &self,
        name: &str,
        work: impl FnOnce(&Here, &tokio::runtime::Runtime) -> Answer + Send + 'static,
    ) {
        let Some(here) = self.here.clone() else { return };
        let answers = self.answers.clone();
        spawn(name, move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                // Nobody waits any more when the console has ended.
                let _ = answers.blocking_send(work(&here, &runtime));
            }
        });
    }
}

/// Starts a thread; one that cannot be had is an errand that is never answered, and the log says so.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(work) {
        tracing::error!(%error, name, "there is no thread to be had");
    }
}

/// An error as a sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str().trim_end_matches('.'))
}

/// How a run's journal looked when it was last read: its length, and whether its process lived.
type Known = BTreeMap<RunId, (u64, bool)>;

/// The runs that are not as they were.
fn look(settings: &Settings, known: &mut Known) -> Vec<Seen> {
    let all = RunDir::all(&settings.state_dir).unwrap_or_default();
    let mut news = Vec::new();
    for run in all {
        let journal = run.path.join(crate::exec::journal::FILE);
        let length = journal.machine().disk.length(&journal).unwrap_or_default();
        let before = known.get(&run.id).copied();
        // A run that is over has no process, and its journal grows no more.
        if before == Some((length, false)) {
            continue;
        }
        let alive = run.is_alive();
        if before == Some((length, alive)) {
            continue;
        }
        let Some(told) = run.told().ok().and_then(|told| Run::fold(&told.lines)) else { continue };
        known.insert(run.id, (length, alive));
        news.push(Seen { run: told, alive });
    }
    news
}
