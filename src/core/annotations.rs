//! What operators write beside what was seen: notes, bookmarks, and findings that are snoozed for a
//! reason and a time. Kept between starts; a change is applied to what is kept, so that two consoles of one host
//! do not take each other's away.

use super::cause::{Cause, CauseKey};
use super::finding::{Finding, Severity};
use super::ids::{InstanceId, StackId};
use super::observed::age;
use super::timeline::Entry;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// A note or a bookmark is kept so long: a week's shift hands it to the next.
const KEPT_FOR: Duration = Duration::from_secs(7 * 86_400);
/// So many of each are kept.
const KEPT: usize = 500;
/// What is snoozed for less than this comes back before anybody has read why.
pub const SHORTEST: Duration = Duration::from_secs(60);
/// What is to stay quiet for longer than this is to be mended instead.
pub const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// What an operator wrote down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
    /// The fleet it is about.
    pub stack_id: Option<StackId>,
    /// The node it is about.
    pub instance_id: Option<InstanceId>,
}

/// A finding that somebody knows of and does not want to be told again for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snooze {
    /// What is snoozed.
    pub cause: CauseKey,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// How bad it was.
    pub severity: Severity,
    /// Its findings then, by their ids.
    pub findings: BTreeSet<String>,
}

impl Snooze {
    /// Snoozes a cause as it stands.
    pub fn of(cause: &Cause, all: &[Finding], (at, until): (Timestamp, Timestamp)) -> Self {
        Self {
            cause: cause.key.clone(),
            at,
            until,
            by: String::new(),
            reason: String::new(),
            severity: cause.severity,
            findings: ids(cause, all).map(str::to_owned).collect(),
        }
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// How long it still holds.
    pub fn left(&self, now: Timestamp) -> Duration {
        age(now, self.until)
    }

    /// In what way the cause is worse than when it was snoozed, in a fragment.
    pub fn worse(&self, cause: &Cause, all: &[Finding]) -> Option<String> {
        if cause.severity > self.severity {
            return Some(format!("it is {} now, and was {}", cause.severity, self.severity));
        }
        let new = ids(cause, all).filter(|id| !self.findings.contains(*id)).count();
        match new {
            0 => None,
            1 => Some("a new case has come".into()),
            many => Some(format!("{many} new cases have come")),
        }
    }
}

fn ids<'a>(cause: &'a Cause, all: &'a [Finding]) -> impl Iterator<Item = &'a str> {
    let places = cause.cases.iter().chain(&cause.follows);
    places.filter_map(|place| all.get(*place)).map(|finding| finding.id.as_str())
}

/// Everything that operators wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotations {
    /// Notes, the oldest first.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// What is snoozed, at most once each.
    #[serde(default)]
    pub snoozes: Vec<Snooze>,
    /// Changes with a bookmark, whole: after a restart nobody else knows what happened before.
    #[serde(default)]
    pub bookmarks: Vec<Entry>,
}

/// A change of what operators wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A note was written.
    Noted(Note),
    /// Something was snoozed, or for another time than before.
    Snoozed(Snooze),
    /// A snooze came to its end.
    Woken(CauseKey),
    /// A change got a bookmark.
    Bookmarked(Entry),
    /// A bookmark was taken away from a change.
    Unmarked(Entry),
}

impl Annotations {
    /// Takes in a change, and drops what is too old to be kept.
    pub fn apply(&mut self, change: Change, now: Timestamp) {
        match change {
            Change::Noted(note) => {
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
            }
            Change::Snoozed(snooze) => {
                self.snoozes.retain(|one| one.cause != snooze.cause);
                self.snoozes.push(snooze);
            }
            Change::Woken(cause) => self.snoozes.retain(|one| one.cause != cause),
            Change::Bookmarked(entry) => {
                if !self.bookmarks.iter().any(|one| one.is_same(&entry)) {
                    self.bookmarks.push(entry);
                }
            }
            Change::Unmarked(entry) => self.bookmarks.retain(|one| !one.is_same(&entry)),
        }
        self.notes.retain(|note| age(note.at, now) < KEPT_FOR);
        self.notes.drain(..self.notes.len().saturating_sub(KEPT));
        self.bookmarks.retain(|entry| age(entry.at, now) < KEPT_FOR);
        self.bookmarks.drain(..self.bookmarks.len().saturating_sub(KEPT));
        self.snoozes.retain(|one| !one.is_over(now));
    }

