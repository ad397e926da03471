//! A simulated machine's disk: what was not synced when its machine dies is lost, but for a part of
//! it that may have reached the disk already.

use super::lab::{AtDisk, Lab};
use crate::machine::{Appending, Disk, Held};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A file.
#[derive(Clone, Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    synced: usize,
    mode: u32,
}

/// All files of a machine.
#[derive(Debug, Default)]
struct Files {
    files: BTreeMap<PathBuf, Kept>,
    directories: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
}

/// A disk. It outlives the processes that write to it.
#[derive(Clone)]
pub(super) struct MemoryDisk {
    files: Arc<Mutex<Files>>,
    lab: Lab,
    host: usize,
}

impl MemoryDisk {
    /// An empty disk of a machine.
    pub(super) fn new(lab: &Lab, host: usize) -> Self {
        Self { files: Arc::default(), lab: lab.clone(), host }
    }

    /// What is left when the machine dies: `torn` picks how much of what was not synced.
    pub(super) fn crash(&self, torn: u64) {
        self.with(|files| {
            files.locks.clear();
            for file in files.files.values_mut() {
                let loose = file.bytes.len() - file.synced;
                let kept = usize::try_from(torn % (loose as u64 + 1)).unwrap_or_default();
                file.bytes.truncate(file.synced + kept);
                file.synced = file.bytes.len();
            }
        });
    }

    /// The bytes of a file that are on the disk for good, without asking the machine.
    pub(super) fn kept(&self, path: &Path) -> Vec<u8> {
        self.with(|files| {
            files.files.get(path).map(|file| file.bytes[..file.synced].to_vec()).unwrap_or_default()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Files) -> T) -> T {
        work(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the machine lets a write happen.
    fn may_write(&self) -> io::Result<()> {
        match self.lab.at_disk(self.host) {
            AtDisk::Works => Ok(()),
            AtDisk::Full => Err(ErrorKind::StorageFull.into()),
        }
    }
}

fn missing() -> io::Error {
    ErrorKind::NotFound.into()
}

struct Lock {
    disk: MemoryDisk,
    path: PathBuf,
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.fmt(f)
    }
}

impl Held for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        self.disk.with(|files| files.locks.remove(&self.path));
    }
}

struct Tail {
    disk: MemoryDisk,
    path: PathBuf,
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.fmt(f)
    }
}

impl Tail {
    fn file(&self, work: impl FnOnce(&mut Kept)) -> io::Result<()> {
        self.disk.with(|files| files.files.get_mut(&self.path).map(work).ok_or_else(missing))
    }
}

impl Appending for Tail {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.may_write()?;
        self.file(|file| file.bytes.extend_from_slice(bytes))
    }

    fn sync_data(&mut self) -> io::Result<()> {
        // A machine that dies here has perhaps written it, and perhaps not.
        self.disk.lab.at_sync(self.disk.host)?;
        self.file(|file| file.synced = file.bytes.len())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.disk.may_write()?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.file(|file| {
            file.bytes.truncate(file.bytes.len().saturating_sub(bytes));
            file.synced = file.bytes.len();
        })
    }
}

impl Disk for MemoryDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.with(|files| files.files.get(path).map(|file| file.bytes.clone()).ok_or_else(missing))
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        self.with(|files| {
            files.files.get(path).map(|file| file.bytes.len() as u64).ok_or_else(missing)
        })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.with(|files| {
            if !files.directories.contains(path) {
                return Err(missing());
            }
            let all = files.files.keys().chain(&files.directories);
            Ok(all.filter(|one| one.parent() == Some(path)).cloned().collect())
        })
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.with(|files| files.directories.contains(path))
    }

    fn make_directory(&self, path: &Path, _mode: u32, all: bool) -> io::Result<()> {
        self.may_write()?;
        self.with(|files| {
            if !all && files.directories.contains(path) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            files.directories.extend(path.ancestors().map(Path::to_path_buf));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.with(|files| files.files.remove(path).map(drop).ok_or_else(missing))
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.with(|files| {
            files.files.retain(|one, _| !one.starts_with(path));
            files.directories.retain(|one| !one.starts_with(path));
        });
        Ok(())
    }

    fn write_new(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.may_write()?;
        self.with(|files| {
            if files.files.contains_key(path) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let synced = bytes.len();
            files.files.insert(path.to_owned(), Kept { bytes: bytes.to_vec(), synced, mode });
            Ok(())
        })
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.may_write()?;
        self.with(|files| {
            let (bytes, synced) = (bytes.to_vec(), bytes.len());
            files.files.insert(path.to_owned(), Kept { bytes, synced, mode: 0o600 });
        });
        Ok(())
    }

    fn append_new(&self, path: &Path, mode: u32) -> io::Result<Box<dyn Appending>> {
        self.write_new(path, b"", mode)?;
        self.append(path)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Appending>> {
        self.length(path)?;
        Ok(Box::new(Tail { disk: self.clone(), path: path.to_owned() }))
    }

    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        self.may_write()
    }

    fn mode(&self, path: &Path) -> io::Result<u32> {
        self.with(|files| {
            if files.directories.contains(path) {
                return Ok(0o700);
            }
            files.files.get(path).map(|file| file.mode).ok_or_else(missing)
        })
    }

    fn set_mode(&self, _path: &Path, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    fn take(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        let taken = self.with(|files| files.locks.insert(path.to_owned()));
        let lock = || Box::new(Lock { disk: self.clone(), path: path.to_owned() });
        Ok(taken.then(|| lock() as Box<dyn Held>))
    }

    fn is_taken(&self, path: &Path) -> bool {
        self.with(|files| files.locks.contains(path))
    }
}
