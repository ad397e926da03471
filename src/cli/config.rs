//! `config show|check|sample`.

use super::args::ConfigCommand;
use super::output::{Reader, Streams};
use super::read::unprintable;
use super::{ExitCode, Failure};
use crate::config::{self, Environment, Flags};
use std::path::PathBuf;

pub(super) fn run(
    command: Option<ConfigCommand>,
    env: &Environment,
    flags: &Flags,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    let text = match command {
        None | Some(ConfigCommand::Show) => show(env, flags)?,
        Some(ConfigCommand::Check { file }) => check(file, env, flags)?,
        Some(ConfigCommand::Sample) => config::sample()?,
    };
    match streams.print(&text) {
        Ok(Reader::Listens | Reader::Left) => Ok(ExitCode::Done),
        Err(error) => Err(unprintable(&error)),
    }
}

fn show(env: &Environment, flags: &Flags) -> Result<String, Failure> {
    let settings = config::load(env, flags)?;
    let file = match &settings.file {
        Some(path) => format!("# file: {}\n", path.display()),
        None => "# file: none\n".to_owned(),
    };
    let notes: String = settings.notes.iter().map(|note| format!("# note: {note}\n")).collect();
    Ok(format!("{file}{notes}{}", config::show(&settings)))
}

fn check(file: PathBuf, env: &Environment, flags: &Flags) -> Result<String, Failure> {
    let shown = file.display().to_string();
    let settings = config::load(env, &Flags { config: Some(file), ..flags.clone() })?;
    // A keymap or theme with mistakes keeps nobody from the console; here they are asked for.
    let causes = crate::tui::mistakes(&settings);
    if !causes.is_empty() {
        return Err(Failure {
            what: "take all of the keymap and the theme that it chooses".into(),
            causes,
            next: "Correct these; until then the console leaves them out.".into(),
            code: ExitCode::Usage,
        });
    }
    Ok(format!("{shown}: ok\n"))
}
