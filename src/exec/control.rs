//! The control socket: a word a line, an answer a line, as JSON. Who may reach it is the directory's
//! business; who spoke is told by the system (the peer's user id), not by the speaker.

use super::engine::{Petition, Reply, Word};
use super::state::{RunDir, SOCKET, StateError, permit};
use crate::core::run::Who;
use crate::machine::reachable;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// The longest line: a word is some hundred bytes.
const LINE_MOST: u64 = 16 * 1024;
/// A run answers between calls; the longest call and a look around it stay below this.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// What is said over the socket.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    word: Word,
    by: Who,
    /// Where the run of the speaker lives, if it takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<PathBuf>,
}

/// Why a run could not be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error("the run's process does not answer: {0}")]
    Silent(#[source] io::Error),
    /// It answered what is no answer.
    #[error("the run's process answered what is no answer: {0}")]
    Odd(#[source] serde_json::Error),
}

impl ControlError {
    /// The process ended before it had answered.
    pub(super) fn is_hung_up(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        let Self::Silent(error) = self else { return false };
        matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
    }
}

/// Opens the socket of a run whose process this is.
///
/// # Errors
/// Whatever the system says.
pub(super) fn listen(run: &RunDir) -> Result<UnixListener, StateError> {
    let path = run.path.join(SOCKET);
    let failed = |cause| StateError::Io { what: "open", path: path.to_path_buf(), cause };
    match run.path.machine().disk.remove(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let (_held, reachable) = reachable(&path).map_err(failed)?;
    let listener = UnixListener::bind(reachable).map_err(failed)?;
    permit(&path, if run.is_shared() { 0o660 } else { 0o600 })?;
    Ok(listener)
}

/// Takes words until the engine has ended.
pub(super) async fn serve(listener: UnixListener, words: mpsc::Sender<Petition>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let words = words.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, words).await {
                        tracing::warn!(%error, "a conversation over the socket ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the socket could not take a connection");
                // Out of descriptors, most likely: not at once again.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, words: mpsc::Sender<Petition>) -> io::Result<()> {
    let peer = stream.peer_cred()?;
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(LINE_MOST)).lines();
    while let Some(line) = lines.next_line().await? {
        let text = answer(&line, peer.uid(), &words).await?;
        write.write_all(text.as_bytes()).await?;
    }
    Ok(())
}

/// Hands one line on to the engine, and gives its answer as a line; `uid` is who spoke, as the system
/// says.
///
/// # Errors
/// That the answer cannot be written down.
pub async fn answer(line: &str, uid: u32, words: &mpsc::Sender<Petition>) -> io::Result<String> {
    let reply = match serde_json::from_str::<Said>(line) {
        Ok(Said { word: Word::Signal(_), .. }) => refused("signals are sent by the system"),
        Ok(Said { word, by, from }) => {
            let (petition, answer) = Petition::new(word, told_by(uid, by));
            match words.send(petition.of_run_in(from)).await {
                Ok(()) => answer.await.unwrap_or_else(|_| refused("the run's process is ending")),
                Err(_) => refused("the run's process is ending"),
            }
        }
        Err(error) => refused(&format!("this is no word: {error}")),
    };
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    Ok(text)
}

/// Who spoke: the user that the system names, on this host. What the speaker says of itself counts
/// for where it comes from only.
fn told_by(uid: u32, said: Who) -> Who {
    let from = said.from.filter(|text| text.parse::<std::net::IpAddr>().is_ok());
    Who { user: user_name(uid), uid: Some(uid), from, arn: None, host: None }
}

/// A user's name where this host's own file has it.
fn user_name(uid: u32) -> Option<String> {
    let text = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut users = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    });
    users.next()
}

fn refused(because: &str) -> Reply {
    Reply::Refused { because: because.to_owned() }
}

/// Says a word to a run's process and hears its answer.
///
/// # Errors
/// That it does not answer, or nonsense.
pub async fn say(run: &RunDir, word: Word, by: &Who) -> Result<Reply, ControlError> {
    say_of(run, (word, None), by, ANSWER_LIMIT).await
}

/// The same, of a run that takes over and lives in `from`, without waiting longer than so.
///
/// # Errors
/// That it does not answer in time, or nonsense.
pub(super) async fn say_of(
    run: &RunDir,
    (word, from): (Word, Option<PathBuf>),
    by: &Who,
    limit: Duration,
) -> Result<Reply, ControlError> {
    let talk = async {
        let path = run.path.join(SOCKET);
        let mut text = serde_json::to_string(&Said { word, by: by.clone(), from })?;
        text.push('\n');
        let line = path.machine().host.say(&path, text).await?;
        if line.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
    };
    let line = tokio::time::timeout(limit, talk)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(ControlError::Silent)?;
    serde_json::from_str(&line).map_err(ControlError::Odd)
}
