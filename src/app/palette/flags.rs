//! The flags of a verb's line, the same as on the command line: `drain i-0ab… --reason "boot race"`.

use crate::app::words::{self, Words};
use crate::config::parse_span;
use crate::core::plan::{GuardName, Options, Verb, gates, min_healthy, schedule};
use std::fmt::Display;
use std::str::FromStr;
use strum::VariantNames;

/// A flag.
#[derive(Debug)]
pub(super) struct Flag {
    /// As it is typed.
    pub name: &'static str,
    /// What stands behind it; empty for one that stands alone.
    pub value: &'static str,
    /// The words that its value may be, where they are a few.
    pub words: &'static [&'static str],
    /// What it does.
    pub doc: &'static str,
    /// The verbs that take it; all, where none is named.
    verbs: &'static [Verb],
    take: fn(&mut Options, &str) -> Result<(), String>,
}

const LOSES: &[Verb] = &[Verb::Drain, Verb::Cutover];
const DRAIN: &[Verb] = &[Verb::Drain];
const CUTOVER: &[Verb] = &[Verb::Cutover];

macro_rules! flags {
    ($($name:literal $value:literal $words:expr, $verbs:expr, $doc:literal, $take:expr;)*) => {
        /// All flags, those of every verb first.
        const FLAGS: &[Flag] = &[
            $(Flag { name: $name, value: $value, words: $words, doc: $doc, verbs: $verbs, take: $take },)*
        ];
    };
}

flags! {
    "--reason" "TEXT" &[], &[], "Why; in quotes where it has blanks.", |options, text| {
        options.reason = Some(text.to_owned());
        Ok(())
    };
    "--override" "GUARD" GuardName::VARIANTS, &[], "Override this guard; needs --reason.", |options, text| {
        options.overrides.insert(known(text, GuardName::VARIANTS)?);
        Ok(())
    };
    "--method" "METHOD" &["standby", "targets"], DRAIN, "How to drain.", |options, text| {
        options.method = Some(known(text, &["standby", "targets"])?);
        Ok(())
    };
    "--at-a-time" "N" &[], DRAIN, "Nodes in one step.", |options, text| {
        options.at_a_time = text.parse().map_err(|_| "write a number of nodes".to_owned())?;
        Ok(())
    };
    "--min-healthy" "N|P%" &[], LOSES, "How many targets of each group stay healthy.", |options, text| {
        options.min_healthy = min_healthy(text).map_err(told)?;
        Ok(())
    };
    "--remove-members" "" &[], LOSES, "Also remove the registry entries of who loses.", |options, _| {
        options.remove_members = true;
        Ok(())
    };
    "--strategy" "STRATEGY" &["weights", "attach"], CUTOVER, "By weights or by attaching.", |options, text| {
        options.strategy = Some(known(text, &["weights", "attach"])?);
        Ok(())
    };
    "--schedule" "PERCENTS" &[], CUTOVER, "Percent of the traffic after each step: 10,50,100.", |options, text| {
        options.schedule = Some(schedule(text).map_err(told)?);
        Ok(())
    };
    "--settle" "DURATION" &[], CUTOVER, "How long each step settles: 120s.", |options, text| {
        options.settle = parse_span(text).map_err(told)?;
        Ok(())
    };
    "--window" "DURATION" &[], CUTOVER, "How long probes are watched before they count: 60s.", |options, text| {
        options.window = parse_span(text).map_err(told)?;
        Ok(())
    };
    "--bake" "DURATION" &[], CUTOVER, "How long a finished shift is watched: 10m.", |options, text| {
        options.bake = parse_span(text).map_err(told)?;
        Ok(())
    };
    "--gate" "GATES" &["before-shift", "before-end", "before-shift,before-end", "none"], CUTOVER, "Where to wait for a word.", |options, text| {
        options.gates = gates(text).map_err(told)?;
        Ok(())
    };
    "--on-regression" "WHAT" &["hold", "rollback"], CUTOVER, "What to do when things turn bad while shifted.", |options, text| {
        options.on_regression = known(text, &["hold", "rollback"])?;
        Ok(())
    };
    "--max-hold" "DURATION" &[], CUTOVER, "How long it may be held before it lets go of pins: 30m.", |options, text| {
        options.max_hold = parse_span(text).map_err(told)?;
        Ok(())
    };
}

fn told(error: impl Display) -> String {
    error.to_string()
}

/// A word that a type knows.
fn known<T: FromStr>(text: &str, words: &[&str]) -> Result<T, String> {
    text.parse().map_err(|_| format!("write one of {}", words.join(", ")))
}

/// The flags that a verb takes.
pub(super) fn of(verb: Verb) -> impl Iterator<Item = &'static Flag> {
    FLAGS.iter().filter(move |flag| flag.verbs.is_empty() || flag.verbs.contains(&verb))
}

