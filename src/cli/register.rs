//! `register [--leave] [--replace-stack]`: on a node, at boot and at shutdown. One line a step on
//! stderr, for the journal.

use super::args::RegisterArgs;
use super::output::Streams;
use super::run::on_runtime;
use super::table::clean;
use super::{ExitCode, Failure, console, logging};
use crate::clock::Clock;
use crate::config::{Environment, Flags, Settings};
use crate::node::register::{
    Cloud, End, Options, PEER_PORTS, RegisterError, Step, leave, register,
};
use crate::node::{Flagged, Given, InputError, Metadata, ThisNode};
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

/// How long to insist unless `--timeout` says otherwise: longer than a boot storm is throttled,
/// shorter than systemd's usual limit for a service that starts (90 s).
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(
    args: RegisterArgs,
    env: &Environment,
    flags: &Flags,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    if flags.read_only {
        return Err(Failure {
            what: "register: --read-only wins over everything".into(),
            causes: vec![],
            next: "Leave out --read-only, or `register`.".into(),
            code: ExitCode::NotAllowed,
        });
    }
    let given = given(&args, env).map_err(|error| of_input(&error))?;
    let flags = Flags {
        // The boot script's word for it; the flag and then REGION beat AWS's own variables.
        region: flags.region.clone().or_else(|| env.text("REGION").map(str::to_owned)),
        // Nothing is kept, so a unit without HOME needs no state directory.
        state_dir: flags.state_dir.clone().or_else(|| Some(PathBuf::from("."))),
        ..flags.clone()
    };
    let settings = crate::config::load(env, &flags)?;
    let _log = logging::start(&settings)?;
    let patience = flags.timeout.unwrap_or(PATIENCE);
    let prefix = Prefix::of(env);
    let out = RefCell::new(streams);
    let say = |step: Step| {
        tracing::info!(%step, "register");
        let (notice, line) = (prefix.of_step(&step), clean(&step.to_string()));
        out.borrow_mut().say(&format!("{notice}quarterdeck register: {line}\n"));
    };
    on_runtime(console::clock(&settings), async |clock| {
        tokio::select! {
            biased;
            stop = tokio::signal::ctrl_c() => Err(interrupted(stop)),
            done = work(&args, env, (&given, settings.clone()), (clock, patience), &say) => done,
        }
    })
}

fn given(args: &RegisterArgs, env: &Environment) -> Result<Given, InputError> {
    let flags = Flagged {
        services: args.service.clone(),
        stack: args.stack.clone(),
        ip: args.ip.clone(),
        id: args.instance_id.clone(),
    };
    Given::new(flags, env)
}

async fn work(
    args: &RegisterArgs,
    env: &Environment,
    (given, mut settings): (&Given, Settings),
    (clock, patience): (Clock, Duration),
    say: &dyn Fn(Step),
) -> Result<ExitCode, Failure> {
    let mut metadata = Metadata::new(env, clock.clone());
    let node: ThisNode =
        given.resolve(&mut metadata, args.leave).await.map_err(|error| of_input(&error))?;
    if settings.aws.region.is_none() && settings.aws.profile.is_none() {
        // Whatever goes wrong here, the SDK's own chain says next what it lacks.
        settings.aws.region = metadata.get("placement/region").await.ok().flatten();
    }
    let cloud = Cloud::connect(&settings.aws, &clock).await;
    let cloud = cloud.map_err(|error| of_register(args, &error.into()))?;
    let peer_ports =
        if args.peer_port.is_empty() { PEER_PORTS.to_vec() } else { args.peer_port.clone() };
    let options = Options { replace_stack: args.replace_stack, patience, peer_ports };
    let done = if args.leave {
        leave(&cloud, &clock, &node, &options, say).await
    } else {
        register(&cloud, &clock, &node, &options, say).await
    };
    done.map(|()| ExitCode::Done).map_err(|error| of_register(args, &error))
}

fn of_input(error: &InputError) -> Failure {
    let code = if error.is_usage() { ExitCode::Usage } else { ExitCode::LacksData };
    Failure::new(code, "tell which node this is", error, error.next_step())
}

fn of_register(args: &RegisterArgs, error: &RegisterError) -> Failure {
    let code = match error.end() {
        End::Usage => ExitCode::Usage,
        End::Blocked => ExitCode::Blocked,
        End::LacksData => ExitCode::LacksData,
        End::Denied => ExitCode::NotAllowed,
        End::Failed => ExitCode::Failed,
    };
    let what = if args.leave { "take this node out" } else { "register this node" };
    Failure::new(code, what, error, error.next_step())
}

fn interrupted(stop: std::io::Result<()>) -> Failure {
    match stop {
        Ok(()) => Failure {
            what: "finish: interrupted".into(),
            causes: vec![],
            next: "Run it again: what Cloud Map has accepted it carries out, and nothing is done twice."
                .into(),
            code: ExitCode::Interrupted,
        },
        Err(error) => {
            Failure::new(ExitCode::Failed, "listen for Ctrl-C", &error, "Try again.")
        }
    }
}

/// The journal reads a level off the beginning of a line (sd-daemon(3)); a terminal would show it.
#[derive(Clone, Copy)]
pub(super) struct Prefix {
    journal: bool,
}

impl Prefix {
    /// Systemd sets JOURNAL_STREAM where stderr goes to the journal.
    pub(super) fn of(env: &Environment) -> Self {
        Self { journal: env.text("JOURNAL_STREAM").is_some() }
    }

    fn of_step(self, step: &Step) -> &'static str {
        self.level(step.is_warning())
    }

    /// The prefix of a line.
    pub(super) fn level(self, warning: bool) -> &'static str {
        match (self.journal, warning) {
            (false, _) => "",
            (true, false) => "<6>",
            (true, true) => "<4>",
        }
    }
}
