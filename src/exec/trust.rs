//! Whether a run may be acted on: whose files it is, whether its plan is the one that was approved,
//! whether this version knows all that its journal says. Asked before anything of a journal is
//! believed; the chain of hashes says only that lines belong together, not who wrote them.

use super::journal::FILE;
use super::state::{PLAN, RunDir};
use crate::core::plan::file::digest;
use crate::core::run::journal::{Entry, Line};
use crate::core::run::rules;
use crate::machine::{About, Place};
use std::cmp::Ordering;
use std::io;
use std::path::PathBuf;

/// Why a run is not acted on.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// The system refused.
    #[error("failed to look at {}: {cause}", .path.display())]
    Io {
        /// What was looked at.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to user {uid}, and this is user {expected}", .path.display())]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
        /// Whose it should be.
        expected: u32,
    },
    /// Anybody may have written it.
    #[error("{} may be written by anybody", .path.display())]
    Open {
        /// The file or directory.
        path: PathBuf,
    },
    /// A link, a pipe, a device.
    #[error("{} is no ordinary {what}", .path.display())]
    Odd {
        /// The path.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// It does not begin as a run's journal does.
    #[error("the journal does not begin with the plan of this run")]
    NoPlan,
    /// The plan is not what was approved.
    #[error("its plan was edited after it was made")]
    Edited,
}

/// Why a run that may be ended is not gone on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfamiliar {
    /// A newer version wrote in its journal.
    #[error("its journal has notes of a newer version, {version}, that this one does not know: {}", .notes.join(", "))]
    Notes {
        /// The version that began it.
        version: String,
        /// What they are called.
        notes: Vec<String>,
    },
    /// A newer version began it.
    #[error("version {version} of quarterdeck began it, and this is {}", env!("CARGO_PKG_VERSION"))]
    Newer {
        /// That version.
        version: String,
    },
    /// An older version began it.
    #[error(
        "an older version of quarterdeck ({version}) began it, whose plans this one cannot check"
    )]
    Older {
        /// That version.
        version: String,
    },
}

impl Distrust {
    /// What to do next, as a sentence.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Io { .. } => "Make the state directory readable, or choose another --state-dir.",
            Self::Owner { .. } | Self::Open { .. } | Self::Odd { .. } => {
                "Find out who put it there. Nothing of this run is carried out; `quarterdeck takeover` deals with a lock that it holds."
            }
            Self::NoPlan | Self::Edited => {
                "Find out who changed it, and compare the world by hand: nothing of this run is carried out."
            }
        }
    }
}

impl Unfamiliar {
    /// What to do next, as a sentence.
    pub fn next_step() -> &'static str {
        "Roll it back (`quarterdeck rollback RUN`), or go on with the version that began it."
    }
}

/// Checks whose a run's files are and that its plan is whole. `owner` is who should have written
/// them; without one, whoever runs this program.
///
/// # Errors
/// Why nothing of the run may be carried out.
pub fn trusted(run: &RunDir, lines: &[Line], owner: Option<u32>) -> Result<(), Distrust> {
    let own = rustix::process::getuid().as_raw();
    let directory = look(&run.path)?;
    if !directory.is_directory {
        return Err(Distrust::Odd { path: run.path.to_path_buf(), what: "directory" });
    }
    // In a shared state directory a colleague's run is taken up too, and is held to what that
    // colleague owns.
    let home = run.path.ancestors().nth(2).map(|home| run.path.beside(home));
    let shared = home.is_some_and(|home| is_shared(&home) && run.is_shared());
    let expected = match owner {
        Some(owner) => owner,
        None if shared => directory.uid,
        None => own,
    };
    belongs(&run.path, &directory, expected)?;
    for name in [FILE, PLAN] {
        let path = run.path.join(name);
        let about = match look(&path) {
            Err(Distrust::Io { cause, .. })
                if name == PLAN && cause.kind() == io::ErrorKind::NotFound =>
            {
                continue;
            }
            other => other?,
        };
        if !about.is_file {
            return Err(Distrust::Odd { path: path.to_path_buf(), what: "file" });
        }
        belongs(&path, &about, expected)?;
    }
    let Some(Entry::Opened { run: named, approved, rules, .. }) = lines.first().map(|of| &of.entry)
    else {
        return Err(Distrust::NoPlan);
    };
    if named != &run.id {
        return Err(Distrust::NoPlan);
    }
    let by_another = approved.by.uid.is_some_and(|uid| uid != expected);
    if by_another || *rules == rules::VERSION && approved.plan.digest != digest(&approved.plan) {
        return Err(Distrust::Edited);
    }
    Ok(())
}

/// Checks that this version knows all that a run's journal says, so that it may go on with it.
///
/// # Errors
/// What it does not know.
pub fn familiar(lines: &[Line]) -> Result<(), Unfamiliar> {
    let Some(Entry::Opened { version, rules, .. }) = lines.first().map(|line| &line.entry) else {
        return Ok(());
    };
    let version = version.clone();
    let notes: Vec<String> = lines.iter().filter_map(unknown).map(str::to_owned).collect();
    if !notes.is_empty() {
        return Err(Unfamiliar::Notes { version, notes });
    }
    let program = numbers(&version).cmp(&numbers(env!("CARGO_PKG_VERSION")));
    match (rules.cmp(&rules::VERSION), program) {
        (Ordering::Greater, _) | (_, Ordering::Greater) => Err(Unfamiliar::Newer { version }),
        (Ordering::Less, _) => Err(Unfamiliar::Older { version }),
        (Ordering::Equal, _) => Ok(()),
    }
}

/// What a line notes that this version does not know.
pub fn unknown(line: &Line) -> Option<&str> {
    match &line.entry {
        Entry::Unknown { name } => Some(name),
        _ => None,
    }
}

/// A version's numbers, for comparing.
fn numbers(version: &str) -> Vec<u64> {
    let bare = version.split(['-', '+']).next().unwrap_or_default();
    bare.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}

fn look(path: &Place) -> Result<About, Distrust> {
    let about = path.machine().disk.about(path);
    about.map_err(|cause| Distrust::Io { path: path.to_path_buf(), cause })
}

fn belongs(path: &Place, about: &About, expected: u32) -> Result<(), Distrust> {
    let (uid, path) = (about.uid, path.to_path_buf());
    if uid != expected {
        return Err(Distrust::Owner { path, uid, expected });
    }
    if about.mode & 0o002 != 0 { Err(Distrust::Open { path }) } else { Ok(()) }
}

fn is_shared(path: &Place) -> bool {
    path.machine().disk.mode(path).is_ok_and(|mode| mode & 0o020 != 0)
}
