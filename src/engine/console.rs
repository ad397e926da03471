//! The console's loop. One task owns the model; everything reaches it as an `Event`, in one order:
//! signals, input, what the world says, time. The loop itself never waits for any of them longer
//! than for the others, and paints only when the model changed and the terminal can take it.

mod errands;
mod moving;
pub(super) mod pace;
mod reconciler;
pub(super) mod signals;

use self::errands::{Errand, take_apart};
use self::moving::Moving;
use self::pace::{Due, FramePace};
use self::reconciler::Reconciler;
use self::signals::Signals;
use super::desk::Desk;
use super::memory_file;
use super::recording::Recorder;
use super::{Connected, Elsewhere, Enter, Feed, FeedError, Operations};
use crate::app::{
    self, Effect, Effects, Ending, Event, EventKind, Input, Model, NoticeKind, Signal, Size,
};
use crate::clock::Clock;
use crate::core::estate::{Estate, Policy};
use crate::core::inventory::Inventory;
use crate::core::source::{Scope, SourceEvent};
use crate::sources::Pace;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Ages change a bucket at a time; nothing on the screen is finer than this.
const TICK: Duration = Duration::from_secs(1);

/// Joins the inventory into the estate, after the one before: `core::reconcile`.
pub type Reconcile = fn(&Inventory, Option<&Estate>, Timestamp, &Policy) -> Estate;

/// Nobody has typed for so long: everything is read more slowly until somebody does.
const IDLE_AFTER: Duration = Duration::from_secs(600);
/// What is worth remembering is kept this often, and at the end.
const REMEMBER_EVERY: Duration = Duration::from_secs(60);

/// Where recordings are kept that a key has asked for, in the state directory.
const RECORDINGS: &str = "recordings";

/// Who has not pressed a key for so long has stopped moving: longer than between two repeats of a
/// key that is held down, shorter than anybody waits for.
const AT_REST_AFTER: Duration = Duration::from_millis(100);

/// Why a console could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The signals could not be watched.
    #[error("failed to watch for signals")]
    Signals(#[from] io::Error),
    /// Nothing can be read at all.
    #[error(transparent)]
    Feed(#[from] FeedError),
}

/// What the loop is about.
pub struct Start {
    /// The console as it stands; its first frame has been painted.
    pub model: Model,
    /// The time.
    pub clock: Clock,
    /// `core::reconcile`.
    pub reconcile: Reconcile,
    /// The readers.
    pub feed: Feed,
    /// The operator.
    pub input: mpsc::Receiver<Input>,
    /// What stands behind plans and runs.
    pub operations: Operations,
    /// What records all of it.
    pub recorder: Recorder,
    /// The way into other contexts.
    pub enter: Enter,
    /// The places that are shown too.
    pub elsewhere: Elsewhere,
}

/// What the operator is about while a frame is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Pressing keys. What only tells about the selection may follow when they stop, so that a key
    /// held down over a slow line moves the selection and not a screen of text each time.
    Moving,
    /// Looking.
    AtRest,
}

/// How much of the model a frame shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Painted {
    /// All of it.
    Whole,
    /// Something was left for when the operator is at rest.
    InPart,
}

/// Where the model is shown.
pub trait Surface {
    /// Whether a frame can be handed over without waiting.
    fn is_ready(&self) -> bool;
    /// Composes a frame of the model and hands it over. Nothing changed, nothing written.
    ///
    /// # Errors
    /// The terminal is gone.
    fn paint(&mut self, model: &Model, operator: Operator) -> io::Result<Painted>;
    /// Waits until the frame that was handed over is written. Safe to drop while waiting.
    fn written(&mut self) -> impl Future<Output = io::Result<()>>;
    /// Forgets what is on the screen, so that the next frame is a whole one.
    fn forget(&mut self);
    /// Gives the terminal back and stops the process; returns when it is continued, or at once,
    /// with the reason, when nobody could continue it.
    ///
    /// # Errors
    /// A sentence why not.
    fn suspend(&mut self) -> Result<(), &'static str>;
    /// Takes the terminal (again) after somebody else may have used it.
    fn resume(&mut self);
    /// Sends a text to the clipboard of the operator's terminal, with the next frame.
    fn copy(&mut self, text: &str);
    /// The terminal's size now.
    fn size(&self) -> Option<Size>;
}