/// The flag of a verb with this name.
pub(super) fn named(verb: Verb, name: &str) -> Option<&'static Flag> {
    of(verb).find(|flag| flag.name == name)
}

/// What a line says beside its verb: what it is about, and how.
///
/// # Errors
/// A sentence: an unknown flag, one without its value, one given twice, a quote left open.
pub(in crate::app) fn read(verb: Verb, line: &str) -> Result<(Vec<String>, Options), String> {
    let Words { all, open, .. } = words::split(line);
    if let Some(quote) = open {
        return Err(format!("A quotation {quote} is opened and not closed."));
    }
    let (mut about, mut options) = (Vec::new(), Options::default());
    let mut given: Vec<&str> = Vec::new();
    let mut words = all.into_iter();
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            about.push(word);
            continue;
        }
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let flag = named(verb, name).ok_or_else(|| {
            let names: Vec<_> = of(verb).map(|flag| flag.name).collect();
            format!("{verb} takes no {name}; it takes {}.", names.join(", "))
        })?;
        if given.contains(&flag.name) && flag.name != "--override" {
            return Err(format!("{name} is given twice."));
        }
        given.push(flag.name);
        let value = match (flag.value.is_empty(), value) {
            (true, None) => String::new(),
            (true, Some(_)) => return Err(format!("{name} stands alone.")),
            (false, Some(value)) => value,
            (false, None) => {
                let next = words.next().filter(|next| !next.starts_with("--"));
                next.ok_or_else(|| format!("{name} needs a value: {name} {}.", flag.value))?
            }
        };
        (flag.take)(&mut options, &value)
            .map_err(|what| format!("{name} cannot be {value:?}: {what}."))?;
    }
    Ok((about, options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::plan::{DrainMethod, Gate, MinHealthy, OnRegression, Strategy};
    use std::time::Duration;

    #[test]
    fn flags_read_as_on_the_command_line() {
        let line = "i-1 --reason \"boot race\" i-2 --method=standby --at-a-time 2 --min-healthy 1 \
                    --remove-members --override velocity --override rings";
        let (about, options) = read(Verb::Drain, line).unwrap();
        assert_eq!(about, ["i-1", "i-2"]);
        assert_eq!(
            options,
            Options {
                reason: Some("boot race".into()),
                method: Some(DrainMethod::Standby),
                at_a_time: 2,
                min_healthy: MinHealthy::Count(1),
                remove_members: true,
                overrides: [GuardName::Velocity, GuardName::Rings].into(),
                ..Options::default()
            }
        );
        let line = "a b --strategy weights --schedule 50,100 --settle 1s --window 2s --bake 3s \
                    --gate before-end --on-regression rollback --max-hold 4s --min-healthy 75%";
        let (about, options) = read(Verb::Cutover, line).unwrap();
        assert_eq!(about, ["a", "b"]);
        assert_eq!(
            options,
            Options {
                strategy: Some(Strategy::Weights),
                schedule: Some(vec![50, 100]),
                settle: Duration::from_secs(1),
                window: Duration::from_secs(2),
                bake: Duration::from_secs(3),
                gates: [Gate::BeforeEnd].into(),
                on_regression: OnRegression::Rollback,
                max_hold: Duration::from_secs(4),
                min_healthy: MinHealthy::Percent(75),
                ..Options::default()
            }
        );
    }

    #[test]
    fn what_is_no_flag_of_the_verb_is_told() {
        for (verb, line, told) in [
            (
                Verb::Repair,
                "--method standby",
                "repair takes no --method; it takes --reason, --override.",
            ),
            (Verb::Drain, "--reason", "--reason needs a value: --reason TEXT."),
            (Verb::Drain, "--reason --method", "--reason needs a value: --reason TEXT."),
            (Verb::Drain, "--reason \"a b", "A quotation \" is opened and not closed."),
            (Verb::Drain, "--reason a --reason b", "--reason is given twice."),
            (Verb::Drain, "--remove-members=yes", "--remove-members stands alone."),
            (
                Verb::Drain,
                "--method sideways",
                "--method cannot be \"sideways\": write one of standby, targets.",
            ),
            (
                Verb::Drain,
                "--at-a-time -1",
                "--at-a-time cannot be \"-1\": write a number of nodes.",
            ),
            (
                Verb::Cutover,
                "--schedule 10",
                "--schedule cannot be \"10\": write ascending percentages that end in 100, like 10,50,100.",
            ),
            (
                Verb::Cutover,
                "--settle soon",
                "--settle cannot be \"soon\": \"soon\" is no duration: write a whole number and a unit, like 500ms, 90s, 10m or 1h.",
            ),
        ] {
            assert_eq!(read(verb, line).unwrap_err(), told, "{line}");
        }
    }
}
