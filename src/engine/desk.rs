//! What is written for the operator: evidence, and their notes, bookmarks and snoozes, kept beside the memory
//! of the account and region. On a thread of its own, one thing after the other, so that no key waits
//! for a slow disk and no change is taken away by the one before it.

use super::memory_file;
use crate::app::desk::Answer;
use crate::app::operate::Trouble;
use crate::clock::Clock;
use crate::config::{Environment, Settings};
use crate::core::annotations::{Annotations, Change};
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc as queue;
use std::time::Duration;
use tokio::sync::mpsc;

/// Nobody but the operator reads what they take along.
const OWN_FILE: u32 = 0o600;
const OWN_FOLDER: u32 = 0o700;
/// So many pieces of evidence of one second have a name each.
const SAME_SECOND: u32 = 100;
/// So long the end waits for what is yet to be written.
const LAST_WORD: Duration = Duration::from_secs(2);
/// Things that wait for a slow disk: more than a hand asks for within a minute of one.
const UNDONE: usize = 1_024;
/// Answers that the console has not taken in yet.
const WAITING: usize = 64;

/// Something to do.
enum Job {
    Recall(PathBuf),
    /// What comes is about another account, which is not known yet.
    Leave,
    Keep(Change),
    Evidence {
        name: String,
        text: String,
    },
    /// Says when everything before it is done.
    Last(tokio::sync::oneshot::Sender<()>),
}

/// An answer, and how many places had been left when it was given.
type FromPlace = (u64, Answer);

/// The way to the thread and back.
pub(super) struct Desk {
    jobs: queue::SyncSender<Job>,
    answers: mpsc::Receiver<FromPlace>,
    /// Held, so that `next` waits where the thread could not be had.
    _open: mpsc::Sender<FromPlace>,
    /// How many places were left.
    place: u64,
    settings: Settings,
}

impl Desk {
    /// Starts the thread.
    pub(super) fn new(settings: &Settings, clock: &Clock) -> Self {
        let (jobs, todo) = queue::sync_channel(UNDONE);
        let (open, answers) = mpsc::channel(WAITING);
        let writer = Writer {
            folder: settings.evidence_dir.clone(),
            home: settings.home.clone(),
            clock: clock.clone(),
            kept: None,
            early: Vec::new(),
            place: 0,
        };
        let to_loop = open.clone();
        let thread = std::thread::Builder::new().name("desk".into());
        if let Err(error) = thread.spawn(move || writer.work(todo, &to_loop)) {
            tracing::error!(%error, "there is no thread to be had: nothing can be kept");
        }
        Self { jobs, answers, _open: open, place: 0, settings: settings.clone() }
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> Answer {
        while let Some((place, answer)) = self.answers.recv().await {
            // What was kept of a place that has been left is nobody's here.
            if place == self.place || !matches!(answer, Answer::Recalled(_)) {
                return answer;
            }
        }
        // Never: a sender is held here.
        std::future::pending().await
    }

    /// Fetches what was kept of this account and region.
    pub(super) fn recall(&self, account: &str, region: &str) {
        let path = memory_file::path(&self.settings, account, region);
        self.send(Job::Recall(path.with_extension("notes.json")));
    }

    /// What is kept from here on is of an account that is yet to be recalled.
    pub(super) fn leave(&mut self) {
        self.place += 1;
        self.send(Job::Leave);
    }

    /// Keeps a change; as soon as it is known of which account it is.
    pub(super) fn keep(&self, change: Change) {
        self.send(Job::Keep(change));
    }

    /// Writes evidence.
    pub(super) fn evidence(&self, name: String, text: String) {
        self.send(Job::Evidence { name, text });
    }

    /// Waits, within bounds, until everything is written.
    pub(super) async fn finish(&mut self) {
        let (done, over) = tokio::sync::oneshot::channel();
        self.send(Job::Last(done));
        // The thread may wait for room among the answers, which nobody reads any more.
        let drained = async { while self.answers.recv().await.is_some() {} };
        tokio::select! {
            _ = over => {}
            () = drained => {}
            () = tokio::time::sleep(LAST_WORD) => {}
        }
    }

    fn send(&self, job: Job) {
        // Nothing a key does waits for a disk.
        if self.jobs.try_send(job).is_err() {
            tracing::error!("the disk is too slow, or there is no thread: something was not kept");
        }
    }
}

/// What the thread works with.
struct Writer {
    folder: PathBuf,
    home: Option<PathBuf>,
    clock: Clock,
    /// Where notes and snoozes are kept, once that is known.
    kept: Option<PathBuf>,
    /// What was written down before that.
    early: Vec<Change>,
    /// How many places were left.
    place: u64,
}

impl Writer {
    fn work(mut self, todo: queue::Receiver<Job>, answers: &mpsc::Sender<FromPlace>) {
        for job in todo {
            let answer = match job {
                Job::Recall(path) => self.recall(path),
                Job::Leave => self.leave(),
                Job::Keep(change) => self.keep(change),
                Job::Evidence { name, text } => Some(self.evidence(&name, &text)),
                Job::Last(done) => {
                    let _ = done.send(());
                    None
                }
            };
            if let Some(answer) = answer
                && answers.blocking_send((self.place, answer)).is_err()
            {
                return;
            }
        }
    }