struct Console<'s, S> {
    model: Model,
    clock: Clock,
    feed: Feed,
    reconciler: Reconciler,
    /// Telling the readers what to read.
    demand: Errand,
    surface: &'s mut S,
    pace: FramePace,
    /// What changed the model since the last frame.
    due: Option<Due>,
    /// What the last frame showed.
    painted: Painted,
    /// Whether the console is to stop once the frame on its way is written.
    suspending: bool,
    ending: Option<Ending>,
    /// By real time, when somebody last typed.
    typed: Duration,
    /// Whose memory has been recalled, and by real time when it was last kept.
    memory: Option<(Account, Duration)>,
    operations: Operations,
    /// What is kept and written for the operator.
    desk: Desk,
    recorder: Recorder,
    /// The rules of a join, for the recording.
    policy: Policy,
    moving: Moving,
    elsewhere: Elsewhere,
}

/// What belongs to the loop alone.
type Ours = (Operations, Moving, Recorder, Elsewhere);

/// An account and a region.
struct Account {
    number: String,
    region: String,
}

/// Runs the console until it ends. Belongs on a current-thread runtime.
///
/// # Errors
/// The signals could not be watched, or the readers could not be set up.
pub async fn run(start: Start, surface: &mut impl Surface) -> Result<Ending, ConsoleError> {
    let Start { model, clock, reconcile, feed, mut input, .. } = start;
    let (operations, recorder) = (start.operations, start.recorder);
    operations.watch();
    let mut signals = Signals::watch()?;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let ours = (operations, Moving::new(start.enter), recorder, start.elsewhere);
    let mut console = Console::open(model, clock, (feed, reconcile, ours), surface);
    console.record_model();
    console.resize();
    console.demand.want();
    while console.ending.is_none() {
        console.suspend_if_due();
        let real = console.clock.real_elapsed();
        let paint = console.paint_in(real);
        let join = console.reconciler.starts_in(real);
        let errand = console.demand.starts_in(real);
        tokio::select! {
            biased;
            signal = signals.next() => console.obey(signal),
            got = input.recv() => match got {
                Some(input) => {
                    console.typed = console.clock.real_elapsed();
                    console.take(EventKind::Input(input));
                }
                None => console.take(EventKind::Signal(Signal::HangUp)),
            },
            written = console.surface.written(), if !console.surface.is_ready() => {
                console.check(written);
            },
            () = after(paint) => console.paint(),
            joined = console.reconciler.joined() => console.take_joined(joined),
            () = console.demand.done() => console.demand.over(console.clock.real_elapsed()),
            () = after(errand) => console.tell_readers(),
            answer = console.operations.next() => console.take(EventKind::Operation(answer)),
            answer = console.desk.next() => console.take(EventKind::Desk(answer)),
            (kind, text) = console.recorder.said() => console.take(EventKind::Said { kind, text }),
            () = after(join) => console.join(),
            outcome = connected(&mut console.feed.started) => console.connected(outcome)?,
            world = console.moving.there() => console.entered(world),
            // Before the news: once a second it keeps nobody waiting, and a storm of news must not
            // keep the ages from growing.
            _ = tick.tick() => {
                console.remember_now_and_then();
                console.take(EventKind::Tick);
            }
            // Rare, and one a second at most; behind a storm of news it would never come.
            seen = console.elsewhere.next() => console.take(EventKind::Elsewhere(Box::new(seen))),
            Some(news) = console.feed.events.recv() => console.news(news),
        }
    }
    console.remember();
    // Nobody is listened to while the last of it is written.
    input.close();
    console.desk.finish().await;
    console.recorder.end(console.clock.now());
    Ok(console.ending.unwrap_or(Ending::Quit))
}

