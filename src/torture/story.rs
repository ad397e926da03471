//! What operators do on the machines: they plan, start, answer, roll back and take over, while
//! things go wrong; then everything is well again, and every run is brought to its end.

use super::disk::MemoryDisk;
use super::lab::Lab;
use super::process::{Desk, Engine};
use crate::core::ids::ServiceId;
use crate::core::plan::{Gate, Intent, OnRegression, Options, Plan};
use crate::core::run::{Ask, HoldReason, Run, RunState};
use crate::sim::View;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often an operator looks.
const LOOK: Duration = Duration::from_secs(5);
/// How long a run is attended before everything becomes well.
const ATTENDED: Duration = Duration::from_secs(45 * 60);
/// A lock is left when its run was silent for so long; with room to spare.
const SILENCE: u64 = 260;

/// What an operator does about a run that stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Resume,
    Abort,
    Rollback,
}

/// The operators of a seed.
pub(super) struct Story {
    lab: Lab,
    disks: Vec<MemoryDisk>,
    /// The shares before anything was done.
    first: View,
}

impl Story {
    pub(super) fn new(lab: &Lab, disks: Vec<MemoryDisk>) -> Self {
        Self { lab: lab.clone(), disks, first: View::default() }
    }

    /// All of it.
    pub(super) async fn go(mut self) {
        tokio::time::sleep(Duration::from_secs(60)).await;
        self.first = self.lab.world.view();
        let intent = Intent::Cutover { from: "blue".into(), to: "green".into() };
        let options = self.options();
        self.phase("plan");
        let Some(plan) = self.planned(0, &intent, &options).await else {
            self.end().await;
            return;
        };
        self.phase("run");
        self.start(0, plan).await;
        self.attend().await;
        self.end().await;
    }

    fn phase(&self, name: &'static str) {
        self.lab.lock().phase = name;
    }

    fn options(&self) -> Options {
        let mut inner = self.lab.lock();
        let chance = &mut inner.chance;
        let schedules: [&[u8]; 3] = [&[100], &[10, 100], &[10, 50, 100]];
        let schedule = chance.pick(&schedules).map(<[u8]>::to_vec);
        let gates = match chance.next() % 3 {
            0 => BTreeSet::new(),
            1 => BTreeSet::from([Gate::BeforeShift]),
            _ => BTreeSet::from([Gate::BeforeShift, Gate::BeforeEnd]),
        };
        let on_regression =
            if chance.one_in(2) { OnRegression::Rollback } else { OnRegression::Hold };
        Options {
            schedule,
            settle: Duration::from_secs(20),
            window: Duration::from_secs(30),
            bake: Duration::from_secs(30),
            gates,
            on_regression,
            ..Options::default()
        }
    }

