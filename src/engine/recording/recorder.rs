//! The recorder: a thread of its own that turns what the loop hands it into frames. The loop never
//! waits for it. Whoever is slower than the world loses a piece, says so, and goes on with a whole model.

use super::file::{RecordingFile, line};
use super::packed::Packed;
use super::ring::Ring;
use super::{Record, Same};
use crate::app::{Event, EventKind, Model, NoticeKind};
use crate::core::estate::Policy;
use crate::core::observed::age;
use crate::core::source::Scope;
use crate::engine::console::Operator;
use crate::engine::give_way;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::mpsc;

/// So much is kept in memory, packed: a day of two small fleets, some minutes of 10,000 nodes.
const KEPT: usize = 8 << 20;
/// What the loop has handed over and the thread has not taken yet: a full round of probes.
const WAITING: usize = 8_192;
/// A frame holds at most so many records. Where much happens at once (a round of probes) they share
/// one; where little does, each is written as it comes.
const BATCH: usize = 256;
/// How long the end of a console waits for the end of its recording.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// What the thread is told.
enum Told {
    Record(Timestamp, Record),
    Save { directory: PathBuf, at: Timestamp },
    End(Timestamp),
}

/// The loop's end.
pub struct Recorder {
    to: Option<SyncSender<Told>>,
    /// Whether the thread would begin a new part.
    wants_model: Arc<AtomicBool>,
    /// Whether something was lost since the last whole model.
    lost: bool,
    said: mpsc::Receiver<(NoticeKind, String)>,
    ended: Option<Receiver<()>>,
}

impl Recorder {
    /// Starts the thread. All of it goes to the file, where there is one; without a thread nothing is
    /// recorded, and that is said.
    pub fn start(file: Option<RecordingFile>) -> Self {
        Self::with(file, KEPT)
    }

    /// A recorder of nothing.
    pub fn none() -> Self {
        let (_, said) = mpsc::channel(1);
        Self { to: None, wants_model: Arc::default(), lost: false, said, ended: None }
    }

    pub(super) fn with(file: Option<RecordingFile>, most: usize) -> Self {
        let (to, told) = sync_channel(WAITING);
        // One notice that waits is enough; the thread never waits for the loop either.
        let (say, said) = mpsc::channel(4);
        let (end, ended) = sync_channel(1);
        let wants_model = Arc::new(AtomicBool::new(true));
        let mut desk = Desk {
            ring: Ring::new(most),
            file,
            say: say.clone(),
            seen: BTreeMap::new(),
            wants_model: Arc::clone(&wants_model),
        };
        let thread = std::thread::Builder::new().name("recorder".into()).spawn(move || {
            give_way();
            desk.work(&told);
            // Nobody waits any more when the console was quicker.
            let _ = end.try_send(());
        });
        let to = match thread {
            Ok(_) => Some(to),
            Err(error) => {
                let text = format!("Nothing is recorded: there is no thread to be had ({error}).");
                let _ = say.try_send((NoticeKind::Warning, text));
                None
            }
        };
        Self { to, wants_model, lost: false, said, ended: Some(ended) }
    }

    /// Hands over the whole model where a part should begin. Only while no join is under way.
    pub fn model(&mut self, model: &Model, policy: &Policy) {
        if self.to.is_none() || !self.lost && !self.wants_model.swap(false, Ordering::Relaxed) {
            return;
        }
        let at = model.now;
        if self.lost {
            self.lost = false;
            self.hand_over(at, Record::Gap);
        }
        self.hand_over(at, Record::Start(Box::new(model.clone()), policy.clone()));
    }

    /// Hands over the whole model, because from here on joins follow other rules.
    pub fn begin_anew(&mut self, model: &Model, policy: &Policy) {
        self.wants_model.store(true, Ordering::Relaxed);
        self.model(model, policy);
    }

    /// Hands over an event, before it is taken in.
    pub fn event(&mut self, event: &Event) {
        if self.to.is_none() || self.lost {
            return;
        }
        let kind = match &event.kind {
            EventKind::Reconciled { generation, as_of, .. } => {
                EventKind::Reconciled { generation: *generation, as_of: *as_of, joined: None }
            }
            kind => kind.clone(),
        };
        self.hand_over(event.at, Record::Event(Box::new(Event::new(event.at, kind))));
    }

    /// Notes that a join begins.
    pub fn joining(&mut self, at: Timestamp) {
        self.hand_over(at, Record::Joining);
    }

    /// Notes that a frame was painted.
    pub fn painted(&mut self, at: Timestamp, operator: Operator) {
        self.hand_over(at, Record::Painted(operator));
    }

    /// Writes what is kept to a file of that directory; how that went is said.
    pub fn save(&self, directory: PathBuf, at: Timestamp) {
        if let Some(to) = &self.to {
            // Where the thread is so far behind, the key can be pressed again.
            let _ = to.try_send(Told::Save { directory, at });
        }
    }

    /// The next thing the recorder has to say; waits for ever where there is none.
    pub async fn said(&mut self) -> (NoticeKind, String) {
        match self.said.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }

