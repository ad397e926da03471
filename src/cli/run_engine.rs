//! `run-engine RUNDIR` (hidden): the process of a run. Nobody types this; a run is started by a verb
//! with `--execute`, and taken up again by `run resume`.

use super::args::FirstWord;
use super::run::on_runtime;
use super::{ExitCode, Failure};
use crate::config::{Environment, Settings};
use crate::core::plan::guards::evaluate;
use crate::core::run::Ask;
use crate::core::run::journal::End;
use crate::exec::engine::Ending;
use crate::exec::process::{Surroundings, carry_out};
use crate::exec::state::RunDir;
use crate::machine::Place;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

pub(super) fn run(
    path: &Path,
    first: Option<FirstWord>,
    (settings, env): (&Settings, &Environment),
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let first = first.map(|word| match word {
        FirstWord::Resume => Ask::Resume,
        FirstWord::Abort => Ask::Abort,
    });
    let run = RunDir::at(&Place::from(path));
    on_runtime(super::console::clock(settings), async |clock| {
        let guards = Arc::new(evaluate);
        let around = Surroundings { settings, clock: &clock, env, guards };
        match carry_out(&run, first, around, out).await {
            Ok(Ending::Over(End::Done) | Ending::SteppedDown) => Ok(ExitCode::Done),
            Ok(Ending::Over(_)) => Ok(ExitCode::Failed),
            Err(error) => {
                let next = error.next_step();
                Err(Failure::new(ExitCode::Failed, "carry the run out", &error, &next))
            }
        }
    })
}
