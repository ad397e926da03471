//! A path and the machine whose disk it is on. It is used as a path is.

use super::Machine;
use std::ffi::OsStr;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// A path on the disk of a machine.
#[derive(Clone, Default)]
pub struct Place {
    path: PathBuf,
    machine: Machine,
}

impl Place {
    /// A path on a machine's disk.
    pub fn on(machine: &Machine, path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), machine: machine.clone() }
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// A path below this one, on the same machine.
    pub fn join(&self, name: impl AsRef<Path>) -> Self {
        Self::on(&self.machine, self.path.join(name))
    }

    /// Another path on the same machine.
    pub fn beside(&self, path: impl Into<PathBuf>) -> Self {
        Self::on(&self.machine, path)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.fmt(f)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Place {}

impl Deref for Place {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for Place {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<OsStr> for Place {
    fn as_ref(&self) -> &OsStr {
        self.path.as_os_str()
    }
}

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self { path, machine: Machine::default() }
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self::from(path.to_owned())
    }
}

impl From<Place> for PathBuf {
    fn from(place: Place) -> Self {
        place.path
    }
}