/// The next word about how setting up the readers goes; waits for ever where there is none to come.
/// Safe to drop while waiting.
async fn connected(started: &mut Option<mpsc::Receiver<Connected>>) -> Connected {
    if let Some(told) = started
        && let Some(outcome) = told.recv().await
    {
        return outcome;
    }
    std::future::pending().await
}

/// Waits so long, or for ever.
pub(super) async fn after(span: Option<Duration>) {
    match span {
        Some(Duration::ZERO) => {}
        Some(span) => tokio::time::sleep(span).await,
        None => std::future::pending().await,
    }
}

impl<'s, S: Surface> Console<'s, S> {
    fn open(
        model: Model,
        clock: Clock,
        (feed, reconcile, ours): (Feed, Reconcile, Ours),
        surface: &'s mut S,
    ) -> Self {
        let (operations, moving, recorder, elsewhere) = ours;
        let region = model.place.region.clone().unwrap_or_default();
        let desk = Desk::new(feed.settings(), &clock);
        let policy = crate::sources::policy(feed.settings(), &region);
        Self {
            typed: clock.real_elapsed(),
            model,
            clock,
            feed,
            reconciler: Reconciler::new(reconcile, policy.clone()),
            demand: Errand::default(),
            surface,
            pace: FramePace::default(),
            due: Some(Due::Key),
            painted: Painted::Whole,
            suspending: false,
            ending: None,
            memory: None,
            operations,
            desk,
            recorder,
            policy,
            moving,
            elsewhere,
        }
    }

    fn take(&mut self, kind: EventKind) {
        let due = match &kind {
            EventKind::Input(_)
            | EventKind::Signal(_)
            | EventKind::Entered { .. }
            | EventKind::NotEntered(_) => Due::Key,
            EventKind::Connected(_)
            | EventKind::Unconnected(_)
            | EventKind::Recalled(_)
            | EventKind::Source(_)
            | EventKind::Elsewhere(_)
            | EventKind::Reconciled { .. }
            | EventKind::Operation(_)
            | EventKind::Desk(_)
            | EventKind::Said { .. }
            | EventKind::Tick => Due::News,
        };
        self.due = self.due.max(Some(due));
        let event = Event::new(self.clock.now(), kind);
        self.recorder.event(&event);
        let effects = app::update(&mut self.model, event);
        self.carry_out(effects);
    }

    /// Takes in news; with the account's first answer comes what is remembered of it.
    fn news(&mut self, news: SourceEvent) {
        let identity = news.scope == Scope::Identity && news.result.is_ok();
        self.take(EventKind::Source(news));
        if !identity || self.memory.is_some() {
            return;
        }
        let identity = self.model.inventory.identity.value();
        let Some((identity, region)) = identity.zip(self.model.place.region.clone()) else {
            return;
        };
        let account = Account { number: identity.account.clone(), region };
        let memory = memory_file::load(self.feed.settings(), &account.number, &account.region);
        self.desk.recall(&account.number, &account.region);
        self.memory = Some((account, self.clock.real_elapsed()));
        self.take(EventKind::Recalled(memory));
    }

    fn remember_now_and_then(&mut self) {
        let now = self.clock.real_elapsed();
        if self.memory.as_ref().is_some_and(|(_, kept)| now.saturating_sub(*kept) >= REMEMBER_EVERY)
        {
            self.remember();
        }
    }

    fn remember(&mut self) {
        let now = self.clock.real_elapsed();
        if let Some((account, kept)) = &mut self.memory {
            let memory = &self.model.inventory.memory;
            memory_file::save(self.feed.settings(), &account.number, &account.region, memory);
            *kept = now;
        }
    }

    /// Takes in a new estate; the one before it is taken apart elsewhere.
    fn take_joined(&mut self, joined: EventKind) {
        self.reconciler.over(self.clock.real_elapsed());
        let before = self.model.estate.clone();
        self.take(joined);
        take_apart(before);
        // Here no join is under way, so a recording can begin anew.
        self.record_model();
    }

    fn record_model(&mut self) {
        self.recorder.model(&self.model, &self.policy);
    }

