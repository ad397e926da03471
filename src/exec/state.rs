//! The state directory: where runs live, who may reach them, whether their process lives.
//!
//! `<state dir>/runs/<id>/{plan.json, journal.jsonl, socket, log}`. A state directory that its group
//! may write to is shared: then so are the runs in it, and a colleague on the host can attach.

use super::journal::{self, Journal, JournalError, Told};
use super::mark::Mark;
use crate::config::Environment;
use crate::core::plan::ApprovedPlan;
use crate::core::run::journal::Entry;
use crate::core::run::{RunId, Who};
use crate::machine::{Held, Machine, Place};
use jiff::Timestamp;
use std::io;
use std::path::PathBuf;

/// The folder of all runs.
const RUNS: &str = "runs";
/// The plan as it was approved.
pub const PLAN: &str = "plan.json";
/// The control socket.
pub const SOCKET: &str = "socket";
/// What the run's process says beside its journal.
pub const LOG: &str = "log";

/// Why the state directory cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The system refused.
    #[error("failed to {what} {}: {cause}", .path.display())]
    Io {
        /// `create`, `read`, …
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// The journal cannot be written or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is no such run.
    #[error("there is no run {asked:?} in {}{}", .path.display(), named(.known))]
    Unknown {
        /// What was asked for.
        asked: String,
        /// Where it was looked for.
        path: PathBuf,
        /// The newest runs there are.
        known: Vec<RunId>,
    },
    /// Another host holds the directory.
    #[error("the directory of run {run} is held by host {host}")]
    Elsewhere {
        /// The run.
        run: RunId,
        /// The host.
        host: String,
    },
    /// Several runs' ids begin so.
    #[error("several runs begin with {asked:?}{}", named(.known))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// Those that begin so.
        known: Vec<RunId>,
    },
}

impl StateError {
    /// What to do next, as a sentence.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Io { cause, .. } if cause.kind() == io::ErrorKind::StorageFull => {
                "Free some space on that disk, or choose another --state-dir."
            }
            Self::Io { .. } => "Make the state directory writable, or choose another --state-dir.",
            Self::Journal(error) => error.next_step(),
            Self::Elsewhere { .. } => {
                "Go on with it on that host. If that host is gone for good, take its lock over, or \
                 remove the file `host` in the run's directory."
            }
            Self::Unknown { .. } | Self::Ambiguous { .. } => {
                "`quarterdeck runs` lists the runs of this state directory."
            }
        }
    }

    /// Whether what was asked for is the mistake.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Ambiguous { .. })
    }
}

fn named(known: &[RunId]) -> String {
    let names: Vec<&str> = known.iter().map(RunId::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" (there are {})", names.join(", ")) }
}

/// A run's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    /// The run.
    pub id: RunId,
    /// Where it lives.
    pub path: Place,
}

/// Held as long as a run's process lives; the system lets go of it however the process ends.
#[derive(Debug)]
pub struct Alive {
    // Before the lock: the mark is gone when the lock is let go of.
    _mark: Mark,
    _directory: Box<dyn Held>,
}

impl RunDir {
    /// Makes the directory of a new run with its plan and the first line of its journal.
    ///
    /// # Errors
    /// Whatever the system says: an unwritable directory, a full disk. Nothing is left behind.
    pub fn create(
        state_dir: &Place,
        approved: &ApprovedPlan,
        at: Timestamp,
    ) -> Result<Self, StateError> {
        let runs = state_dir.join(RUNS);
        make(state_dir, false)?;
        let shared = is_shared(state_dir);
        make(&runs, shared)?;
        let disk = &state_dir.machine().disk;
        let id = new_id(at, state_dir.machine());
        let path = runs.join(id.as_str());
        disk.make_directory(&path, 0o700, false).map_err(|cause| failed("create", &path, cause))?;
        let run = Self { id, path };
        let filled = run.fill(approved, shared, at).and_then(|()| {
            disk.sync_directory(&runs).map_err(|cause| failed("sync", &runs, cause))
        });
        if let Err(error) = filled {
            // A run that never began must not be found as one that died.
            let _ = disk.remove_directory(&run.path);
            return Err(error);
        }
        Ok(run)
    }

    fn fill(&self, approved: &ApprovedPlan, shared: bool, at: Timestamp) -> Result<(), StateError> {
        if shared {
            permit(&self.path, 0o770)?;
        }
        let plan = self.path.join(PLAN);
        let text = serde_json::to_vec_pretty(approved).map_err(io::Error::from);
        let written = text.and_then(|text| {
            let mode = if shared { 0o660 } else { 0o600 };
            plan.machine().disk.write_new(&plan, &text, mode)
        });
        written.map_err(|cause| failed("write", &plan, cause))?;
        let mut journal = Journal::create(&self.path, shared)?;
        journal.append(
            at,
            Entry::Opened {
                run: self.id.clone(),
                approved: Box::new(approved.clone()),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                rules: crate::core::run::rules::VERSION,
            },
        )?;
        Ok(())
    }

