//! A console that shows a recording: how far it is played and how fast, what the operator wishes of it,
//! and what they may not do there. The recorded model knows nothing of this; what is on the screen is a
//! copy of it that may be looked around in.

use super::command::Action;
use super::layer::Layer;
use super::model::Model;
use super::notice::NoticeKind;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The speeds, each twice the one before it or about so.
const SPEEDS: [u32; 9] = [1, 2, 4, 8, 16, 32, 60, 120, 600];
/// How far one key goes.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// How a recording is being played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Whether it goes on by itself.
    pub state: State,
    /// How many times as fast as it happened.
    pub speed: u32,
    /// When it begins and ends.
    pub span: (Timestamp, Timestamp),
    /// What the operator has wished and nobody has done yet.
    pub wish: Option<Wish>,
}

/// Whether a recording goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// By itself.
    Playing,
    /// It stands.
    Paused,
}

/// Where an operator wants to go in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// To the next frame that was seen.
    Step,
    /// To a time.
    To(Timestamp),
    /// To where the next finding begins.
    NextFinding,
    /// To where the finding before began.
    PreviousFinding,
}

impl Replay {
    /// A recording at its beginning.
    pub fn new(span: (Timestamp, Timestamp)) -> Self {
        Self { state: State::Playing, speed: 1, span, wish: None }
    }

    fn wish(&mut self, wish: Wish) {
        self.wish = Some(wish);
        if wish == Wish::Step {
            self.state = State::Paused;
        }
    }

    fn change_speed(&mut self, by: isize) {
        let at = SPEEDS.iter().position(|speed| *speed == self.speed).unwrap_or_default();
        let at = at.saturating_add_signed(by).min(SPEEDS.len() - 1);
        self.speed = SPEEDS[at];
        self.state = State::Playing;
    }
}

/// Whether an action would do something in the world, of which a recording has none. A question or a
/// plan that stands open can only be closed.
fn acts(model: &Model, action: Action) -> bool {
    let asked = matches!(model.layers.last(), Some(Layer::Dialog(_) | Layer::Review(_)));
    match action {
        Action::PlanFix
        | Action::PlanDrain
        | Action::PlanUndrain
        | Action::PlanCutover
        | Action::PlanRollback
        | Action::PlanReregister
        | Action::PlanRepair
        | Action::PlanDeregister
        | Action::PlanTakeover
        | Action::RunHold
        | Action::RunGoOn
        | Action::RunAbort
        | Action::Mark
        | Action::Arm
        | Action::Disarm
        | Action::PollNow
        | Action::SaveRecording
        | Action::Evidence
        | Action::Note
        | Action::Bookmark
        | Action::Snooze
        | Action::Wake => true,
        Action::Accept => asked,
        _ => false,
    }
}

/// Whether this is a recording, where the action means nothing; says so.
pub(super) fn refuses(model: &mut Model, action: Action) -> bool {
    if model.replay.is_none() || !acts(model, action) {
        return false;
    }
    let text = "This is a recording: what is over can be looked at, not changed.";
    model.notices.say(model.now, NoticeKind::Warning, text);
    true
}

/// Does what a key of the player means; false where it is none.
pub(super) fn play(model: &mut Model, action: Action) -> bool {
    let now = model.now;
    let Some(replay) = &mut model.replay else { return false };
    match action {
        Action::ReplayPause => {
            replay.state = match replay.state {
                State::Playing => State::Paused,
                State::Paused => State::Playing,
            };
        }
        Action::ReplayStep => replay.wish(Wish::Step),
        Action::ReplayRewind => replay.wish(Wish::To(far(now, -MINUTE))),
        Action::ReplayForward => replay.wish(Wish::To(far(now, MINUTE))),
        Action::ReplayNextFinding => replay.wish(Wish::NextFinding),
        Action::ReplayPreviousFinding => replay.wish(Wish::PreviousFinding),
        Action::ReplayFaster => replay.change_speed(1),
        Action::ReplaySlower => replay.change_speed(-1),
        _ => return false,
    }
    true
}

fn far(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.checked_add(by).unwrap_or(from)
}

/// Wishes for a time that is written `14:03`, `14:03:10`, `+2m`, `-30s` or `90s` from the beginning.
///
/// # Errors
/// A sentence: it is no time.
pub(super) fn seek(model: &mut Model, text: &str) -> Result<(), String> {
    let now = model.now;
    let Some(replay) = &mut model.replay else {
        return Err("Only a recording can be wound: `quarterdeck replay FILE`.".to_owned());
    };
    let (from, _) = replay.span;
    let to = match text.as_bytes().first() {
        Some(b'+') => span(&text[1..]).map(|by| far(now, by)),
        Some(b'-') => span(&text[1..]).map(|by| far(now, -by)),
        _ if text.contains(':') => time_of_day(from, text),
        _ => span(text).map(|by| far(from, by)),
    };
    let to = to.ok_or_else(|| {
        format!("{text:?} is no time: write 14:03, +2m, -30s, or 90s from the beginning.")
    })?;
    replay.wish(Wish::To(to));
    Ok(())
}

