//! No command: the console, where there is a terminal for it.

use super::world::World;
use super::{ExitCode, Failure};
use crate::clock::Clock;
use crate::config::{ClockSetting, Environment, Settings};
use std::io::IsTerminal;

pub(super) fn run<W: World>(
    settings: Settings,
    env: &Environment,
    world: &W,
) -> Result<ExitCode, Failure> {
    needs_a_terminal()?;
    let clock = clock(&settings);
    world.console(settings, clock, env)
}

/// The clock that the settings ask for.
pub(super) fn clock(settings: &Settings) -> Clock {
    match settings.clock {
        Some(ClockSetting { start, rate }) => Clock::starting_at(start, rate),
        None => Clock::real(),
    }
}

/// Refuses to go on where the console could not be shown.
pub(super) fn needs_a_terminal() -> Result<(), Failure> {
    let no_terminal = [
        (std::io::stdin().is_terminal(), "standard input"),
        (std::io::stdout().is_terminal(), "standard output"),
    ];
    if let Some((_, stream)) = no_terminal.into_iter().find(|(is_terminal, _)| !is_terminal) {
        return Err(Failure {
            what: "open the console".into(),
            causes: vec![format!("{stream} is not a terminal")],
            next:
                "Run it in a terminal (ssh -t), or use `quarterdeck fleets`, `nodes`, `findings`."
                    .into(),
            code: ExitCode::Usage,
        });
    }
    Ok(())
}
