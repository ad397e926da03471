//! Which host holds a run's directory. The lock on the directory tells processes of one host apart;
//! on a network file system it may be granted on two hosts at once, which would then write one
//! journal with one fencing token. So the host and its boot are written beside it.

use crate::machine::{Machine, Place};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// The file's name in a run's directory.
pub const FILE: &str = "host";

/// A host, as the file names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Host {
    /// Its name.
    pub host: String,
    /// Its machine id, where it has one.
    #[serde(default)]
    machine: Option<String>,
    /// Its boot's id.
    #[serde(default)]
    boot: Option<String>,
}

impl Host {
    /// This one.
    fn here(machine: &Machine) -> Self {
        let read = |path: &str| {
            let text = machine.disk.read(Path::new(path)).ok()?;
            let text = String::from_utf8_lossy(&text).trim().to_owned();
            Some(text).filter(|text| !text.is_empty())
        };
        Self {
            host: machine.host.name().unwrap_or_default(),
            machine: read("/etc/machine-id"),
            boot: read("/proc/sys/kernel/random/boot_id"),
        }
    }

    /// Whether a process there may live while one here is granted the lock: not where both are of one
    /// boot, and not where this is the same machine that has booted since.
    fn is_another_than(&self, here: &Self) -> bool {
        let same_boot = self.boot.is_some() && self.boot == here.boot;
        let same_machine = self.host == here.host && self.machine == here.machine;
        !same_boot && !same_machine
    }
}

/// The mark of a directory that is held; it is taken away when the process ends in good order.
#[derive(Debug)]
pub(super) struct Mark {
    path: Place,
}

impl Mark {
    /// Marks a directory as this host's, once its lock is granted. `Err` is the other host that holds
    /// it. That the mark cannot be written (a full disk) is no reason to refuse.
    pub fn set(directory: &Place, shared: bool) -> Result<Self, Host> {
        let (path, here) = (directory.join(FILE), Host::here(directory.machine()));
        let held = directory.machine().disk.read(&path).ok();
        let held = held.and_then(|text| serde_json::from_slice::<Host>(&text).ok());
        if let Some(held) = held.filter(|held| held.is_another_than(&here)) {
            return Err(held);
        }
        if let Err(error) = write(&path, &here, shared) {
            tracing::warn!(%error, path = %path.display(), "the directory could not be marked");
        }
        Ok(Self { path })
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let _ = self.path.machine().disk.remove(&self.path);
    }
}

fn write(path: &Place, here: &Host, shared: bool) -> io::Result<()> {
    let disk = &path.machine().disk;
    disk.replace(path, &serde_json::to_vec(here).map_err(io::Error::from)?)?;
    disk.set_mode(path, if shared { 0o660 } else { 0o600 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str, machine: Option<&str>, boot: &str) -> Host {
        let machine = machine.map(str::to_owned);
        Host { host: host.into(), machine, boot: Some(boot.into()) }
    }

    #[test]
    fn another_host_is_told_from_this_one_and_from_its_next_boot() {
        let here = host("one", Some("m1"), "b1");
        assert!(!here.is_another_than(&here));
        assert!(!host("one", Some("m1"), "b0").is_another_than(&here), "it has booted since");
        assert!(!host("renamed", Some("m1"), "b1").is_another_than(&here), "the same boot");
        assert!(host("two", Some("m2"), "b2").is_another_than(&here));
        assert!(host("two", Some("m1"), "b2").is_another_than(&here), "a copy of the machine");
        assert!(host("one", Some("m2"), "b2").is_another_than(&here), "the same name");
    }
}