    /// Plans until there is a plan that nothing stands in the way of, for a while.
    async fn planned(&self, host: usize, intent: &Intent, options: &Options) -> Option<Plan> {
        for _ in 0..12 {
            let desk = Desk::new(&self.lab, host, &self.disks[host]);
            match desk.plan(intent, options).await {
                Some(Ok(plan)) if desk.may_start(&plan) => return Some(plan),
                Some(Ok(plan)) => {
                    let guards = plan
                        .guards
                        .iter()
                        .filter(|one| one.effect >= crate::core::plan::guard::Effect::CannotTell);
                    let names: Vec<String> = guards
                        .map(|one| format!("{}: {}", one.guard, one.verdict.because()))
                        .collect();
                    self.say(host, &format!("the plan is blocked: {}", names.join("; ")));
                }
                Some(Err(refusal)) => self.say(host, &format!("no plan: {}", refusal.why)),
                None => {}
            }
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        None
    }

    fn say(&self, host: usize, what: &str) {
        let name = self.lab.lock().hosts[host].name.clone();
        self.lab.say(&name, what);
    }

    async fn start(&self, host: usize, plan: Plan) -> bool {
        let desk = Desk::new(&self.lab, host, &self.disks[host]);
        match desk.start(plan) {
            Ok(run) => {
                self.say(host, &format!("starts {}", run.id));
                Engine::new(&self.lab, host, &self.disks[host], run.id.clone()).spawn(None);
                true
            }
            Err(why) => {
                self.say(host, &format!("not started: {why}"));
                false
            }
        }
    }

    /// The runs that are not over, with their machines.
    fn open(&self) -> Vec<(usize, Run)> {
        let hosts = self.disks.iter().enumerate();
        let runs = hosts.flat_map(|(host, disk)| {
            Desk::new(&self.lab, host, disk).runs().into_iter().map(move |run| (host, run))
        });
        runs.filter(|(_, run)| !run.state.is_over()).collect()
    }

    /// Answers gates, and does something about what stands still, for as long as things go wrong.
    async fn attend(&self) {
        let until = self.lab.now() + ATTENDED;
        while self.lab.now() < until {
            tokio::time::sleep(LOOK).await;
            let Some((host, run)) = self.open().pop() else { return };
            let alive = Desk::new(&self.lab, host, &self.disks[host]).is_alive(&run.id);
            match (&run.state, alive) {
                (RunState::Running, true) => {}
                (RunState::Held { reason: HoldReason::Gate, .. }, true) => {
                    self.phase("run");
                    let turn =
                        self.turn(&[(Turn::Resume, 10), (Turn::Abort, 1), (Turn::Rollback, 1)]);
                    self.act(host, &run, turn).await;
                }
                (_, true) => {
                    self.phase("hold");
                    self.wait(20, 120).await;
                    let turn =
                        self.turn(&[(Turn::Resume, 5), (Turn::Abort, 1), (Turn::Rollback, 4)]);
                    self.act(host, &run, turn).await;
                }
                (_, false) => {
                    self.phase("hold");
                    self.wait(5, 60).await;
                    self.left_alone(host, &run).await;
                }
            }
        }
    }

    /// A run whose machine has died: it is started again, or another takes over.
    async fn left_alone(&self, host: usize, run: &Run) {
        let elsewhere = self.disks.len() > 2 && self.lab.lock().chance.one_in(3);
        if elsewhere {
            let other = 1 + (host + 1) % (self.disks.len() - 1);
            tokio::time::sleep(Duration::from_secs(SILENCE)).await;
            self.take_over(other.min(self.disks.len() - 2)).await;
            return;
        }
        let turn = self.turn(&[(Turn::Resume, 4), (Turn::Abort, 1), (Turn::Rollback, 4)]);
        self.act(host, run, turn).await;
    }

    fn turn(&self, among: &[(Turn, u64)]) -> Turn {
        let all: Vec<Turn> =
            among.iter().flat_map(|(turn, times)| (0..*times).map(move |_| *turn)).collect();
        self.lab.lock().chance.pick(&all).unwrap_or(Turn::Resume)
    }

    async fn wait(&self, least: u64, most: u64) {
        let span = self.lab.lock().chance.between(least, most);
        tokio::time::sleep(Duration::from_secs(span)).await;
    }

    async fn act(&self, host: usize, run: &Run, turn: Turn) {
        self.say(host, &format!("{turn:?} of {}", run.id));
        let ask = match turn {
            Turn::Rollback => return self.roll_back(host, run).await,
            Turn::Resume => Ask::Resume,
            Turn::Abort => Ask::Abort,
        };
        let desk = Desk::new(&self.lab, host, &self.disks[host]);
        if desk.ask(&run.id, ask.clone()).await {
            Engine::new(&self.lab, host, &self.disks[host], run.id.clone()).spawn(Some(ask));
        }
    }

    async fn roll_back(&self, host: usize, run: &Run) {
        self.phase("rollback");
        let intent = Intent::Rollback { run: run.id.clone() };
        if let Some(plan) = self.planned(host, &intent, &Options::default()).await {
            self.start(host, plan).await;
        }
    }

    async fn take_over(&self, host: usize) {
        self.phase("takeover");
        let locks = self.lab.world.view().records;
        let lock = locks.iter().find(|(_, (name, ..))| name.starts_with("quarterdeck-lock-"));
        let Some((id, _)) = lock else { return };
        self.say(host, &format!("takes over {id}"));
        let intent = Intent::Takeover { lock: ServiceId::from(id.as_str()) };
        if let Some(plan) = self.planned(host, &intent, &Options::default()).await {
            self.start(host, plan).await;
        }
    }

    /// Everything is well again: every run can be brought to an end, and what ended runs have left is
    /// gone, or named to whoever looks from another machine.
    async fn end(&self) {
        self.phase("end");
        self.lab.all_well();
        tokio::time::sleep(Duration::from_secs(30)).await;
        for _ in 0..8 {
            let Some((host, run)) = self.open().pop() else { break };
            self.roll_back(host, &run).await;
            let until = self.lab.now() + Duration::from_secs(30 * 60);
            while self.lab.now() < until && self.moves() {
                tokio::time::sleep(LOOK).await;
            }
            self.unblock().await;
        }
        // What cannot go on or back can still be ended; a run that has lost its lock asks for that
        // twice.
        for _ in 0..6 {
            let Some((host, run)) = self.open().pop() else { break };
            self.act(host, &run, Turn::Abort).await;
            tokio::time::sleep(Duration::from_secs(300)).await;
        }
        for (host, run) in self.open() {
            let name = self.lab.lock().hosts[host].name.clone();
            let what =
                format!("run {} on {name} cannot be brought to an end: {:?}", run.id, run.state);
            self.broken(what);
        }
        self.shares();
        self.leftovers().await;
    }

    /// Whether a process carries a run out.
    fn moves(&self) -> bool {
        self.open().iter().any(|(host, run)| {
            let alive = Desk::new(&self.lab, *host, &self.disks[*host]).is_alive(&run.id);
            alive && run.state == RunState::Running
        })
    }

    /// What holds in a well world is resumed once.
    async fn unblock(&self) {
        for (host, run) in self.open() {
            self.act(host, &run, Turn::Resume).await;
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
    }

    /// What was rolled back has the shares of before.
    fn shares(&self) {
        let disks = self.disks.iter().enumerate();
        let runs: Vec<Run> =
            disks.flat_map(|(host, disk)| Desk::new(&self.lab, host, disk).runs()).collect();
        let last = runs.iter().max_by_key(|run| run.last);
        let rolls_back = last.is_some_and(|run| {
            matches!(run.plan.intent, Intent::Rollback { .. }) && run.state == RunState::Done
                || matches!(run.state, RunState::RolledBack { .. })
        });
        let (now, first) = (self.lab.world.view(), &self.first);
        let share = |view: &View| -> Vec<Vec<(String, u32)>> {
            let all = view.listeners.values();
            all.map(|of| of.iter().filter(|(_, weight)| *weight > 0).cloned().collect()).collect()
        };
        if rolls_back && !self.lab.lock().others_wrote && share(&now) != share(first) {
            self.broken(format!("rolled back, and the shares are {:?}", now.listeners));
        }
    }

    async fn leftovers(&self) {
        let view = self.lab.world.view();
        let mut left: Vec<String> = view.suspended.keys().cloned().collect();
        let locks =
            view.records.values().filter(|(name, ..)| name.starts_with("quarterdeck-lock-"));
        left.extend(
            locks.map(|(name, ..)| name.trim_start_matches("quarterdeck-lock-").to_owned()),
        );
        if left.is_empty() || !self.open().is_empty() {
            return;
        }
        // A lock is called left when its run has been silent for long enough.
        tokio::time::sleep(Duration::from_secs(SILENCE)).await;
        let fresh = self.disks.len() - 1;
        let Some(said) = Desk::new(&self.lab, fresh, &self.disks[fresh]).findings().await else {
            return;
        };
        for what in left {
            if !said.iter().any(|finding| finding.contains(&what)) {
                self.broken(format!(
                    "{what} is left by a run that is over, and no finding names it"
                ));
            }
        }
    }

    fn broken(&self, what: String) {
        let now = self.lab.now();
        self.lab.lock().checker.fail(now, what);
    }
}