    /// The run in this directory.
    pub fn at(path: &Place) -> Self {
        let name = path.file_name().unwrap_or_default();
        Self { id: RunId::from(name.to_string_lossy()), path: path.clone() }
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// Whatever the system says; a state directory without runs has none.
    pub fn all(state_dir: &Place) -> Result<Vec<Self>, StateError> {
        let runs = state_dir.join(RUNS);
        let disk = &runs.machine().disk;
        let entries = match disk.list(&runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(failed("read", &runs, cause)),
        };
        let mut all: Vec<Self> = entries
            .into_iter()
            .map(|entry| Self::at(&runs.beside(entry)))
            .filter(|run| disk.length(&run.path.join(journal::FILE)).is_ok())
            .collect();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(all)
    }

    /// The run of an id, or of the beginning of one.
    ///
    /// # Errors
    /// That there is none, or several.
    pub fn find(state_dir: &Place, asked: &str) -> Result<Self, StateError> {
        let all = Self::all(state_dir)?;
        if let Some(run) = all.iter().find(|run| run.id.as_str() == asked) {
            return Ok(run.clone());
        }
        let asked = asked.to_owned();
        let mut fitting =
            all.iter().filter(|run| !asked.is_empty() && run.id.as_str().starts_with(&asked));
        match (fitting.next(), fitting.next()) {
            (Some(run), None) => Ok(run.clone()),
            (Some(_), Some(_)) => {
                let fits = all.iter().filter(|run| run.id.as_str().starts_with(&asked));
                let known = fits.map(|run| run.id.clone()).collect();
                Err(StateError::Ambiguous { asked, known })
            }
            (None, _) => {
                let known = all.iter().rev().take(5).map(|run| run.id.clone()).collect();
                Err(StateError::Unknown { asked, path: state_dir.join(RUNS).into(), known })
            }
        }
    }

    /// What its journal tells, with the chain checked.
    ///
    /// # Errors
    /// See [`journal::read`].
    pub fn told(&self) -> Result<Told, JournalError> {
        journal::read(&self.path.join(journal::FILE))
    }

    /// Whether its process lives, told by the lock on its directory and never by a process id.
    pub fn is_alive(&self) -> bool {
        self.path.machine().disk.is_taken(&self.path)
    }

    /// Takes the lock that says that the run's process lives; `None` where another holds it.
    ///
    /// # Errors
    /// Whatever the system says; that another host holds the directory.
    pub fn take(&self) -> Result<Option<Alive>, StateError> {
        let held = self.path.machine().disk.take(&self.path);
        let held = held.map_err(|cause| failed("lock", &self.path, cause))?;
        let Some(directory) = held else { return Ok(None) };
        match Mark::set(&self.path, self.is_shared()) {
            Ok(mark) => Ok(Some(Alive { _mark: mark, _directory: directory })),
            Err(other) => Err(StateError::Elsewhere { run: self.id.clone(), host: other.host }),
        }
    }

    /// Whether colleagues may reach it.
    pub fn is_shared(&self) -> bool {
        is_shared(&self.path)
    }
}

/// Whether the group may write there.
fn is_shared(path: &Place) -> bool {
    path.machine().disk.mode(path).is_ok_and(|mode| mode & 0o020 != 0)
}

/// Makes a directory unless it is there.
fn make(path: &Place, shared: bool) -> Result<(), StateError> {
    let disk = &path.machine().disk;
    if disk.is_directory(path) {
        return Ok(());
    }
    let made = disk.make_directory(path, 0o700, true);
    made.map_err(|cause| failed("create", path, cause))?;
    if shared { permit(path, 0o770) } else { Ok(()) }
}

/// Modes given at creation pass through the umask, which knows nothing of shared directories.
pub(super) fn permit(path: &Place, mode: u32) -> Result<(), StateError> {
    // The set-group-id bit, where the directory has inherited one, must stay.
    let disk = &path.machine().disk;
    let had = disk.mode(path).map(|mode| mode & 0o2000).unwrap_or(0);
    disk.set_mode(path, mode | had).map_err(|cause| failed("set the permissions of", path, cause))
}

fn failed(what: &'static str, path: &Place, cause: io::Error) -> StateError {
    StateError::Io { what, path: path.to_path_buf(), cause }
}

/// A new run's id: it sorts by time, and two hosts do not make the same one.
fn new_id(at: Timestamp, machine: &Machine) -> RunId {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = machine.host.chance();
    let mut letters = String::new();
    for _ in 0..4 {
        let at = usize::try_from(random % LETTERS.len() as u64).unwrap_or_default();
        letters.push(char::from(LETTERS[at]));
        random /= LETTERS.len() as u64;
    }
    RunId::from(format!("{}-{letters}", at.strftime("%Y%m%d-%H%M%S")))
}

/// Who we are, as far as this host knows.
pub fn who(env: &Environment, machine: &Machine) -> Who {
    Who {
        user: env.text("USER").or(env.text("LOGNAME")).map(str::to_owned),
        from: env
            .text("SSH_CONNECTION")
            .and_then(|text| text.split_whitespace().next())
            .map(str::to_owned),
        ..whose(machine)
    }
}

/// Whose process this is, as the system says: enough to know one's own runs.
pub fn whose(machine: &Machine) -> Who {
    Who {
        uid: Some(rustix::process::getuid().as_raw()),
        host: machine.host.name(),
        ..Who::default()
    }
}
