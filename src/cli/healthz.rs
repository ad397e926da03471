//! `healthz`: serves this node's health until it is told to end. A line on stderr when it starts,
//! when the verdict changes, and when it drains.

use super::args::{HealthMode, HealthzArgs};
use super::output::Streams;
use super::register::Prefix;
use super::run::on_runtime;
use super::table::clean;
use super::{ExitCode, Failure};
use crate::clock::Clock;
use crate::config::Environment;
use crate::node::healthz::{
    Checked, Ended, Endpoint, EndpointError, Health, HealthError, HealthOptions, Mode, Note, Stop,
    products,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The variables of the published aggregator.
const VARIABLES: [(&str, &str); 3] =
    [("GRAFANA_ENDPOINT", "grafana"), ("LOKI_ENDPOINT", "loki"), ("TEMPO_ENDPOINT", "tempo")];
/// More products, `NAME=URL` each, with commas between.
const MORE: &str = "HEALTHZ_PRODUCTS";
/// Lines that wait to be written; more are dropped rather than waited for.
const NOTES: usize = 64;
/// Files beside the connections: checks, the listener, the streams.
const OTHER_FILES: u64 = 256;

pub(super) fn run(
    args: &HealthzArgs,
    env: &Environment,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    let mode = match args.mode {
        HealthMode::Up => Mode::Up,
        HealthMode::Ready => Mode::Ready,
    };
    let said = said(args, env)?;
    let all = products(&said, mode, args.require_database).map_err(|error| bad(&error))?;
    let log = Log { prefix: Prefix::of(env) };
    if !files_for(u64::from(args.connections)) {
        log.say(streams, true, "the limit of open files is lower than --connections needs");
    }
    let options = HealthOptions {
        listen: args.listen,
        mode,
        products: all,
        limit: args.check_timeout,
        interval: args.interval,
        drain: Duration::from_secs(args.drain_seconds),
        connections: args.connections.try_into().unwrap_or(usize::MAX),
    };
    on_runtime(Clock::real(), async |clock| serve(options, clock, (log, streams)).await)
}

async fn serve(
    options: HealthOptions,
    clock: Clock,
    (log, streams): (Log, &mut Streams<'_>),
) -> Result<ExitCode, Failure> {
    let (tell, mut notes) = mpsc::channel(NOTES);
    let (mode, checked) = (options.mode, names(&options.products));
    let stops = stops().map_err(|error| cannot("watch for signals", &error))?;
    let health = Health::bind(options, clock, tell).await.map_err(|error| no_server(&error))?;
    let address = health.address().map_err(|error| cannot("listen", &error))?;
    log.say(streams, false, &format!("listening on {address}, mode {mode}, checking {checked}"));
    if mode == Mode::Ready {
        log.say(
            streams,
            true,
            "one dead ring member can keep the /ready of every newcomer at 503 until somebody \
             forgets it; a newcomer is unhealthy as long",
        );
    }
    let running = health.run(stops);
    tokio::pin!(running);
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut running => break ended,
            Some(note) = notes.recv() => log.note(streams, &note),
        }
    };
    log.say(streams, false, "ended");
    Ok(match ended {
        Ended::Drained => ExitCode::Done,
        Ended::Stopped => ExitCode::Interrupted,
    })
}

/// Lines for the journal.
#[derive(Clone, Copy)]
struct Log {
    prefix: Prefix,
}

impl Log {
    fn say(self, streams: &mut Streams<'_>, warning: bool, text: &str) {
        let (prefix, text) = (self.prefix.level(warning), clean(text));
        streams.say(&format!("{prefix}quarterdeck healthz: {text}\n"));
    }

    fn note(self, streams: &mut Streams<'_>, note: &Note) {
        match note {
            Note::Healthy => self.say(streams, false, "healthy"),
            Note::Unhealthy(failing) => {
                self.say(streams, true, &format!("unhealthy: {}", failing.join("; ")));
            }
            Note::Draining(span) => {
                let text = format!("told to end: answering unhealthy for {} s", span.as_secs());
                self.say(streams, false, &text);
            }
        }
    }
}

/// What is checked, as a fragment.
fn names(products: &[Checked]) -> String {
    let all: Vec<_> = products.iter().map(|one| format!("{} at {}", one.name, one.url)).collect();
    all.join(", ")
}

/// What was said of products: variables, then flags.
fn said(args: &HealthzArgs, env: &Environment) -> Result<Vec<Endpoint>, Failure> {
    let mut all = Vec::new();
    for (variable, name) in VARIABLES {
        if let Some(text) = env.text(variable) {
            let (name, text, origin) = (name.to_owned(), text.to_owned(), variable.to_owned());
            all.push(Endpoint { name, text, origin });
        }
    }
    let more = env.text(MORE).into_iter().flat_map(|text| text.split(','));
    let more = more.map(str::trim).filter(|one| !one.is_empty()).map(|one| (one, MORE));
    let flags = args.product.iter().map(|one| (one.as_str(), "--product"));
    for (one, origin) in more.chain(flags) {
        let Some((name, text)) = one.split_once('=') else {
            return Err(Failure {
                what: "read what is to be checked".into(),
                causes: vec![format!("{origin} is {one:?}: it is not NAME=URL")],
                next: format!("Write it like {origin} otel=http://127.0.0.1:13133/"),
                code: ExitCode::Usage,
            });
        };
        let (name, text) = (name.trim().to_owned(), text.trim().to_owned());
        all.push(Endpoint { origin: format!("{origin} {name}"), name, text });
    }
    Ok(all)
}

fn bad(error: &EndpointError) -> Failure {
    let next = match error {
        EndpointError::Bad { origin, .. } => format!("Write {origin} like http://HOST:PORT."),
        EndpointError::Path { origin, .. } => format!("Give {origin} a path that only reads."),
        EndpointError::Nothing => "Leave at least one product on.".to_owned(),
        EndpointError::TooMany(_) => "Check fewer products.".to_owned(),
    };
    Failure::new(ExitCode::Usage, "read what is to be checked", error, next)
}

fn no_server(error: &HealthError) -> Failure {
    let next = match error {
        HealthError::Listen { .. } => {
            "Choose another address with --listen, or end what holds this one."
        }
        HealthError::Client(_) => "Free some file descriptors or memory.",
    };
    Failure::new(ExitCode::Failed, "serve this node's health", error, next)
}

fn cannot(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(ExitCode::Failed, what, error, "Free some file descriptors or memory.")
}

/// SIGTERM, twice where somebody is impatient, drains; Ctrl-C ends.
fn stops() -> std::io::Result<mpsc::Receiver<Stop>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (tell, stops) = mpsc::channel(4);
    tokio::spawn(async move {
        loop {
            let stop = tokio::select! {
                _ = terminate.recv() => Stop::Drain,
                _ = interrupt.recv() => Stop::Now,
            };
            if tell.send(stop).await.is_err() {
                return;
            }
        }
    });
    Ok(stops)
}

/// Raises the limit of open files as far as so many connections need; whether it is enough.
fn files_for(connections: u64) -> bool {
    let needed = connections.saturating_add(OTHER_FILES);
    let had = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if enough(had.current) {
        return true;
    }
    let wanted = had.maximum.map_or(needed, |most| most.min(needed));
    let raised = Rlimit { current: Some(wanted), maximum: had.maximum };
    setrlimit(Resource::Nofile, raised).is_ok() && wanted >= needed
}
