//! From the arguments to the exit code.

#[cfg(feature = "sim")]
use super::args::SimCommand;
use super::args::{Cli, Command, RunCommand};
use super::output::{Reader, Streams};
use super::read::unprintable;
use super::verb_args::VerbCommand;
use super::world::World;
use super::{
    ExitCode, Failure, apply, audit, captive, completions, config, console, doctor, findings,
    fleets, healthz, keys, logging, nodes, plan, policy, read, register, replay, run_engine, runs,
    sources, traffic, watch,
};
#[cfg(feature = "sim")]
use super::{demo, sim};
use crate::clock::Clock;
use crate::config::{Environment, Flags, Settings};
use clap::Parser;
use std::ffi::OsString;
use std::io;

/// Runs the program on the process's own streams.
pub fn run<W: World>(
    args: impl IntoIterator<Item = OsString>,
    env: &Environment,
    world: &W,
) -> ExitCode {
    // A panic is our own fault: it is reported with what we need to find it, and with nothing of
    // the operator's environment. Installing fails only when somebody else has installed a hook.
    let _ = color_eyre::config::HookBuilder::blank().display_env_section(false).install();
    let (mut out, mut err) = (io::stdout(), io::stderr());
    run_in(args, env, world, Streams { out: &mut out, err: &mut err })
}

/// Runs the program on the given streams.
pub fn run_in<W: World>(
    args: impl IntoIterator<Item = OsString>,
    env: &Environment,
    world: &W,
    mut streams: Streams<'_>,
) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &mut streams),
    };
    match dispatch(cli, env, world, &mut streams) {
        Ok(code) => code,
        Err(failure) => {
            streams.say(&failure.to_string());
            failure.code
        }
    }
}

/// Help and version are answers; everything else that clap has to say is about wrong usage.
fn usage(error: &clap::Error, streams: &mut Streams<'_>) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        streams.say(&text);
        return ExitCode::Usage;
    }
    match streams.print(&text) {
        Ok(Reader::Listens | Reader::Left) => ExitCode::Done,
        Err(_) => ExitCode::Failed,
    }
}

fn dispatch<W: World>(
    cli: Cli,
    env: &Environment,
    world: &W,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    if let Some(Command::RunEngine { .. }) = &cli.command {
        // Before anything else: whatever becomes of the parent's session is none of the run's concern.
        crate::exec::process::leave_session();
    }
    let flags = Flags::from(cli.global);
    let (command, flags) = match cli.command {
        Some(Command::Captive) => match captive::admit(env, flags)? {
            captive::Admitted::Run(command, flags) => (command.map(|command| *command), *flags),
            captive::Admitted::Print(text) => {
                return streams.print(&text).map(|_| ExitCode::Done).map_err(|e| unprintable(&e));
            }
        },
        other => (other, flags),
    };
    carry_out(command, flags, (env, world), streams)
}

/// A recording is of what a console shows; elsewhere there would be none, and nobody would know.
fn only_the_console_records(command: Option<&Command>, flags: &Flags) -> Result<(), Failure> {
    let records = match command {
        None => true,
        #[cfg(feature = "sim")]
        Some(Command::Demo(args)) => !args.list,
        Some(_) => false,
    };
    if records || flags.record.is_none() {
        return Ok(());
    }
    Err(Failure {
        what: "record this".into(),
        causes: vec!["only the console is recorded, and the demo".into()],
        next: "Leave out --record, or leave out the command.".into(),
        code: ExitCode::Usage,
    })
}