    /// The snooze of a cause, while it holds.
    pub fn snooze(&self, cause: &CauseKey, now: Timestamp) -> Option<&Snooze> {
        self.snoozes.iter().find(|one| one.cause == *cause && !one.is_over(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::finding::FindingKind;
    use crate::core::timeline::Origin;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn findings(abouts: &[(&str, Severity)]) -> (Cause, Vec<Finding>) {
        let of = |(about, severity): &(&str, Severity)| {
            let finding = Finding::new(FindingKind::ProbeFailed, at(0), *about);
            finding.severity(*severity).stack(Some(&"green".into())).identified(about)
        };
        let all: Vec<Finding> = abouts.iter().map(of).collect();
        let cause = Cause {
            key: CauseKey::of(&all[0]),
            severity: all.iter().map(|one| one.severity).max().unwrap(),
            since: at(0),
            cases: (0..all.len()).collect(),
            follows: Vec::new(),
        };
        (cause, all)
    }

    #[test]
    fn a_snooze_knows_what_is_worse_and_what_is_not() {
        use Severity::{Critical, Warning};
        let (cause, all) = findings(&[("loki", Warning), ("tempo", Warning)]);
        let snooze = Snooze::of(&cause, &all, (at(0), at(600)));
        for (now, worse) in [
            (&[("loki", Warning), ("tempo", Warning)][..], None),
            (&[("loki", Warning)], None),
            (&[("grafana", Warning), ("loki", Warning)], Some("a new case has come")),
            (&[("a", Warning), ("b", Warning)], Some("2 new cases have come")),
            (&[("loki", Critical)], Some("it is critical now, and was warning")),
        ] {
            let (cause, all) = findings(now);
            assert_eq!(snooze.worse(&cause, &all).as_deref(), worse, "{now:?}");
        }
        assert!(!snooze.is_over(at(599)) && snooze.is_over(at(600)));
        assert_eq!(snooze.left(at(590)), Duration::from_secs(10));
    }

    #[test]
    fn changes_of_two_consoles_end_in_one_list() {
        let (cause, all) = findings(&[("loki", Severity::Warning)]);
        let snooze = Snooze::of(&cause, &all, (at(0), at(600)));
        let longer = Snooze { until: at(900), ..snooze.clone() };
        let note = |text: &str, second| Note {
            at: at(second),
            by: "ana".into(),
            text: text.into(),
            stack_id: None,
            instance_id: None,
        };
        let mut kept = Annotations::default();
        kept.apply(Change::Snoozed(snooze), at(1));
        kept.apply(Change::Noted(note("one", 1)), at(1));
        kept.apply(Change::Snoozed(longer), at(2));
        assert_eq!(kept.snooze(&cause.key, at(700)).map(|one| one.until), Some(at(900)));
        kept.apply(Change::Noted(note("two", 3)), at(3));
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Annotations>(&text).unwrap(), kept);
        kept.apply(Change::Woken(cause.key.clone()), at(4));
        assert_eq!((kept.snoozes.len(), kept.notes.len()), (0, 2));
        // A week later the notes are history.
        kept.apply(Change::Noted(note("late", 8 * 86_400)), at(8 * 86_400));
        assert_eq!(kept.notes, [note("late", 8 * 86_400)]);
    }

    #[test]
    fn a_bookmark_is_of_one_change_and_goes_with_its_week() {
        let entry = |text: &str, seq| Entry {
            seq,
            at: at(1),
            origin: Origin::Seen,
            kind: None,
            severity: None,
            stack_id: None,
            instance_id: None,
            text: text.into(),
        };
        let mut kept = Annotations::default();
        // The number is the one it had in a console; another console gave it another.
        for (text, seq) in [("loki fails", 4), ("loki fails", 9), ("tempo fails", 5)] {
            kept.apply(Change::Bookmarked(entry(text, seq)), at(2));
        }
        assert_eq!(kept.bookmarks, [entry("loki fails", 4), entry("tempo fails", 5)]);
        kept.apply(Change::Unmarked(entry("loki fails", 30)), at(3));
        assert_eq!(kept.bookmarks, [entry("tempo fails", 5)]);
        // What was written before there were bookmarks is read all the same.
        let text = r#"{"notes":[],"snoozes":[]}"#;
        assert_eq!(serde_json::from_str::<Annotations>(text).unwrap(), Annotations::default());
        kept.apply(Change::Unmarked(entry("none", 0)), at(8 * 86_400));
        assert!(kept.bookmarks.is_empty(), "a week later it is history");
    }
}