/// `90s`, `2m`, `1h`.
fn span(text: &str) -> Option<SignedDuration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: i64 = digits.parse().ok().filter(|number| (0..1_000_000).contains(number))?;
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return None,
    };
    Some(SignedDuration::from_secs(number * unit))
}

/// The first such time of day, in UTC, at or after the beginning.
fn time_of_day(from: Timestamp, text: &str) -> Option<Timestamp> {
    const DAY: i64 = 86_400;
    let mut parts = text.split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some()
        || !(0..24).contains(&hours)
        || !(0..60).contains(&minutes)
        || !(0..60).contains(&seconds)
    {
        return None;
    }
    let wanted = hours * 3_600 + minutes * 60 + seconds;
    let start = from.as_second();
    let later = (wanted - start.rem_euclid(DAY)).rem_euclid(DAY);
    Timestamp::from_second(start + later).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture::{self, press};

    fn replaying() -> Model {
        let mut model = fixture::model(80, 24);
        fixture::show(&mut model, 1, fixture::healthy());
        let end = far(model.started, SignedDuration::from_mins(20));
        model.replay = Some(Replay::new((model.started, end)));
        model
    }

    fn wish(model: &Model) -> Option<Wish> {
        model.replay.as_ref().and_then(|replay| replay.wish)
    }

    #[test]
    fn times_are_read_in_every_way_they_are_written() {
        let from: Timestamp = "2026-11-22T23:58:00Z".parse().unwrap();
        for (text, expected) in [
            ("23:59", Some("2026-11-22T23:59:00Z")),
            ("00:03:10", Some("2026-11-23T00:03:10Z")),
            ("+2m", Some("2026-11-23T00:00:00Z")),
            ("-30s", Some("2026-11-22T23:57:30Z")),
            ("90", Some("2026-11-22T23:59:30Z")),
            ("1h", Some("2026-11-23T00:58:00Z")),
            ("", None),
            ("24:00", None),
            ("1:2:3:4", None),
            ("+", None),
            ("later", None),
            ("-5d", None),
            ("99999999999999999999", None),
        ] {
            let mut model = replaying();
            model.now = from;
            model.replay = Some(Replay::new((from, from)));
            let outcome = seek(&mut model, text);
            let expected = expected.map(|at| Wish::To(at.parse().unwrap()));
            assert_eq!((outcome.is_ok(), wish(&model)), (expected.is_some(), expected), "{text}");
        }
        assert!(seek(&mut fixture::model(80, 24), "+1m").is_err());
    }

    #[test]
    fn what_would_act_is_refused_by_key_by_word_and_where_a_plan_stands_open() {
        for keys in
            ["c", "enter d", "enter u", "enter space", "A", "f", "r", ": c u t o v e r enter"]
        {
            let mut model = replaying();
            model.operation.allowed = true;
            // The space bar is the player's.
            let keys = if keys == "enter space" { "enter : m a r k enter" } else { keys };
            press(&mut model, keys);
            let said = model.notices.current(model.now).map(|notice| notice.text.clone());
            assert!(said.is_some_and(|text| text.starts_with("This is a recording")), "{keys}");
            assert!(model.layers.is_empty() && model.operation.marks.is_empty(), "{keys}");
        }
        // A plan that stood open when it was recorded.
        let mut model = fixture::model(80, 24);
        fixture::show(&mut model, 1, fixture::healthy());
        press(&mut model, "c");
        assert!(matches!(model.layers.last(), Some(Layer::Review(_))));
        model.replay = replaying().replay;
        press(&mut model, "enter");
        let said = model.notices.current(model.now).map(|notice| notice.text.clone());
        assert!(said.is_some_and(|text| text.starts_with("This is a recording")));
    }

    #[test]
    fn the_player_has_its_keys_and_everything_else_looks_around() {
        let mut model = replaying();
        press(&mut model, "space + +");
        let replay = model.replay.clone().unwrap();
        assert_eq!((replay.state, replay.speed), (State::Playing, 4));
        press(&mut model, "-");
        assert_eq!(model.replay.as_ref().unwrap().speed, 2);
        press(&mut model, "}");
        assert_eq!(wish(&model), Some(Wish::NextFinding));
        press(&mut model, "enter");
        assert_eq!(model.screens().len(), 2, "a fleet can be opened");
        press(&mut model, ": s e e k space + 2 m enter");
        assert_eq!(wish(&model), Some(Wish::To(far(model.now, SignedDuration::from_mins(2)))));
        press(&mut model, ".");
        let replay = model.replay.unwrap();
        assert_eq!((replay.state, replay.wish), (State::Paused, Some(Wish::Step)));
    }
}
