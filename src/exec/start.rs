//! Starting a run and speaking to one, as its starter, a console or a command does. Whoever does so may
//! end at any time: the run has a process of its own.

use super::arming::{Arming, NotArmed, not_read_only};
use super::control::{self, ControlError};
use super::engine::{Reply, Word};
use super::ledger::Ledger;
use super::process::{Ready, approved};
use super::state::{LOG, RunDir, StateError, who};
use super::trust::{Distrust, trusted};
use crate::clock::Clock;
use crate::config::{ClockSetting, Environment, Origin, Settings};
use crate::core::plan::guard::Effect;
use crate::core::plan::{ApprovedPlan, Confirmation, Intent, Plan, Refusal, Verb, accept};
use crate::core::run::{Ask, RunId, RunState};
use jiff::Timestamp;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// A new process resolves credentials first, which may take half a minute.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long a process that steps down takes to end.
const END_LIMIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// This program on this host, as a starter needs it.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// How to reach AWS and the nodes; a run's process is told the same.
    pub settings: &'a Settings,
    /// The clock of the world.
    pub clock: &'a Clock,
    /// The environment. A run's process inherits it, credentials with it.
    pub env: &'a Environment,
}

/// Why a run was not started, or not spoken to.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The plan cannot be approved as it is.
    #[error("{why}")]
    Plan {
        /// What is wrong with it.
        why: String,
        /// What to do next.
        next: String,
        /// How much it counts: 2 for usage, 3 where a guard blocks, 4 where it cannot tell.
        code: u8,
    },
    /// The session may not.
    #[error(transparent)]
    NotArmed(#[from] NotArmed),
    /// The run's files are not what they should be.
    #[error(transparent)]
    Distrust(#[from] Distrust),
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system gave no process.
    #[error("failed to start the run's process: {0}")]
    Process(#[source] io::Error),
    /// The process said that it cannot.
    #[error("the run's process refused: {because}")]
    Refused {
        /// Why.
        because: String,
        /// What to do next.
        next: String,
    },
    /// The process ended, or fell silent, before it was ready.
    #[error("the run's process did not become ready; its log is {}", .log.display())]
    NotReady {
        /// Where it may say why.
        log: PathBuf,
    },
    /// The run's process does not answer.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The run would not have it.
    #[error("{because}")]
    Declined {
        /// Why.
        because: String,
        /// What to do next.
        next: &'static str,
    },
}

impl StartError {
    /// What to do next, as a sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::Declined { next, .. } => (*next).to_owned(),
            Self::NotArmed(error) => error.next_step().to_owned(),
            Self::Distrust(error) => error.next_step().to_owned(),
            Self::State(error) => error.next_step().to_owned(),
            Self::Process(_) => {
                "Check the limits of this session (`ulimit -u`, memory).".to_owned()
            }
            Self::Plan { next, .. } | Self::Refused { next, .. } => next.clone(),
            Self::NotReady { .. } => {
                "Read that log; `quarterdeck run resume` tries again.".to_owned()
            }
            Self::Control(_) => {
                "`quarterdeck run show` tells how it stands; its log says more.".to_owned()
            }
        }
    }
}

/// Starts a run of an approved plan and waits until its process is ready. The rollback of a run that
/// this state directory holds, and that is whole, needs no armed session; all else does.
///
/// # Errors
/// Why it was not started; nothing was changed then.
pub fn start(
    approved: &ApprovedPlan,
    armed: Result<Arming, NotArmed>,
    host: Host<'_>,
) -> Result<(RunId, Vec<String>), StartError> {
    let run = prepare(approved, armed, host)?;
    let warnings = spawn(&run, None, host)?;
    Ok((run.id, warnings))
}

/// Makes the directory of a run of an approved plan, for whoever gives it a process.
///
/// # Errors
/// Why there is none; nothing was changed then.
pub fn prepare(
    approved: &ApprovedPlan,
    armed: Result<Arming, NotArmed>,
    host: Host<'_>,
) -> Result<RunDir, StartError> {
    let taken_back = rolls_back_what_is_here(&approved.plan, host)?;
    match armed {
        Err(NotArmed::NotAllowed) if taken_back => {}
        Err(not) => return Err(not.into()),
        Ok(_) => {}
    }
    acceptable(approved, host.settings, host.clock.now())?;
    Ok(RunDir::create(&host.settings.state_dir, approved, host.clock.now())?)
}

/// Whether a plan takes back what a run of this state directory did. One whose files cannot be
/// believed is not taken back either: what it says that it found is what would be written.
fn rolls_back_what_is_here(plan: &Plan, host: Host<'_>) -> Result<bool, StartError> {
    let Intent::Rollback { run } = &plan.intent else { return Ok(false) };
    let Ok(run) = RunDir::find(&host.settings.state_dir, run.as_str()) else { return Ok(false) };
    let told = run.told().map_err(StateError::from)?;
    trusted(&run, &told.lines, None)?;
    Ok(true)
}

