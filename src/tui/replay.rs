//! A recording on the terminal of whoever looks now: their keys, their colours, their size.

use super::clipboard::Between;
use super::surface::TerminalSurface;
use super::terminal::{self, TerminalGuard};
use super::theme::Themes;
use super::{Canvas, LAST_FRAME, TuiError, hangup, input, keymaps, keys_in_force};
use crate::app::{Ending, Looks};
use crate::clock::Clock;
use crate::config::{Environment, Settings};
use crate::engine::console::{ConsoleError, Surface};
use crate::engine::player::{Deck, Play, play};
use std::sync::Arc;

/// Plays a recording until the operator leaves it or something ends it.
///
/// # Errors
/// There is no terminal, or the operating system refused something. The terminal is as it was.
pub fn replay(settings: &Settings, env: &Environment, deck: Deck) -> Result<Ending, TuiError> {
    terminal::check(settings.term.as_deref())?;
    let keys = keys_in_force(&settings.keymap);
    let (themes, _) = Themes::load(settings);
    let io = |doing| move |source| TuiError::Io { doing, source };
    let guard = TerminalGuard::take().map_err(io("take the terminal"))?;
    let looks = Looks {
        keymaps: keymaps::all(&settings.keymap, &keys),
        keymap: keys.name.clone(),
        themes: themes.names(),
        theme: themes.chosen().to_owned(),
        color: settings.color,
    };
    let mut surface = TerminalSurface::open(Canvas::with(themes), Between::of(env))
        .map_err(io("start the writer"))?;
    hangup::watch().map_err(io("watch for a hang-up"))?;
    let start = Play {
        deck,
        keymap: Arc::new(keys.made.keymap.clone()),
        looks,
        size: terminal::size().unwrap_or_default(),
        input: input::read().map_err(io("read keys"))?,
        clock: Clock::real(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(io("start the event loop"))?;
    let ending: Result<Ending, ConsoleError> = runtime.block_on(async {
        let ending = play(start, &mut surface).await;
        let _ = tokio::time::timeout(LAST_FRAME, surface.written()).await;
        ending
    });
    runtime.shutdown_background();
    drop(guard);
    Ok(ending?)
}
