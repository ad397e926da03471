//! The terminal: taking it and giving it back, reading keys, painting. Everything about how things
//! look lives here and nowhere else; nothing here changes the model (invariant 4).

mod canvas;
mod clipboard;
mod encoder;
mod hangup;
mod input;
mod keymaps;
mod keys;
mod painter;
mod replay;
mod surface;
mod terminal;
mod text;
mod theme;
mod view;
mod writer;

pub use canvas::Canvas;
pub use keymaps::{KeysInForce, default_keymap, keymap_names, keys_in_force};
pub use replay::replay;
pub use terminal::NotATerminal;
pub use theme::ThemeMistake;

use self::clipboard::Between;
use self::surface::TerminalSurface;
use self::terminal::TerminalGuard;
use self::theme::Themes;
use crate::app::{Ending, Looks, Model, NoticeKind, Place};
use crate::clock::Clock;
use crate::config::{Chosen, Environment, Mode, Settings};
use crate::engine::console::{self, ConsoleError, Operator, Reconcile, Start, Surface};
use crate::engine::recording::{FileError, Recorder, RecordingFile};
use crate::engine::{Elsewhere, Feed, FeedError, Operations, contexts, operator};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Starts the readers on a clock.
pub type StartFeed = dyn FnOnce(&Clock) -> Result<Feed, FeedError>;

/// What a console needs beside the settings.
pub struct ConsoleStart {
    /// The value of TERM (only `config` reads the environment).
    pub term: Option<String>,
    /// The environment: a run's process inherits it, credentials with it.
    pub env: Environment,
    /// The time.
    pub clock: Clock,
    /// `core::reconcile`.
    pub reconcile: Reconcile,
    /// Starts the readers. Called once, after the first frame.
    pub feed: Box<StartFeed>,
}

/// Why a console could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// There is no terminal to draw on.
    #[error("failed to open the console: {0}")]
    NotATerminal(#[from] NotATerminal),
    /// The recording that was asked for cannot be made.
    #[error(transparent)]
    Record(#[from] FileError),
    /// Nothing can be read, or the console cannot go on.
    #[error("failed to run the console: {0}")]
    Console(#[from] ConsoleError),
    /// The terminal or the operating system refused something.
    #[error("failed to {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl TuiError {
    /// The process's exit code (contract.md): a missing terminal is a matter of usage.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotATerminal(_) | Self::Record(_) => 2,
            Self::Console(ConsoleError::Feed(error)) if error.is_usage() => 2,
            Self::Console(ConsoleError::Feed(_)) => 4,
            Self::Console(ConsoleError::Signals(_)) => 1,
            Self::Io { .. } => 1,
        }
    }

    /// What to do next, as a sentence.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::NotATerminal(_) => {
                "`quarterdeck fleets` prints the same once, `quarterdeck watch` prints what changes."
            }
            Self::Record(error) => error.next_step(),
            Self::Console(ConsoleError::Feed(error)) => error.next_step(),
            Self::Console(ConsoleError::Signals(_)) | Self::Io { .. } => {
                "Open another terminal and try again."
            }
        }
    }
}

/// How long the end may wait for a terminal that does not take the last frame (Ctrl-S, a dead
/// link): longer than a slow link needs, shorter than a hand needs for a second Ctrl-C.
const LAST_FRAME: Duration = Duration::from_millis(300);

/// A sentence about an operator's own file with the file's bare name: a line of the screen has no
/// room for its whole path.
fn brief(text: String, chosen: &Chosen) -> String {
    let path = chosen.file.as_deref();
    let Some((path, name)) = path.and_then(|path| Some((path, path.file_name()?))) else {
        return text;
    };
    text.replace(&path.display().to_string(), &name.to_string_lossy())
}

/// Everything that is wrong with the keymap and the theme that the settings choose, as sentences.
pub fn mistakes(settings: &Settings) -> Vec<String> {
    let keys = keys_in_force(&settings.keymap).made.mistakes;
    let themes = Themes::load(settings).1.into_iter();
    // What the terminal knows is no mistake of a file.
    let themes = themes.filter(|mistake| *mistake != ThemeMistake::FewColors);
    let keys = keys.iter().map(ToString::to_string);
    keys.chain(themes.map(|mistake| mistake.to_string())).collect()
}

/// Runs the console until the operator leaves it or something ends it.
///
/// # Errors
/// There is no terminal, or the operating system refused something. The terminal is as it was.
pub fn run(settings: &Settings, start: ConsoleStart) -> Result<Ending, TuiError> {
    terminal::check(start.term.as_deref())?;
    let keys = keys_in_force(&settings.keymap);
    let (themes, wrong) = Themes::load(settings);
    let io = |doing| move |source| TuiError::Io { doing, source };
    let place = Place::of(settings);
    let file = settings.record.as_deref().map(RecordingFile::create).transpose()?;
    let guard = TerminalGuard::take().map_err(io("take the terminal"))?;
    let size = terminal::size().unwrap_or_default();
    let keymap = Arc::new(keys.made.keymap.clone());
    let mut model = Model::new(place, keymap, size, start.clock.now());
    model.looks = Looks {
        themes: themes.names(),
        theme: themes.chosen().to_owned(),
        color: settings.color,
        keymap: keys.name.clone(),
        ..Looks::default()
    };
    model.desk.by = operator(&start.env);
    model.operation.allowed = settings.mode == Mode::Operate;
    let wrong = wrong.iter().map(|mistake| brief(mistake.to_string(), &settings.theme));
    for said in wrong.chain(keymaps::said(&settings.keymap, &keys.made.mistakes)) {
        model.notices.say(model.now, NoticeKind::Warning, said);
    }
    let mut surface = TerminalSurface::open(Canvas::with(themes), Between::of(&start.env))
        .map_err(io("start the writer"))?;
    // The first frame comes before the runtime, the readers and any answer.
    surface.paint(&model, Operator::AtRest).map_err(io("write to the terminal"))?;
    // The keymaps that somebody may change to can be made while the first one is looked at.
    model.looks.keymaps = keymaps::all(&settings.keymap, &keys);
    hangup::watch().map_err(io("watch for a hang-up"))?;
    let input = input::read().map_err(io("read keys"))?;
    // One thread for all that no key may wait for: it leaves the loop a processor on a machine of
    // two, and memory that one errand gives back the next one takes.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .on_thread_start(crate::engine::give_way)
        .build()
        .map_err(io("start the event loop"))?;
    let feed = (start.feed)(&start.clock).map_err(ConsoleError::from)?;
    let ConsoleStart { clock, reconcile, env, .. } = start;
    let operations = Operations::new(settings, &clock, &env);
    let recorder = Recorder::start(file);
    let enter = contexts(settings, &clock, &env);
    let elsewhere = Elsewhere::start(settings, &clock, &env);
    let start =
        Start { model, clock, reconcile, feed, input, operations, enter, recorder, elsewhere };
    let ending = runtime.block_on(async {
        let ending = console::run(start, &mut surface).await;
        let _ = tokio::time::timeout(LAST_FRAME, surface.written()).await;
        ending
    });
    // A join that is still running has nobody to tell.
    runtime.shutdown_background();
    drop(guard);
    Ok(ending?)
}