/// Whether a plan may be started now. Everything here was checked when it was approved; a plan that
/// comes from a file, or from a run that never began, may have been approved by nobody.
pub(super) fn acceptable(
    approved: &ApprovedPlan,
    settings: &Settings,
    now: Timestamp,
) -> Result<(), StartError> {
    let refuse =
        |why: String, next: &str, code| Err(StartError::Plan { why, next: next.into(), code });
    let plan = &approved.plan;
    let times = settings.clock.as_ref().map_or(1, ClockSetting::times);
    if let Err(Refusal { why, next, .. }) = accept(plan, now, times) {
        return Err(StartError::Plan { why, next, code: 2 });
    }
    let typed = approved.typed.trim();
    let agreed = match &plan.confirmation {
        // Who types the name where a yes would do has said more than is asked.
        Confirmation::YesNo => {
            matches!(typed, "y" | "yes")
                || plan.giving.as_ref().is_some_and(|it| typed == it.as_str())
        }
        Confirmation::Type(name) => typed == name.as_str(),
    };
    if !agreed {
        let why = match &plan.confirmation {
            Confirmation::YesNo => "the plan was not agreed to".to_owned(),
            Confirmation::Type(name) => format!("{typed:?} was typed, and the name is {name}"),
        };
        let next = match &plan.confirmation {
            Confirmation::YesNo => "Say yes to it (--confirm y).",
            Confirmation::Type(_) => "Give the name in full (--confirm NAME).",
        };
        return refuse(why, next, 2);
    }
    let worst = plan.guards.iter().max_by_key(|report| report.effect);
    match worst.map(|report| {
        (report.effect, format!("guard {}: {}", report.guard, report.verdict.because()))
    }) {
        Some((Effect::Blocks, why)) => {
            refuse(why, "Correct what the guard says, then plan again.", 3)
        }
        Some((Effect::CannotTell, why)) => {
            refuse(why, "Find out why it cannot be read, then plan again.", 4)
        }
        _ => Ok(()),
    }
}

/// Starts a process for a run and waits for its ready line.
fn spawn(run: &RunDir, first: Option<&Ask>, host: Host<'_>) -> Result<Vec<String>, StartError> {
    let log = run.path.join(LOG);
    let mode = if run.is_shared() { 0o660 } else { 0o600 };
    let stderr = File::options().create(true).append(true).mode(mode).open(&log);
    let stderr =
        stderr.map_err(|cause| StateError::Io { what: "open", path: log.to_path_buf(), cause })?;
    let mut command = this_program()?;
    command.args(arguments(host)).arg("--log").arg(&log).arg("run-engine").arg(&run.path);
    match first {
        Some(Ask::Resume) => drop(command.args(["--first", "resume"])),
        Some(Ask::Abort) => drop(command.args(["--first", "abort"])),
        Some(Ask::Hold | Ask::Override { .. }) | None => {}
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    let mut child = command.spawn().map_err(StartError::Process)?;
    let (told, heard) = sync_channel(1);
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Nobody waits any more when the time is over.
            let _ = told.send(read.map(|_| line).unwrap_or_default());
            // A console lives on; the process is waited for when it ends, so that it is buried.
            let _ = child.wait();
        });
    }
    let line = heard.recv_timeout(READY_LIMIT).unwrap_or_default();
    match serde_json::from_str(&line) {
        Ok(Ready::Ready { warnings }) => Ok(warnings),
        Ok(Ready::Refused { because, next, code: code @ (2..=4 | 7) }) => {
            Err(StartError::Plan { why: because, next, code })
        }
        Ok(Ready::Refused { because, next, .. }) => Err(StartError::Refused { because, next }),
        Err(_) => Err(StartError::NotReady { log: log.into() }),
    }
}

/// This very program. Its file may have been replaced or removed while a console was open: then what
/// runs here runs there too, and reads what this one wrote.
fn this_program() -> Result<Command, StartError> {
    const SELF: &str = "/proc/self/exe";
    let name = std::env::current_exe().map_err(StartError::Process)?;
    let place = |path: &Path| std::fs::metadata(path).map(|about| (about.dev(), about.ino())).ok();
    let here = place(Path::new(SELF));
    if here.is_none() || place(&name) == here {
        return Ok(Command::new(name));
    }
    let mut command = Command::new(SELF);
    command.arg0(name);
    Ok(command)
}

