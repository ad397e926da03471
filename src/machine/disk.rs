//! Files, as far as runs need them: directories, files written once and whole, a journal that is
//! appended to and synced, and a lock that says that a process lives.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Held until it is dropped, or its process ends.
pub trait Held: Debug + Send {}

/// What the system says of a file itself; a link is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Whether it is an ordinary file.
    pub is_file: bool,
    /// Whose it is.
    pub uid: u32,
    /// Its permissions.
    pub mode: u32,
    /// Which file it is, on a disk that tells.
    pub place: Option<(u64, u64)>,
}

/// A file that is open for appending.
pub trait Appending: Debug + Send {
    /// Writes at its end.
    ///
    /// # Errors
    /// Whatever the system says.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until what was written is on the disk.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Cuts so many bytes off its end, and waits until that is on the disk.
    ///
    /// # Errors
    /// Whatever the system says.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;

    /// Which file it is, on a disk that tells.
    fn place(&self) -> Option<(u64, u64)> {
        None
    }
}

/// A disk. Each call may fail with whatever the system says.
pub trait Disk: Send + Sync {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// How long a file is.
    fn length(&self, path: &Path) -> io::Result<u64>;

    /// What is in a directory.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;

    /// Whether there is a directory.
    fn is_directory(&self, path: &Path) -> bool;

    /// Makes a directory; with those above it, where they are missing, if `all`.
    fn make_directory(&self, path: &Path, mode: u32, all: bool) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and all that is in it.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    /// Writes a file that is not there yet, and waits until it is on the disk.
    fn write_new(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()>;

    /// Writes a file whole or not at all, whether it is there or not.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file that is not there yet, and opens it for appending.
    fn append_new(&self, path: &Path, mode: u32) -> io::Result<Box<dyn Appending>>;

    /// Opens a file that is there for appending.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Appending>>;

    /// Waits until a directory's entries are on the disk.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// The permissions of a file or directory.
    fn mode(&self, path: &Path) -> io::Result<u32>;

    /// What it is and whose.
    fn about(&self, path: &Path) -> io::Result<About> {
        let is_directory = self.is_directory(path);
        let uid = rustix::process::getuid().as_raw();
        let mode = self.mode(path)?;
        Ok(About { is_directory, is_file: !is_directory, uid, mode, place: None })
    }

    /// Sets them.
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()>;

    /// Takes the lock of a directory; `None` where another process holds it.
    fn take(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>>;

    /// Whether a process holds the lock of a directory.
    fn is_taken(&self, path: &Path) -> bool;
}

/// The system's own files.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskOfSystem;

impl Held for File {}

impl Appending for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        let length = self.metadata()?.len();
        self.set_len(length.saturating_sub(bytes))?;
        self.sync_all()
    }

    fn place(&self) -> Option<(u64, u64)> {
        self.metadata().ok().map(|about| (about.dev(), about.ino()))
    }
}

impl Disk for DiskOfSystem {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        fs::metadata(path).map(|about| about.len())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(path)?;
        Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn make_directory(&self, path: &Path, mode: u32, all: bool) -> io::Result<()> {
        fs::DirBuilder::new().recursive(all).mode(mode).create(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn write_new(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut file = File::options().create_new(true).write(true).mode(mode).open(path)?;
        // The mode above passes through the umask, which knows nothing of shared directories.
        file.set_permissions(PermissionsExt::from_mode(mode))?;
        Write::write_all(&mut file, bytes)?;
        file.sync_all()
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        let draft = path.with_extension(format!("{}.draft", std::process::id()));
        let mut file = File::create(&draft)?;
        Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    }

    fn append_new(&self, path: &Path, mode: u32) -> io::Result<Box<dyn Appending>> {
        let file = File::options().create_new(true).append(true).mode(mode).open(path)?;
        file.set_permissions(PermissionsExt::from_mode(mode))?;
        Ok(Box::new(file))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Appending>> {
        Ok(Box::new(File::options().append(true).open(path)?))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn mode(&self, path: &Path) -> io::Result<u32> {
        fs::metadata(path).map(|about| about.permissions().mode())
    }

    fn about(&self, path: &Path) -> io::Result<About> {
        let about = fs::symlink_metadata(path)?;
        Ok(About {
            is_directory: about.is_dir(),
            is_file: about.is_file(),
            uid: about.uid(),
            mode: about.mode(),
            place: Some((about.dev(), about.ino())),
        })
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, PermissionsExt::from_mode(mode))
    }

    fn take(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        let directory = File::open(path)?;
        match directory.try_lock() {
            Ok(()) => Ok(Some(Box::new(directory))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(cause)) => Err(cause),
        }
    }

    fn is_taken(&self, path: &Path) -> bool {
        match File::open(path) {
            // Shared, so that two who look do not take each other for the process.
            Ok(directory) => {
                matches!(directory.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
            }
            Err(_) => false,
        }
    }
}
