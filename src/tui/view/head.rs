//! The head of every screen: where we look, that we only read, and how old each source is.
//!
//! ```text
//!  QUARTERDECK  prod/us-west-2 123456789012  PRODUCTION  READ-ONLY
//!  cloudmap <5s  autoscaling <15s  elbv2 UNREACHABLE <1m  ec2 STALE 3m  probes <5s
//! ```

use super::{Line, Span};
use crate::app::replay::{Replay, State};
use crate::app::{Model, SourceLine, SourceState};
use crate::core::observed::age;
use crate::core::source::Source;
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use jiff::Timestamp;

/// With fewer columns than this, a head of one line says of the place only whether it is production.
const COLUMNS_FOR_PLACE: u16 = 40;

/// One line or two.
pub(super) fn lines(model: &Model, theme: Theme, two: bool) -> Vec<Line> {
    if two {
        return vec![place(model), sources(model, theme, false)];
    }
    let mut line = vec![match model.replay {
        Some(_) => Span::new(" REPLAY ", Tone::Bad),
        None => Span::new(" QD ", Tone::Title),
    }];
    if model.place.production {
        line.push(Span::new(" PROD", Tone::Bad));
    }
    line.push(match (&model.replay, armed(model, " ")) {
        (Some(replay), _) => Span::new(tempo(replay), Tone::Strong),
        (None, span) if span.tone == Tone::Strong => Span::new(" RO", Tone::Strong),
        (None, span) => span,
    });
    // Narrower than this, what is wrong with the sources has no other place.
    if model.size.columns >= COLUMNS_FOR_PLACE {
        line.push(Span::new(format!(" {} ", named(model)), Tone::Strong));
    }
    line.extend(sources(model, theme, true));
    vec![line]
}

/// The place in a title, so that a dialog is as unmistakable about it as a screen:
/// `prod/us-west-2 123456789012 PRODUCTION`.
pub(super) fn of_dialog(model: &Model) -> String {
    let account = model.account().unwrap_or("account ?");
    let production = if model.place.production { " PRODUCTION" } else { "" };
    format!("{} {account}{production}", named(model))
}

/// The context and the region.
pub(super) fn named(model: &Model) -> String {
    let region = model.place.region.as_deref().unwrap_or("?");
    match &model.place.context {
        Some(context) => format!("{context}/{region}"),
        None => region.to_owned(),
    }
}

fn place(model: &Model) -> Line {
    let place = &model.place;
    let mut line = match &model.replay {
        Some(replay) => played(replay, model.now),
        None => vec![Span::new(" QUARTERDECK ", Tone::Title)],
    };
    line.push(Span::new(format!("  {}", named(model)), Tone::Strong));
    let account = match model.account() {
        Some(account) => Span::new(format!(" {account}"), Tone::Plain),
        None => Span::new(" account ?", Tone::Unknown),
    };
    let production = place.production.then(|| Span::new("  PRODUCTION", Tone::Bad));
    match model.replay {
        None => {
            line.push(account);
            line.extend(production);
            line.push(armed(model, "  "));
        }
        // In a recording nothing can be done, so it says nothing about what may be. At 80 columns
        // its times leave no room for everything: the account goes first.
        Some(_) => {
            line.extend(production);
            line.push(account);
        }
    }
    line
}

/// That this is over, how fast it is played, and how far: ` REPLAY  PAUSED 11-22 14:03:10Z 3:10/10:00`.
fn played(replay: &Replay, now: Timestamp) -> Line {
    let (from, to) = replay.span;
    let clock = |seconds: u64| format!("{}:{:02}", seconds / 60, seconds % 60);
    let (far, whole) = (clock(age(from, now).as_secs()), clock(age(from, to).as_secs()));
    let at = now.strftime("%m-%d %H:%M:%SZ");
    vec![
        Span::new(" REPLAY ", Tone::Bad),
        Span::new(format!(" {}", tempo(replay)), Tone::Strong),
        Span::new(format!(" {at} {far}/{whole}"), Tone::Plain),
    ]
}

/// Whether it goes on by itself, and how fast.
fn tempo(replay: &Replay) -> String {
    match replay.state {
        State::Playing => format!(" {}x", replay.speed),
        State::Paused => format!(" PAUSED {}x", replay.speed),
    }
}

/// Whether plans may be approved here, in words that are never there by habit: only for a while,
/// and how long still.
fn armed(model: &Model, lead: &str) -> Span {
    match model.operation.armed_until {
        _ if !model.operation.allowed => Span::new(format!("{lead}READ-ONLY"), Tone::Strong),
        Some(until) if until > model.now => {
            let left = (age(model.now, until) / model.place.times.max(1)).as_secs().div_ceil(60);
            Span::new(format!("{lead}ARMED {left}m"), Tone::Bad)
        }
        _ => Span::new(format!("{lead}NOT ARMED"), Tone::Warn),
    }
}

/// The sources that are shown: who we are only when that could not be read.
fn sources(model: &Model, theme: Theme, worst_first: bool) -> Line {
    let mut line = Line::new();
    let mut shown: Vec<(String, Span)> = Vec::new();
    for source in &model.sources {
        let failed = matches!(source.state, SourceState::Failed(_));
        if source.source == Source::Sts && !failed {
            continue;
        }
        let state = if source.source == Source::Probes && !model.place.probing {
            Span::new("off", Tone::Dim)
        } else {
            state(model, source)
        };
        // Sources that fail in the same way are named together: four times the same word would
        // not fit, and would say no more.
        match shown.last_mut().filter(|(_, last)| failed && *last == state) {
            Some((names, _)) => *names = format!("{names} {}", source.source),
            None => shown.push((source.source.to_string(), state)),
        }
    }
    if worst_first {
        shown.sort_by_key(|(_, state)| match state.tone {
            Tone::Bad => 0,
            Tone::Warn => 1,
            Tone::Unknown => 2,
            _ => 3,
        });
    }
    for (names, state) in shown {
        let names = Span::new(format!(" {names} "), Tone::Dim);
        let state = Span::new(format!("{} ", state.text), state.tone);
        // Where little fits, what is wrong comes before whose it is.
        if worst_first {
            line.extend([Span::new(" ", Tone::Plain), state, names]);
        } else {
            line.extend([names, state]);
        }
    }
    if line.is_empty() {
        line.push(Span::new(theme.nothing(), Tone::Dim));
    }
    line
}

fn state(model: &Model, source: &SourceLine) -> Span {
    let old = source.observed_at.map(|at| age(at, model.now));
    match (source.state, old) {
        // While all is well the age runs up to the interval and falls again; to say the interval's
        // bucket all the time is as true, and an idle screen writes nothing.
        (SourceState::Ok, Some(old)) => Span::new(text::age(old.max(source.every)), Tone::Plain),
        (SourceState::Stale, Some(old)) => {
            Span::new(format!("STALE {}", text::age(old)), Tone::Warn)
        }
        (SourceState::Failed(kind), old) => {
            let word = kind.to_string().to_uppercase().replace('_', " ");
            let text = old.map_or(word.clone(), |old| format!("{word} {}", text::age(old)));
            Span::new(text, Tone::Bad)
        }
        (SourceState::Waiting, _) | (SourceState::Ok | SourceState::Stale, None) => {
            Span::new("?", Tone::Unknown)
        }
    }
}