/// Carries out a command; none is the console.
fn carry_out<W: World>(
    command: Option<Command>,
    flags: Flags,
    (env, world): (&Environment, &W),
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    only_the_console_records(command.as_ref(), &flags)?;
    // What needs no settings comes first: a broken configuration must not keep the operator from
    // the commands that help with it.
    let command = match command {
        Some(Command::Completions { shell }) => return completions::run(shell, streams),
        Some(Command::Config { command }) => return config::run(command, env, &flags, streams),
        Some(Command::Keys(args)) => return keys::run(args, env, &flags, streams),
        Some(Command::Doctor) => return doctor::run(env, &flags, world, streams),
        Some(Command::Register(args)) => return register::run(args, env, &flags, streams),
        Some(Command::Healthz(args)) => return healthz::run(&args, env, streams),
        Some(Command::Policy { command }) => return policy::run(command, &flags, streams),
        #[cfg(feature = "torture")]
        Some(Command::Torture(args)) => return super::torture::run(args, streams),
        #[cfg(feature = "sim")]
        Some(Command::Demo(args)) => return demo::run(&args, env, &flags, streams),
        #[cfg(feature = "sim")]
        Some(Command::Sim {
            command: SimCommand::Serve { listen, world, until_stdin_closes, scratch },
        }) => {
            let log = flags.log.clone();
            return sim::run(
                sim::Serve { listen, world, log, until_stdin_closes, scratch },
                streams,
            );
        }
        other => other,
    };
    let settings = crate::config::load(env, &flags)?;
    let _log = logging::start(&settings)?;
    for note in &settings.notes {
        streams.say(&format!("note: {note}\n"));
    }
    match command {
        Some(Command::Replay { file }) => replay::run(&file, &settings, env),
        None => console::run(settings, env, world),
        Some(Command::RunEngine { directory, first }) => {
            run_engine::run(&directory, first, (&settings, env), streams.out)
        }
        Some(Command::Apply { file, execute, format }) => {
            apply::run(&file, &execute, (&settings, env), (streams, format))
        }
        Some(Command::Runs(format)) => runs::list((&settings, env), (streams, format)),
        Some(Command::Run { command: RunCommand::Rollback { run, act } }) => {
            let verb = VerbCommand::Rollback { run: Some(run), act };
            plan::run((&settings, env), world, streams, &verb)
        }
        Some(Command::Run { command }) => runs::one(&command, (&settings, env), streams),
        Some(Command::Audit { command, format }) => {
            audit::run(command, &settings, (streams, format))
        }
        Some(Command::Plan { intent }) => plan::show(&settings, world, streams, &intent),
        Some(Command::Verb(intent)) => plan::run((&settings, env), world, streams, &intent),
        Some(command) => look(&command, &settings, world, streams),
    }
}

/// The commands that read AWS.
fn look<W: World>(
    command: &Command,
    settings: &Settings,
    world: &W,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Fleets(format) => {
            read::run(settings, world, streams, |round| fleets::answer(round, *format))
        }
        Command::Nodes { stack, format } => read::run(settings, world, streams, |round| {
            nodes::answer(round, stack.as_ref(), *format)
        }),
        Command::Findings { fail_on, format } => {
            read::run(settings, world, streams, |round| findings::answer(round, *fail_on, *format))
        }
        Command::Traffic(format) => {
            read::run(settings, world, streams, |round| traffic::answer(round, *format))
        }
        Command::Sources(format) => {
            read::run(settings, world, streams, |round| sources::answer(round, *format))
        }
        Command::Watch { stack, format } => {
            watch::run(settings, world, streams, (stack.as_ref(), *format))
        }
        // These were answered before.
        Command::Plan { .. }
        | Command::Verb(_)
        | Command::Apply { .. }
        | Command::Runs(_)
        | Command::Run { .. }
        | Command::Audit { .. }
        | Command::RunEngine { .. }
        | Command::Config { .. }
        | Command::Replay { .. }
        | Command::Keys(_)
        | Command::Captive
        | Command::Doctor
        | Command::Register(_)
        | Command::Healthz(_)
        | Command::Policy { .. }
        | Command::Completions { .. } => Ok(ExitCode::Done),
        #[cfg(feature = "torture")]
        Command::Torture(_) => Ok(ExitCode::Done),
        #[cfg(feature = "sim")]
        Command::Demo(_) | Command::Sim { .. } => Ok(ExitCode::Done),
    }
}