    /// Tells the readers what to read: more slowly when nobody types, what is on screen first.
    fn tell_readers(&mut self) {
        let real = self.clock.real_elapsed();
        let idle = real.saturating_sub(self.typed) >= IDLE_AFTER;
        let pace = Pace { idle, focus: self.model.focus().cloned() };
        self.demand.start(real, self.feed.want_later(Arc::clone(&self.model.inventory), pace));
    }

    fn obey(&mut self, signal: Option<Signal>) {
        match signal {
            Some(signal) => self.take(EventKind::Signal(signal)),
            // The window changed; how, only the terminal knows.
            None => self.resize(),
        }
    }

    fn resize(&mut self) {
        let Some(size) = self.surface.size() else { return };
        if size != self.model.size {
            self.take(EventKind::Input(Input::Resize(size)));
        }
    }

    fn carry_out(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Reconcile => self.reconciler.want(),
                Effect::Want => self.demand.want(),
                Effect::PollNow => {
                    self.feed.poll_now();
                    self.elsewhere.poll_now();
                }
                Effect::Plan { number, request } => {
                    let estate = self.model.estate.as_ref();
                    let watched = estate.map(|estate| estate.locks.clone()).unwrap_or_default();
                    self.operations.plan(number, *request, watched);
                }
                Effect::Start { number, plan, typed } => {
                    self.operations.start(number, &plan, typed)
                }
                Effect::Tell { run, ask } => self.operations.tell(run, ask),
                Effect::Keep(change) => self.desk.keep(*change),
                Effect::Evidence { name, text } => self.desk.evidence(name, text),
                Effect::Copy(text) => self.surface.copy(&text),
                Effect::SaveRecording => {
                    let directory = self.feed.settings().state_dir.join(RECORDINGS);
                    self.recorder.save(directory.into(), self.clock.now());
                }
                // Arming changes the model only, and `update` has done so.
                Effect::Arm => {}
                Effect::Enter(name) => self.moving.go(name),
                Effect::Quit(ending) => self.ending = Some(ending),
                Effect::Suspend => self.suspending = true,
                Effect::Resume => self.surface.resume(),
                Effect::Repaint => {
                    self.surface.forget();
                    self.resize();
                }
            }
        }
    }

    /// Stops as soon as no half of a frame would come out on the shell's screen.
    fn suspend_if_due(&mut self) {
        if !self.suspending || !self.surface.is_ready() {
            return;
        }
        self.suspending = false;
        if let Err(why) = self.surface.suspend() {
            self.take(EventKind::Said { kind: NoticeKind::Warning, text: why.to_owned() });
        }
    }

    fn join(&mut self) {
        let (now, real) = (self.clock.now(), self.clock.real_elapsed());
        self.recorder.joining(now);
        self.reconciler.start(&self.model, now, real);
    }

    /// When the next frame may be painted, if one is due and the terminal can take it.
    fn paint_in(&self, real: Duration) -> Option<Duration> {
        if self.suspending || !self.surface.is_ready() {
            return None;
        }
        let due = self.due.map(|due| self.pace.next_in(real, due));
        let rest = (self.painted == Painted::InPart).then(|| {
            let rest = (self.typed + AT_REST_AFTER).saturating_sub(real);
            rest.max(self.pace.next_in(real, Due::News))
        });
        [due, rest].into_iter().flatten().min()
    }

    fn paint(&mut self) {
        let real = self.clock.real_elapsed();
        self.pace.took(real);
        // The frame that answers a key is never the one at rest, however late it comes.
        let is_answer = self.due.take() == Some(Due::Key);
        let moving = is_answer || real.saturating_sub(self.typed) < AT_REST_AFTER;
        let operator = if moving { Operator::Moving } else { Operator::AtRest };
        self.recorder.painted(self.clock.now(), operator);
        let painted = self.surface.paint(&self.model, operator);
        self.painted = painted.as_ref().map_or(Painted::Whole, |painted| *painted);
        self.check(painted.map(drop));
    }

    /// A terminal that cannot be written to is gone.
    fn check(&mut self, outcome: io::Result<()>) {
        if outcome.is_err() {
            self.take(EventKind::Signal(Signal::HangUp));
        }
    }
}

#[cfg(test)]
mod tests;
