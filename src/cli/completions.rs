//! `completions SHELL`.

use super::args::Cli;
use super::output::{Reader, Streams};
use super::read::unprintable;
use super::{ExitCode, Failure};
use clap::CommandFactory;
use clap_complete::Shell;

pub(super) fn run(shell: Shell, streams: &mut Streams<'_>) -> Result<ExitCode, Failure> {
    // Into a buffer first: the generator panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "quarterdeck", &mut script);
    match streams.print(&String::from_utf8_lossy(&script)) {
        Ok(Reader::Listens | Reader::Left) => Ok(ExitCode::Done),
        Err(error) => Err(unprintable(&error)),
    }
}