    /// Waits, for a bounded time, until all is written.
    pub fn end(self, at: Timestamp) {
        let (Some(to), Some(ended)) = (self.to, self.ended) else { return };
        if to.try_send(Told::End(at)).is_ok() {
            let _ = ended.recv_timeout(LAST_WRITE);
        }
    }

    /// As if the thread were far behind.
    #[cfg(test)]
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    fn hand_over(&mut self, at: Timestamp, record: Record) {
        let Some(to) = &self.to else { return };
        if !self.lost && to.try_send(Told::Record(at, record)).is_err() {
            self.lost = true;
        }
    }
}

/// The thread's end.
struct Desk {
    ring: Ring,
    file: Option<RecordingFile>,
    say: mpsc::Sender<(NoticeKind, String)>,
    /// What each scope brought last, as a digest. Begins anew with each part.
    seen: BTreeMap<Scope, [u8; 32]>,
    wants_model: Arc<AtomicBool>,
}

impl Desk {
    fn work(&mut self, told: &Receiver<Told>) {
        let mut batch: Vec<Record> = Vec::new();
        let mut began = Timestamp::UNIX_EPOCH;
        loop {
            // With something in hand, only what is there already is waited for.
            let patience = if batch.is_empty() { Duration::MAX } else { Duration::ZERO };
            let next = match told.recv_timeout(patience) {
                Ok(next) => next,
                Err(RecvTimeoutError::Timeout) => {
                    self.frame(began, std::mem::take(&mut batch));
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match next {
                Told::Record(at, record @ (Record::Start(..) | Record::Gap)) => {
                    self.frame(began, std::mem::take(&mut batch));
                    self.frame(at, vec![record]);
                }
                Told::Record(at, record) => {
                    if batch.is_empty() {
                        began = at;
                    }
                    batch.push(self.shortened(record));
                    if batch.len() == BATCH {
                        self.frame(began, std::mem::take(&mut batch));
                    }
                }
                Told::Save { directory, at } => {
                    self.frame(began, std::mem::take(&mut batch));
                    self.save(&directory, at);
                }
                Told::End(at) => {
                    self.frame(began, std::mem::take(&mut batch));
                    let ended = self.file.take().map(|file| file.end(at));
                    if let Some(Err(error)) = ended {
                        tracing::warn!(%error, "the recording has no end");
                    }
                    return;
                }
            }
        }
        self.frame(began, batch);
    }

    /// A read that brought what it had brought before is only said to be the same.
    fn shortened(&mut self, record: Record) -> Record {
        let Record::Event(event) = &record else { return record };
        let EventKind::Source(news) = &event.kind else { return record };
        let Ok(text) = serde_json::to_vec(&news.result) else { return record };
        let digest = Sha256::digest(&text).into();
        if self.seen.insert(news.scope.clone(), digest) != Some(digest) {
            return record;
        }
        Record::Same(Same {
            at: event.at,
            scope: news.scope.clone(),
            observed_at: news.observed_at,
            every: news.every,
            calls: news.calls,
            missing: news.missing.clone(),
        })
    }

    /// Adds a frame, to the file too.
    fn frame(&mut self, at: Timestamp, records: Vec<Record>) {
        let Some(first) = records.first() else { return };
        let is_start = matches!(first, Record::Start(..));
        let packed = match self.file {
            Some(_) => line(at, &records).map_err(Into::into).and_then(|line| self.written(&line)),
            None => Packed::of(at, &records),
        };
        let line = match packed {
            Ok(line) => line,
            Err(error) => {
                tracing::error!(%error, "a frame could not be recorded");
                return;
            }
        };
        if is_start {
            self.seen.clear();
            self.ring.begin(at, line);
        } else {
            self.ring.push(line);
        }
        if self.ring.wants_part() {
            self.wants_model.store(true, Ordering::Relaxed);
        }
    }

    /// Writes a line to the file, then packs it.
    fn written(&mut self, line: &str) -> io::Result<Packed> {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write(line)
        {
            // The operator's work goes on; only the recording is over.
            self.file = None;
            let text = format!("The recording has stopped: {error}.");
            let _ = self.say.try_send((NoticeKind::Warning, text));
        }
        Packed::of_line(line)
    }

    fn save(&self, directory: &std::path::Path, at: Timestamp) {
        let Some((from, lines)) = self.ring.kept() else {
            let text = "There is no recording to keep: the world is bigger than what is kept.";
            let _ = self.say.try_send((NoticeKind::Warning, text.to_owned()));
            return;
        };
        let written = RecordingFile::create_in(directory, at).and_then(|mut file| {
            for packed in lines {
                file.write_packed(packed)?;
            }
            file.end(at)
        });
        let said = match written {
            Ok(path) => {
                let minutes = age(from, at).as_secs().div_ceil(60);
                let text = format!("The last {minutes} min are in {}.", path.display());
                (NoticeKind::Info, text)
            }
            Err(error) => (NoticeKind::Warning, format!("The recording is not kept: {error}.")),
        };
        let _ = self.say.try_send(said);
    }
}