/// The runtime of a command that waits for the network.
pub(super) fn on_runtime<T>(
    clock: Clock,
    work: impl AsyncFnOnce(Clock) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            let next = "Free some file descriptors or memory, then try again.";
            Failure::new(ExitCode::Failed, "start the runtime", &error, next)
        })?;
    runtime.block_on(work(clock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::{Check, Health};
    use crate::cli::example;
    use crate::cli::world::{Change, Round};
    use std::io::Write;
    use tokio::sync::mpsc;

    /// A world that answers with a round made before, and with one check.
    struct Made(Round, Health);

    impl World for Made {
        async fn round(&self, _: &Settings, _: &Clock) -> Result<Round, Failure> {
            Ok(self.0.clone())
        }

        async fn watch(
            &self,
            _: &Settings,
            _: &Clock,
            _: mpsc::Sender<Change>,
        ) -> Result<(), Failure> {
            Ok(())
        }

        async fn check_services(&self, _: &Settings) -> Vec<Check> {
            vec![Check::not_ok(self.1, "sts", "asked", "Ask again.")]
        }

        fn console(&self, _: Settings, _: Clock, _: &Environment) -> Result<ExitCode, Failure> {
            Ok(ExitCode::Done)
        }
    }

    fn env() -> Environment {
        let pairs =
            [("HOME", "/nonexistent"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")];
        pairs.into_iter().collect()
    }

    fn ran(line: &str, world: &Made, out: &mut dyn Write) -> (ExitCode, String) {
        let args = std::iter::once("quarterdeck").chain(line.split_whitespace());
        let mut err = Vec::new();
        let streams = Streams { out, err: &mut err };
        let code = run_in(args.map(OsString::from), &env(), world, streams);
        (code, String::from_utf8(err).unwrap())
    }

    #[test]
    fn every_way_to_end_has_its_code() {
        let whole = || Made(example::round(), Health::Ok);
        let lacking = || Made(example::lacking_round(), Health::Fail);
        let rows = [
            ("fleets", whole(), ExitCode::Done),
            ("nodes blue-412 -o json", whole(), ExitCode::Done),
            ("traffic --output json", whole(), ExitCode::Done),
            ("sources", whole(), ExitCode::Done),
            ("watch", whole(), ExitCode::Done),
            ("findings", whole(), ExitCode::Done),
            ("findings --fail-on warning", whole(), ExitCode::Failed),
            ("findings --fail-on critical", whole(), ExitCode::Done),
            ("fleets", lacking(), ExitCode::LacksData),
            ("findings --fail-on critical", lacking(), ExitCode::LacksData),
            ("findings --fail-on info", lacking(), ExitCode::Failed),
            ("doctor", lacking(), ExitCode::LacksData),
            ("doctor", whole(), ExitCode::Done),
            ("nodes nobody", whole(), ExitCode::Usage),
            ("fleets -o yaml", whole(), ExitCode::Usage),
            ("flets", whole(), ExitCode::Usage),
            ("--region nowhere fleets", whole(), ExitCode::Usage),
            ("--help", whole(), ExitCode::Done),
            ("--version", whole(), ExitCode::Done),
            ("config sample", whole(), ExitCode::Done),
            ("completions zsh", whole(), ExitCode::Done),
        ];
        for (line, world, expected) in rows {
            let (code, err) = ran(line, &world, &mut Vec::new());
            assert_eq!(code, expected, "{line}: {err}");
        }
    }

    #[test]
    fn json_mode_prints_one_document_and_nothing_else() {
        for command in ["fleets", "nodes", "findings", "traffic", "sources"] {
            let mut out = Vec::new();
            let world = Made(example::lacking_round(), Health::Ok);
            let (_, err) = ran(&format!("{command} -o json"), &world, &mut out);
            let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(document["schema"], "quarterdeck/v1");
            assert!(document["account"].is_null());
            assert!(document[command].is_array(), "{command}");
            assert!(err.starts_with("missing: elbv2 health"), "{err}");
        }
    }

    #[test]
    fn a_reader_that_left_ends_quietly() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let world = Made(example::round(), Health::Ok);
        for line in ["fleets", "config sample", "completions bash", "doctor", "--help"] {
            let (code, err) = ran(line, &world, &mut Closed);
            assert_eq!((code, err.as_str()), (ExitCode::Done, ""), "{line}");
        }
    }
}
