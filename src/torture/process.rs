//! Processes of a simulated machine: a console's errand, and a run's engine. They are the product's
//! own, but for the machine they are given.

use super::disk::MemoryDisk;
use super::lab::{AWS, Lab, Wire};
use crate::clock::Clock;
use crate::config::{DnsSetting, Environment, Flags, Settings};
use crate::core::plan::guards::evaluate;
use crate::core::plan::{ApprovedPlan, Confirmation, Intent, Options, Plan, Refusal, Request};
use crate::core::run::{Ask, Run, RunId};
use crate::engine::planning::{Beside, make, runs};
use crate::engine::records::Records;
use crate::engine::{Feed, round_of};
use crate::exec::arming::Arming;
use crate::exec::control;
use crate::exec::engine::{Reply, Word};
use crate::exec::process::{Surroundings, take_up};
use crate::exec::start::{Host, prepare};
use crate::exec::state::{RunDir, SOCKET, who};
use crate::machine::{Machine, Place, Route};
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;

/// Where each machine keeps its runs.
const STATE: &str = "/state";
/// Words that wait to be heard.
const WORDS: usize = 16;

fn environment() -> Environment {
    [("HOME", "/nowhere"), ("USER", "op")].into_iter().collect()
}

fn settings(wire: &Wire) -> Option<Settings> {
    let flags = Flags {
        region: Some("us-west-2".to_owned()),
        endpoint_url: Some(AWS.to_owned()),
        state_dir: Some(PathBuf::from(STATE)),
        operate: true,
        ..Flags::default()
    };
    let mut settings = crate::config::load(&environment(), &flags).ok()?;
    let machine = Machine { disk: Arc::new(wire.disk.clone()), host: Arc::new(wire.clone()) };
    let route = Route::through(Arc::new(wire.clone()));
    settings.aws.route = route.clone();
    settings.probes.route = route;
    settings.state_dir = Place::on(&machine, STATE);
    settings.dns = DnsSetting::Off;
    Some(settings)
}

fn wire(lab: &Lab, host: usize, disk: &MemoryDisk) -> Wire {
    let life = lab.lock().hosts[host].life;
    Wire { lab: lab.clone(), host, life, disk: disk.clone(), run: None }
}

/// Ends when this life of a machine does.
async fn death(lab: &Lab, host: usize, life: u64) {
    loop {
        let death = Arc::clone(&lab.lock().hosts[host].death);
        let notified = death.notified();
        if lab.lock().hosts[host].life != life {
            return;
        }
        notified.await;
    }
}

