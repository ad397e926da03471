//! `replay FILE`: the console on a recording. Nothing is read but the file, and nothing can be done.

use super::{ExitCode, Failure, console};
use crate::app::Ending;
use crate::config::{Environment, Settings};
use crate::core::reconcile::reconcile_after;
use crate::engine::player::Deck;
use crate::engine::recording::{Tape, TapeError};
use crate::tui;
use std::path::Path;

pub(super) fn run(
    file: &Path,
    settings: &Settings,
    env: &Environment,
) -> Result<ExitCode, Failure> {
    // What is wrong with the file is said to scripts too.
    let deck = open(file)?;
    console::needs_a_terminal()?;
    match tui::replay(settings, env, deck) {
        Ok(Ending::Quit) => Ok(ExitCode::Done),
        Ok(_) => Ok(ExitCode::Interrupted),
        Err(error) => {
            let code = if error.exit_code() == 2 { ExitCode::Usage } else { ExitCode::Failed };
            Err(Failure::new(code, "play the recording", &error, error.next_step()))
        }
    }
}

/// A recording at its beginning.
///
/// # Errors
/// It cannot be played; a file that was changed is a failure, one that is none is wrong usage.
pub(super) fn open(file: &Path) -> Result<Deck, Failure> {
    let deck = Tape::open(file).and_then(|tape| Deck::new(tape, reconcile_after));
    deck.map_err(|error| unreadable(file, &error))
}

/// Why a recording cannot be played.
pub(super) fn unreadable(file: &Path, error: &TapeError) -> Failure {
    let code = match error {
        TapeError::Broken { .. } | TapeError::Nothing { .. } => ExitCode::Failed,
        _ => ExitCode::Usage,
    };
    let what = format!("read the recording {}", file.display());
    Failure::new(code, what, error, error.next_step())
}