/// The global flags that make another process see the world as this one does. Credentials are
/// none of them: they are in the environment.
fn arguments(host: Host<'_>) -> Vec<OsString> {
    let settings = host.settings;
    let mut all: Vec<OsString> = Vec::new();
    let mut flag = |name: &str, value: Option<OsString>| {
        all.extend(value.into_iter().flat_map(|value| [OsString::from(name), value]));
    };
    let text = |value: &Option<String>| value.clone().map(OsString::from);
    // What a context says was not taken from the environment, which the process inherits.
    let given = |name: &str| {
        matches!(settings.origins.get(name), Some(Origin::Flag(_) | Origin::Context(_)))
    };
    flag("--config", settings.file.clone().map(Into::into));
    flag("--context", text(&settings.context));
    flag("--state-dir", Some(settings.state_dir.as_os_str().to_owned()));
    flag("--region", text(&settings.aws.region));
    flag("--profile", text(&settings.aws.profile).filter(|_| given("aws.profile")));
    flag("--endpoint-url", text(&settings.aws.endpoint_url));
    // A run looks at all that it touches, whatever its starter looked at.
    let clock = settings
        .clock
        .map(|ClockSetting { rate, .. }| OsString::from(format!("{}@{rate}", host.clock.now())));
    flag("--clock", clock);
    if !settings.probes.enabled {
        all.push("--no-probes".into());
    }
    if Arming::of(settings).is_ok() {
        all.push("--operate".into());
    }
    all
}

/// Asks something of a run: of its process, or of a new one where there is none. Going on, and
/// overriding a guard, needs an armed session, unless the run is a rollback.
///
/// # Errors
/// Why it will not be so.
pub async fn ask(run: &RunDir, ask: Ask, host: Host<'_>) -> Result<String, StartError> {
    let told = run.told().map_err(StateError::from)?;
    let back = approved(&told.lines).is_some_and(|of| of.plan.intent.verb() == Verb::Rollback);
    match &ask {
        Ask::Resume | Ask::Override { .. } if !back => Arming::of(host.settings).map(|_| ()),
        _ => not_read_only(host.settings),
    }?;
    trusted(run, &told.lines, None)?;
    if run.is_alive() {
        match control::say(run, Word::Ask(ask.clone()), &who(host.env, host.settings.machine()))
            .await
        {
            Ok(Reply::Taken { because }) => return Ok(because),
            Ok(Reply::Refused { because }) => {
                let next = "`quarterdeck run show` tells how it stands.";
                return Err(StartError::Declined { because, next });
            }
            Ok(Reply::Standing { .. } | Reply::SteppedDown) => has_ended(run).await?,
            // A process that steps down may be gone before its answer is out.
            Err(error) if error.is_hung_up() => has_ended(run).await?,
            Err(error) => return Err(error.into()),
        }
    }
    let told = run.told().map_err(StateError::from)?;
    let declined = |because: String, next| Err(StartError::Declined { because, next });
    let Some(plan) = approved(&told.lines) else {
        return declined(
            "its journal has no plan".to_owned(),
            "`quarterdeck audit verify` says more.",
        );
    };
    let ledger = Ledger::of(&plan, &told.lines);
    if ledger.ended.is_some() {
        return declined(
            "the run is over".to_owned(),
            "`quarterdeck run show` shows how it ended.",
        );
    }
    if matches!(ask, Ask::Override { .. }) {
        return override_guard(run, ask, (&ledger, host)).await;
    }
    if ask == Ask::Hold {
        let because = "it has no process, so nothing of it goes on".to_owned();
        return declined(because, "Resume or abort it.");
    }
    let warnings = spawn(run, Some(&ask), host)?;
    let mut said = "it had no process; a new one has taken it up".to_owned();
    for warning in warnings {
        said.push_str(&format!("; {warning}"));
    }
    Ok(said)
}

/// A held run without a process gets one that holds, and is told.
async fn override_guard(
    run: &RunDir,
    ask: Ask,
    (ledger, host): (&Ledger, Host<'_>),
) -> Result<String, StartError> {
    if !ledger.has_begun() {
        let because = "the run never began, so nothing of it is held by a guard".to_owned();
        let next = "Make the plan again with --override GUARD --reason TEXT.";
        return Err(StartError::Declined { because, next });
    }
    spawn(run, None, host)?;
    match control::say(run, Word::Ask(ask), &who(host.env, host.settings.machine())).await? {
        Reply::Taken { because } => Ok(because),
        Reply::Refused { because } => {
            let next = "`quarterdeck run show` tells how it stands.";
            Err(StartError::Declined { because, next })
        }
        Reply::Standing { .. } | Reply::SteppedDown => {
            let because = "its process ended at this moment".to_owned();
            Err(StartError::Declined { because, next: "Try again." })
        }
    }
}

/// Waits until the process that stepped down has ended.
async fn has_ended(run: &RunDir) -> Result<(), StartError> {
    for _ in 0..END_LIMIT.as_millis() / LOOK.as_millis() {
        if !run.is_alive() {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    let because = "its process said that it steps down, and goes on".to_owned();
    Err(StartError::Declined { because, next: "Try again." })
}

/// How a run stands: what its journal says, and what its process says where that cannot be written
/// down.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The state.
    pub state: RunState,
    /// Whether a process carries it out.
    pub alive: bool,
}

/// Looks at a run whose journal was just read.
pub async fn standing(run: &RunDir, written: RunState, env: &Environment) -> Standing {
    let alive = run.is_alive();
    if alive
        && !written.is_over()
        && let Ok(Reply::Standing { state }) =
            control::say(run, Word::Standing, &who(env, run.path.machine())).await
    {
        return Standing { state, alive };
    }
    Standing { state: written, alive }
}
