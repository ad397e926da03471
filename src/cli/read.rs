//! What all read commands share: one round, the answer printed, and a word on stderr about what
//! is missing. The one place that asks the world for a round.

use super::output::{Reader, Streams};
use super::run::on_runtime;
use super::table::clean;
use super::world::{Round, World};
use super::{ExitCode, Failure};
use crate::config::Settings;
use crate::core::inventory::ScopeStatus;
use crate::core::observed::Status;
use std::collections::BTreeSet;

/// What a command answers: the text for stdout, and whether what it found makes it fail.
pub(super) struct Answer {
    /// For stdout.
    pub text: String,
    /// The exit code if nothing is missing; anything but `Done` is certain whatever is missing.
    pub code: ExitCode,
}

impl Answer {
    /// An answer that finds fault with nothing.
    pub fn of(text: String) -> Self {
        Self { text, code: ExitCode::Done }
    }
}

/// Reads one round and prints the answer.
pub(super) fn run<W: World>(
    settings: &Settings,
    world: &W,
    streams: &mut Streams<'_>,
    answer: impl FnOnce(&Round) -> Result<Answer, Failure>,
) -> Result<ExitCode, Failure> {
    let round = round(settings, world)?;
    let answer = answer(&round)?;
    let printed = streams.print(&answer.text).map_err(|error| unprintable(&error))?;
    if printed == Reader::Listens {
        streams.say(&missing(&round.lacking));
    }
    Ok(code(answer.code, &round))
}

/// Reads one round, unless Ctrl-C comes first.
pub(super) fn round<W: World>(settings: &Settings, world: &W) -> Result<Round, Failure> {
    on_runtime(super::console::clock(settings), async |clock| {
        tokio::select! {
            biased;
            stop = tokio::signal::ctrl_c() => Err(interrupted(stop)),
            round = world.round(settings, &clock) => round,
        }
    })
}

/// A finding that was found is certain whatever else is missing, so it wins.
fn code(answer: ExitCode, round: &Round) -> ExitCode {
    match answer {
        ExitCode::Done if !round.lacking.is_empty() => ExitCode::LacksData,
        code => code,
    }
}

/// Why stdout could not be written.
pub(super) fn unprintable(error: &std::io::Error) -> Failure {
    let next = "Check where standard output goes (a full disk?).";
    Failure::new(ExitCode::Failed, "write the answer", error, next)
}

/// The failure that Ctrl-C makes of a command.
pub(super) fn interrupted(stop: std::io::Result<()>) -> Failure {
    match stop {
        Ok(()) => Failure {
            what: "finish: interrupted".into(),
            causes: vec![],
            next: "Nothing was changed.".into(),
            code: ExitCode::Interrupted,
        },
        Err(error) => {
            let next = "Try again; nothing was read.";
            Failure::new(ExitCode::Failed, "listen for Ctrl-C", &error, next)
        }
    }
}

/// So many missing reads are named; the rest is counted, and `sources` lists it.
const NAMED: usize = 5;

/// A line for each read that is missing, and the next step for each kind of reason.
pub(super) fn missing(lacking: &[ScopeStatus]) -> String {
    let mut text = String::new();
    for status in lacking.iter().take(NAMED) {
        text.push_str(&format!("missing: {}\n", clean(&why(status))));
    }
    if lacking.len() > NAMED {
        let more = lacking.len() - NAMED;
        text.push_str(&format!("missing: {more} more reads; `quarterdeck sources` lists them\n"));
    }
    let kinds: BTreeSet<_> =
        lacking.iter().filter_map(|status| Some(status.error.as_ref()?.value.kind)).collect();
    for kind in kinds {
        text.push_str(&format!("next: {kind}: {}\n", kind.next_step()));
    }
    text
}

fn why(status: &ScopeStatus) -> String {
    let scope = super::words::scope(status);
    let source = status.source;
    match (&status.error, status.status) {
        (Some(error), _) => format!("{source} {scope}: {}", error.value),
        (None, Status::Never) => format!("{source} {scope}: no answer within the time limit"),
        (None, state) => format!("{source} {scope}: {state}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::example;

    #[test]
    fn a_found_finding_wins_over_missing_data() {
        let whole = example::round();
        let partial = example::lacking_round();
        let rows = [
            (ExitCode::Done, &whole, ExitCode::Done),
            (ExitCode::Done, &partial, ExitCode::LacksData),
            (ExitCode::Failed, &whole, ExitCode::Failed),
            (ExitCode::Failed, &partial, ExitCode::Failed),
        ];
        for (answer, round, expected) in rows {
            assert_eq!(code(answer, round), expected, "{answer:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_reason_and_next_step() {
        assert_eq!(missing(&[]), "");
        assert_eq!(
            missing(&example::lacking_round().lacking),
            "missing: elbv2 health targetgroup/green-loki/2: DescribeTargetHealth: throttled: Rate exceeded\n\
             next: throttled: Wait: reads back off by themselves. Other tools share this bucket.\n"
        );
    }
}