    fn recall(&mut self, path: PathBuf) -> Option<Answer> {
        let read = read(&path);
        self.kept = Some(path);
        let mut answer = match read {
            Ok(kept) => Answer::Recalled(kept),
            Err(error) => {
                let what = "read what was kept of notes, bookmarks and snoozes";
                Answer::NotKept(self.unkept(what, &error))
            }
        };
        for change in std::mem::take(&mut self.early) {
            answer = self.keep(change).unwrap_or(answer);
        }
        Some(answer)
    }

    fn leave(&mut self) -> Option<Answer> {
        (self.kept, self.place) = (None, self.place + 1);
        let lost = std::mem::take(&mut self.early).len();
        (lost > 0).then(|| {
            let what =
                format!("{lost} notes, bookmarks or snoozes of the place before are not kept.");
            let next = "Its account was never known; write them down anew when it is.".to_owned();
            Answer::NotKept(Trouble { what, next })
        })
    }

    fn keep(&mut self, change: Change) -> Option<Answer> {
        let Some(path) = &self.kept else {
            self.early.push(change);
            return None;
        };
        let error = keep(path, change, self.clock.now()).err()?;
        Some(Answer::NotKept(self.unkept("keep this for the next start", &error)))
    }

    fn unkept(&self, what: &str, error: &io::Error) -> Trouble {
        let path = self.kept.as_deref().unwrap_or(Path::new("the state directory")).display();
        let next = match error.kind() {
            io::ErrorKind::InvalidData => {
                format!("Move {path} away; until then nothing is written to it.")
            }
            _ => "It holds until this console ends; give another --state-dir.".to_owned(),
        };
        Trouble { what: format!("Failed to {what}: {path}: {error}."), next }
    }

    fn evidence(&self, name: &str, text: &str) -> Answer {
        let bytes = text.len();
        match write(&self.folder, name, text) {
            Ok(path) => Answer::Written { path: brief(&path, self.home.as_deref()), bytes },
            Err(error) => {
                let folder = self.folder.display();
                let what = format!("Failed to write evidence in {folder}: {error}.");
                let next = "Set evidence_dir to a directory that can be written.".to_owned();
                Answer::NotWritten { trouble: Trouble { what, next }, bytes }
            }
        }
    }
}

/// A path as a shell takes it, and short enough for a line of the screen.
fn brief(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// Writes evidence to a new file that its owner alone may read. Nothing is ever written over, and no
/// half of a file is left.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(OWN_FOLDER).create(folder)?;
    for number in 1..=SAME_SECOND {
        let name = match (number, name.strip_suffix(".md")) {
            (2.., Some(stem)) => format!("{stem}-{number}.md"),
            _ => name.to_owned(),
        };
        let path = folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(OWN_FILE).open(&path);
        let mut file = match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other?,
        };
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        return match written {
            Ok(()) => Ok(path),
            Err(error) => {
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        };
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// What is kept. A file that is there and cannot be understood is an error: it would be lost else.
fn read(path: &Path) -> io::Result<Annotations> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(serde_json::from_str(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Annotations::default()),
        Err(error) => Err(error),
    }
}

/// Applies a change to what is kept, all or nothing; another console of this host waits meanwhile.
fn keep(path: &Path, change: Change, now: jiff::Timestamp) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(OWN_FOLDER).create(folder)?;
    let own = |path: &Path| -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(OWN_FILE).open(path)
    };
    let lock = own(&path.with_extension("lock"))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    let mut kept = read(path)?;
    kept.apply(change, now);
    let draft = path.with_extension("draft");
    let mut file = own(&draft)?;
    file.write_all(&serde_json::to_vec(&kept)?)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}

/// Who the operator is, for their notes: `ana@bastion-7`.
pub fn operator(env: &Environment) -> String {
    let who = crate::exec::state::who(env, &crate::machine::Machine::default());
    let user = who.user.or(who.uid.map(|uid| format!("uid {uid}")));
    let all: Vec<String> = user.into_iter().chain(who.host).collect();
    all.join("@")
}

#[cfg(test)]
mod tests;