/// A process: not polled while its machine stands still, dropped when it dies.
async fn process<T>(wire: &Wire, work: impl Future<Output = T>) -> Option<T> {
    let mut work = Box::pin(work);
    let mut nap: Option<Pin<Box<tokio::time::Sleep>>> = None;
    let paced = poll_fn(move |context| {
        loop {
            let (now, inner) = (wire.lab.now(), wire.lab.lock());
            let machine = &inner.hosts[wire.host];
            let left = machine.paused.saturating_sub(now).max(machine.time.blocked_for());
            drop(inner);
            if left.is_zero() {
                break;
            }
            let sleep = nap.insert(Box::pin(tokio::time::sleep(left)));
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        work.as_mut().poll(context)
    });
    tokio::select! {
        biased;
        () = death(&wire.lab, wire.host, wire.life) => None,
        done = paced => Some(done),
    }
}

/// What an operator does at a machine.
pub(super) struct Desk {
    wire: Wire,
    settings: Option<Settings>,
    clock: Clock,
}

impl Desk {
    pub(super) fn new(lab: &Lab, host: usize, disk: &MemoryDisk) -> Self {
        let wire = wire(lab, host, disk);
        let clock = Clock::of_host(&lab.lock().hosts[host].time);
        Self { settings: settings(&wire), wire, clock }
    }

    /// Plans on a fresh round; nothing where the machine dies meanwhile.
    pub(super) async fn plan(
        &self,
        intent: &Intent,
        options: &Options,
    ) -> Option<Result<Plan, Refusal>> {
        let settings = self.settings.as_ref()?;
        let request = Request { intent: intent.clone(), options: options.clone() };
        let work = async {
            let (feed, _pollers) = Feed::here(settings, &self.clock);
            let round = round_of(feed, settings, &self.clock).await.ok()?;
            let (records, watched) = (Records::of(&round), Vec::new());
            let beside = Beside { runs: runs(settings), records, watched };
            Some(make(settings, &round, &beside, &request))
        };
        process(&self.wire, work).await.flatten()
    }

    /// The findings of a fresh round.
    pub(super) async fn findings(&self) -> Option<Vec<String>> {
        let settings = self.settings.as_ref()?;
        let work = async {
            let (feed, _pollers) = Feed::here(settings, &self.clock);
            round_of(feed, settings, &self.clock).await.ok()
        };
        let round = process(&self.wire, work).await.flatten()?;
        Some(round.estate.findings.iter().map(|finding| format!("{finding:?}")).collect())
    }

    /// Whether no guard stands in the way of a plan.
    pub(super) fn may_start(&self, plan: &Plan) -> bool {
        crate::core::plan::guards::exit_code(&plan.guards) == 0
    }

    /// Approves a plan and makes the directory of its run.
    pub(super) fn start(&self, plan: Plan) -> Result<RunDir, String> {
        let settings = self.settings.as_ref().ok_or("no settings")?;
        let (clock, env) = (&self.clock, environment());
        let typed = match &plan.confirmation {
            Confirmation::YesNo => "y".to_owned(),
            Confirmation::Type(name) => name.to_string(),
        };
        let by = who(&env, settings.machine());
        let approved = ApprovedPlan { plan, approved_at: clock.now(), by, typed };
        let host = Host { settings, clock, env: &env };
        prepare(&approved, Arming::of(settings), host).map_err(|error| error.to_string())
    }

    /// The runs of this machine.
    pub(super) fn runs(&self) -> Vec<Run> {
        self.settings.as_ref().map(runs).unwrap_or_default()
    }

    fn directory(&self, run: &RunId) -> Option<RunDir> {
        RunDir::find(&self.settings.as_ref()?.state_dir, run.as_str()).ok()
    }

    /// Whether a process carries a run out.
    pub(super) fn is_alive(&self, run: &RunId) -> bool {
        self.directory(run).is_some_and(|run| run.is_alive())
    }

    /// Asks something of a run; whether it needs a process for it.
    pub(super) async fn ask(&self, run: &RunId, ask: Ask) -> bool {
        let Some(run) = self.directory(run) else { return false };
        if !run.is_alive() {
            return true;
        }
        let by = who(&environment(), run.path.machine());
        let said = process(&self.wire, control::say(&run, Word::Ask(ask), &by)).await;
        matches!(said, Some(Ok(Reply::SteppedDown)))
    }
}

/// A run's process.
pub(super) struct Engine {
    wire: Wire,
    run: RunId,
}

impl Engine {
    pub(super) fn new(lab: &Lab, host: usize, disk: &MemoryDisk, run: RunId) -> Self {
        let journal = PathBuf::from(STATE).join("runs").join(run.as_str()).join("journal.jsonl");
        let wire = Wire { run: Some((run.clone(), journal)), ..wire(lab, host, disk) };
        Self { wire, run }
    }

    /// Starts it.
    pub(super) fn spawn(self, first: Option<Ask>) {
        tokio::task::spawn_local(async move {
            let work = self.carry_out(first);
            if process(&self.wire, work).await.is_none() {
                self.wire.lab.say("-", &format!("the process of {} is gone", self.run));
            }
        });
    }

    async fn carry_out(&self, first: Option<Ask>) {
        // A process that steps down is gone a moment later.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let Some(settings) = settings(&self.wire) else { return };
        let Ok(run) = RunDir::find(&settings.state_dir, self.run.as_str()) else { return };
        let (lab, host) = (&self.wire.lab, self.wire.host);
        let clock = Clock::of_host(&lab.lock().hosts[host].time);
        let env = environment();
        let around = Surroundings {
            settings: &settings,
            clock: &clock,
            env: &env,
            guards: Arc::new(evaluate),
        };
        let (words, heard) = mpsc::channel(WORDS);
        let socket = run.path.join(SOCKET).to_path_buf();
        match take_up(&run, first, &around, heard).await {
            Ok((engine, _alive, _)) => {
                lab.lock().hosts[host].sockets.insert(socket.clone(), words);
                let ending = engine.run().await;
                lab.say("-", &format!("the process of {} ends: {ending:?}", self.run));
                lab.lock().hosts[host].sockets.remove(&socket);
            }
            Err(error) => lab.say("-", &format!("{} not taken up: {error}", self.run)),
        }
    }
}
