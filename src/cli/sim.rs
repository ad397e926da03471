//! `sim serve`: the embedded world alone, for any AWS client. Its first line is its endpoint and
//! its ids as JSON; then it serves until it is interrupted, or until its stdin closes where
//! somebody asked for that.

use super::args::WorldArgs;
use super::output::{Reader, Streams};
use super::read::unprintable;
use super::{ExitCode, Failure, json, replay};
use crate::engine::recording::Tape;
use crate::sim::{BIG_WORLD, Options, Served, SimError, WorldSource, recorded_world, serve};
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// What `sim serve` is told.
#[derive(Debug)]
pub(super) struct Serve {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Which world, and how fast.
    pub world: WorldArgs,
    /// The request log.
    pub log: Option<PathBuf>,
    /// End when stdin closes: the world belongs to whoever holds the other end.
    pub until_stdin_closes: bool,
    /// A directory that is removed at the end.
    pub scratch: Option<PathBuf>,
}

pub(super) fn run(serve: Serve, streams: &mut Streams<'_>) -> Result<ExitCode, Failure> {
    let scratch = serve.scratch.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot("start the runtime", &error))?;
    let ended = runtime.block_on(until_ended(serve, streams));
    if let Some(scratch) = scratch {
        // It may never have been made.
        let _ = std::fs::remove_dir_all(scratch);
    }
    ended
}

async fn until_ended(told: Serve, streams: &mut Streams<'_>) -> Result<ExitCode, Failure> {
    let options = Options {
        listen: told.listen,
        world: recorded(told.world.source())?,
        rate: told.world.speed,
        start: told.world.start,
        log: told.log,
        ..Options::default()
    };
    let served = serve(options).await.map_err(|error| failure(&error))?;
    // Before the first line: whoever waits for that takes the terminal next.
    for warning in &served.info().warnings {
        streams.say(&format!("note: {warning}\n"));
    }
    let line = json::line(served.info())?;
    if streams.print(&line).map_err(|error| unprintable(&error))? == Reader::Left {
        return Ok(ExitCode::Done);
    }
    wait(served, told.until_stdin_closes).await
}

/// A recording becomes the world as it was when it ended.
fn recorded(source: WorldSource) -> Result<WorldSource, Failure> {
    let WorldSource::File(path) = &source else { return Ok(source) };
    if !Tape::is_one(path) {
        return Ok(source);
    }
    let deck = replay::open(path)?;
    let inventory = deck.at_end().map_err(|error| replay::unreadable(path, &error))?;
    let name = format!("the world of {}", path.display());
    Ok(WorldSource::Text { name, text: recorded_world(&inventory) })
}

async fn wait(served: Served, until_stdin_closes: bool) -> Result<ExitCode, Failure> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| cannot("watch for signals", &error))?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::Interrupted),
        _ = terminate.recv() => Ok(ExitCode::Interrupted),
        () = closed(until_stdin_closes) => Ok(ExitCode::Done),
        () = served.wait() => Ok(ExitCode::Failed),
    }
}

/// Waits until stdin closes, if that is asked for. A thread of its own reads it, which dies with
/// the process: a read of stdin cannot be taken back.
async fn closed(asked: bool) {
    let (tell, told) = oneshot::channel();
    if asked {
        std::thread::spawn(move || {
            let mut stdin = std::io::stdin().lock();
            let mut ignored = [0; 256];
            while matches!(stdin.read(&mut ignored), Ok(read) if read > 0) {}
            let _ = tell.send(());
        });
        let _ = told.await;
    } else {
        std::future::pending().await
    }
}

/// A world that cannot be served: mostly a mistake of whoever asked for it.
pub(super) fn failure(error: &SimError) -> Failure {
    let (code, next) = match error {
        SimError::NotLoopback(_) => (ExitCode::Usage, "Listen on 127.0.0.1."),
        SimError::UnknownWorld { .. } => (ExitCode::Usage, "`quarterdeck demo --list` names them."),
        SimError::Spec(spec) if spec.file == BIG_WORLD => {
            (ExitCode::Usage, "Give --fleets and --nodes other numbers.")
        }
        SimError::Spec(_) => (ExitCode::Usage, "Correct the world's file."),
        SimError::Rate(_) => (ExitCode::Usage, "Give --speed such a number."),
        SimError::Listen { .. } => (ExitCode::Failed, "Choose another port, or 0 for a free one."),
        SimError::File { .. } => (ExitCode::Usage, "Name a file that can be opened."),
    };
    Failure::new(code, "serve the world", error, next)
}

fn cannot(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(ExitCode::Failed, what, error, "Free some file descriptors or memory.")
}

impl WorldArgs {
    /// The world that was asked for: a file where there is one of that name, else one by name.
    pub fn source(&self) -> WorldSource {
        match (&self.world, self.fleets, self.nodes) {
            (Some(name), ..) => {
                let path = PathBuf::from(name);
                if path.is_file() || name.ends_with(".toml") || name.contains('/') {
                    WorldSource::File(path)
                } else {
                    WorldSource::Named(name.clone())
                }
            }
            (None, None, None) => WorldSource::default(),
            (None, fleets, nodes) => {
                let fleets = fleets.unwrap_or(2);
                WorldSource::Big { fleets, nodes: nodes.unwrap_or(fleets * 3) }
            }
        }
    }
}
