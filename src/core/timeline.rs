//! The timeline: what changed, from what we saw ourselves, what Auto Scaling says it did, and what
//! runs did. A ring of bounded size, in the order of the times at which things happened; each entry
//! has a number of its own for ever, so that it can be selected while others come and go.

use super::annotations::Note;
use super::diff::{Change, ChangeKind};
use super::estate::Estate;
use super::finding::Severity;
use super::ids::{GroupName, InstanceId, StackId};
use super::inventory::{Activity, Inventory};
use super::observed::age;
use super::query::Facets;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// How many entries are kept: a day of an eventful fleet, at most about a megabyte.
pub const KEPT: usize = 4_000;

/// So long we wait for a whole picture to compare with. Where some source never answers, there is
/// none, and what the others say still changes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Origin {
    /// We noticed it between two looks.
    Seen,
    /// Auto Scaling's own record.
    Asg,
    /// A run of ours.
    Run,
    /// A source of ours: it failed, or came back.
    Source,
    /// An operator wrote it down.
    Note,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, which it keeps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who says so.
    pub origin: Origin,
    /// What kind of change, where we noticed it ourselves.
    pub kind: Option<ChangeKind>,
    /// How bad it is, where it is bad.
    pub severity: Option<Severity>,
    /// The fleet it concerns.
    pub stack_id: Option<StackId>,
    /// The node it concerns.
    pub instance_id: Option<InstanceId>,
    /// A fragment that says what happened.
    pub text: String,
}

impl Entry {
    /// The kind in a word: `probe`, `asg`, `run`.
    pub fn word(&self) -> String {
        self.kind.map_or_else(|| self.origin.to_string(), |kind| kind.to_string())
    }

    /// Whether this is the same thing, told by another console or at another start: it has another
    /// number there.
    pub fn is_same(&self, other: &Self) -> bool {
        let of = |one: &Self| (one.at, one.origin, one.instance_id.clone());
        of(self) == of(other) && self.text == other.text && self.stack_id == other.stack_id
    }

    /// What it is about, in a word or two.
    pub fn about(&self) -> String {
        match (&self.stack_id, &self.instance_id) {
            (Some(stack), Some(node)) => format!("{stack} {node}"),
            (Some(stack), None) => stack.to_string(),
            (None, Some(node)) => node.to_string(),
            (None, None) => String::new(),
        }
    }

    /// The entry as a line of text: time in UTC, kind, what it is about, what happened.
    pub fn line(&self) -> String {
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let about = Some(self.about()).filter(|about| !about.is_empty());
        let about = about.map(|about| format!("{about}: ")).unwrap_or_default();
        let clean: String =
            self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{at} {:<9} {about}{clean}", self.word())
    }
}

/// The keys that the timeline's filter knows.
pub const KEYS: [&str; 5] = ["kind", "stack", "node", "severity", "mark"];

impl Facets for Entry {
    fn facets(&self, say: &mut dyn FnMut(&str, &str)) {
        say("kind", &self.word());
        say("text", &self.text);
        if let Some(stack) = &self.stack_id {
            say("stack", stack.as_str());
        }
        if let Some(node) = &self.instance_id {
            say("node", node.as_str());
        }
        if let Some(severity) = self.severity {
            say("severity", &severity.to_string());
        }
    }
}

/// What happened, the oldest first, at most [`KEPT`] entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    entries: VecDeque<Entry>,
    next: u64,
    /// Since when estates are compared.
    since: Option<Timestamp>,
    /// How many were given up for younger ones.
    dropped: u64,
    /// The status that each activity had when last told; only of those that are still listed.
    activities: BTreeMap<String, String>,
    /// Entries that the operator wants to find again, by their numbers.
    #[serde(default)]
    bookmarks: BTreeSet<u64>,
}

impl Timeline {
    /// Takes in what changed since the estate before. What comes to be known while the console
    /// looks for the first time is no change of the world, and is not told.
    pub fn compare(
        &mut self,
        before: &Estate,
        changes: Vec<Change>,
        now: Timestamp,
        started: Timestamp,
    ) {
        if self.since.is_none() {
            if !is_whole(before) && age(started, now) < PATIENCE {
                return;
            }
            self.since = Some(now);
        }
        self.observe(changes);
    }

    /// Since when changes are told; `None` while the console still looks for the first time.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Takes in what we saw change.
    pub fn observe(&mut self, changes: Vec<Change>) {
        for change in changes {
            let Change { at, kind, stack_id, instance_id, severity, mut text } = change;
            // The name of the finding's kind says nothing that its sentence does not.
            if matches!(kind, ChangeKind::Raised | ChangeKind::Cleared)
                && let Some((_, sentence)) = text.split_once(": ")
            {
                text = sentence.to_owned();
            }
            let (seq, origin, kind) = (0, Origin::Seen, Some(kind));
            self.push(Entry { seq, at, origin, kind, severity, stack_id, instance_id, text });
        }
    }

    /// Takes in what Auto Scaling recorded: an activity once when it is first seen, and once more
    /// when its status has changed. `stack_of` tells the fleet of a group.
    pub fn record(
        &mut self,
        inventory: &Inventory,
        stack_of: impl Fn(&GroupName) -> Option<StackId>,
    ) {
        let listed = || inventory.activities.values().filter_map(|of| of.value()).flatten();
        let news: Vec<&Activity> =
            listed().filter(|one| self.activities.get(&one.id) != Some(&one.status)).collect();
        for activity in news {
            let known = self.activities.insert(activity.id.clone(), activity.status.clone());
            let entry = entry(activity, stack_of(&activity.group), known.is_some());
            // It may be there from an earlier start, with a bookmark.
            if self.same(&entry).is_none_or(|seq| !self.is_bookmarked(seq)) {
                self.push(entry);
            }
        }
        // What is listed no more will not come again: only the latest are ever listed.
        if self.activities.len() > listed().count() {
            let ids: BTreeSet<&str> = listed().map(|one| one.id.as_str()).collect();
            self.activities.retain(|id, _| ids.contains(id.as_str()));
        }
    }

    /// Takes in a note. One that is there already (kept from an earlier start) is not told twice.
    pub fn note(&mut self, note: &Note) {
        let text = format!("{}: {}", note.by, note.text);
        let near = self.entries.iter().filter(|entry| entry.at == note.at);
        if near.clone().any(|entry| entry.origin == Origin::Note && entry.text == text) {
            return;
        }
        self.push(Entry {
            seq: 0,
            at: note.at,
            origin: Origin::Note,
            kind: None,
            severity: None,
            stack_id: note.stack_id.clone(),
            instance_id: note.instance_id.clone(),
            text,
        });
    }

    /// Puts a bookmark at an entry, or takes it away. Returns whether it is there now.
    pub fn bookmark(&mut self, seq: u64) -> bool {
        if self.bookmarks.remove(&seq) {
            return false;
        }
        self.bookmarks.insert(seq)
    }

    /// Takes in a change that had a bookmark at an earlier start; unless it is told already, it is
    /// told again, for nobody saw it this time.
    pub fn recall(&mut self, entry: &Entry) {
        let seq = self.same(entry).unwrap_or_else(|| {
            self.push(entry.clone());
            self.next - 1
        });
        if self.get(seq).is_some() {
            self.bookmarks.insert(seq);
        }
    }

    /// The number that a thing has here, if it is told.
    fn same(&self, entry: &Entry) -> Option<u64> {
        let from = self.entries.partition_point(|one| one.at < entry.at);
        let mut near = self.entries.range(from..).take_while(|one| one.at == entry.at);
        near.find(|one| one.is_same(entry)).map(|one| one.seq)
    }

    /// Whether an entry has a bookmark.
    pub fn is_bookmarked(&self, seq: u64) -> bool {
        self.bookmarks.contains(&seq)
    }

    /// Adds an entry and gives it its number; one that is older than all of a full ring is dropped.
    pub fn push(&mut self, mut entry: Entry) {
        entry.seq = self.next;
        self.next += 1;
        let place = self.entries.partition_point(|one| one.at <= entry.at);
        if self.entries.len() >= KEPT {
            self.dropped += 1;
            if place == 0 {
                return;
            }
            let oldest = self.entries.pop_front();
            self.bookmarks.retain(|seq| oldest.as_ref().is_none_or(|oldest| oldest.seq != *seq));
            self.entries.insert(place - 1, entry);
        } else {
            self.entries.insert(place, entry);
        }
    }

    /// All entries, the newest first; of one moment, the one that came last first.
    pub fn newest_first(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter().rev()
    }

    /// The entry of this number.
    pub fn get(&self, seq: u64) -> Option<&Entry> {
        // Numbers nearly follow the times: only what was told late stands elsewhere.
        let guess = self.entries.partition_point(|entry| entry.seq < seq);
        let there = self.entries.get(guess).filter(|entry| entry.seq == seq);
        there.or_else(|| self.entries.iter().find(|entry| entry.seq == seq))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many were given up for younger ones.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The timeline as text, the oldest first, a line an entry.
    pub fn text(&self) -> String {
        let mut all = String::new();
        if self.dropped > 0 {
            all.push_str(&format!("({} older entries were dropped)\n", self.dropped));
        }
        for entry in &self.entries {
            all.push_str(&entry.line());
            all.push('\n');
        }
        all
    }
}

/// Whether everything that an estate is made of has been read at least once.
fn is_whole(estate: &Estate) -> bool {
    let fleets = || estate.fleets.values();
    let mut nodes = estate.nodes.values();
    estate.whole
        && fleets().all(|fleet| fleet.members.is_some())
        && fleets().flat_map(|fleet| &fleet.targets).all(|target| target.capacity.is_some())
        && estate.traffic.iter().all(|balancer| balancer.listeners.is_ok())
        && nodes.all(|node| !node.is_living() || !node.probes.is_empty())
}

/// An activity as it stands now: dated to its start when it is first seen, and to its end when it
/// has ended since.
fn entry(activity: &Activity, stack_id: Option<StackId>, again: bool) -> Entry {
    let at = activity.ended.filter(|_| again).unwrap_or(activity.started);
    let failed = matches!(activity.status.as_str(), "Failed" | "Cancelled");
    let why = activity.message.as_deref().filter(|_| failed).map(|why| format!(": {why}"));
    let text = format!(
        "{}: {} ({}){}",
        activity.group,
        activity.description,
        activity.status,
        why.unwrap_or_default()
    );
    Entry {
        seq: 0,
        at,
        origin: Origin::Asg,
        kind: None,
        severity: failed.then_some(Severity::Warning),
        stack_id,
        instance_id: instance_in(&activity.description),
        text,
    }
}

/// The instance that AWS's one-line description names ("Launching a new EC2 instance: i-…").
fn instance_in(description: &str) -> Option<InstanceId> {
    description
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ':'))
        .map(InstanceId::from)
        .find(InstanceId::is_ec2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diff::diff;
    use crate::core::finding::{Finding, FindingKind};
    use crate::core::query::Query;
    use crate::core::source::{Fragment, Scope, SourceEvent};
    use std::time::Duration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn change(second: i64, text: &str) -> Change {
        Change {
            at: at(second),
            kind: ChangeKind::Probe,
            stack_id: Some("green-413".into()),
            instance_id: Some("i-0123456789abcdef0".into()),
            severity: Some(Severity::Warning),
            text: text.into(),
        }
    }

    fn activity(status: &str, ended: Option<i64>) -> Activity {
        Activity {
            id: "a-1".into(),
            group: "green-asg".into(),
            started: at(5),
            ended: ended.map(at),
            status: status.into(),
            description: "Launching a new EC2 instance: i-0123456789abcdef0".into(),
            message: (status == "Failed").then(|| "no capacity".into()),
        }
    }

    fn listed(inventory: &mut Inventory, all: Vec<Activity>) {
        inventory.apply(SourceEvent {
            scope: Scope::Activities("green-asg".into()),
            observed_at: at(9),
            every: Duration::from_secs(60),
            calls: 1,
            result: Ok(Fragment::Activities(all)),
            missing: None,
        });
    }

    fn texts(timeline: &Timeline) -> Vec<&str> {
        timeline.newest_first().map(|one| one.text.as_str()).collect()
    }

    #[test]
    fn it_is_in_the_order_of_time_and_numbers_stay() {
        let mut timeline = Timeline::default();
        timeline.observe(vec![change(10, "b"), change(20, "d"), change(5, "a"), change(10, "c")]);
        assert_eq!(texts(&timeline), ["d", "c", "b", "a"]);
        let late = timeline.newest_first().last().unwrap().seq;
        assert_eq!((late, timeline.get(late).unwrap().text.as_str()), (2, "a"));
    }

    #[test]
    fn an_activity_is_told_once_and_once_more_when_it_ends() {
        let mut timeline = Timeline::default();
        let mut inventory = Inventory::default();
        let stack = |_: &GroupName| Some("green-413".into());
        listed(&mut inventory, vec![activity("InProgress", None)]);
        timeline.record(&inventory, stack);
        timeline.record(&inventory, stack);
        assert_eq!(timeline.len(), 1);
        listed(&mut inventory, vec![activity("Failed", Some(8))]);
        timeline.record(&inventory, stack);
        timeline.record(&inventory, stack);
        let all: Vec<_> = timeline.newest_first().collect();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].at, all[1].at), (at(8), at(5)));
        assert!(all[0].text.ends_with("(Failed): no capacity"), "{}", all[0].text);
        assert_eq!(all[0].severity, Some(Severity::Warning));
        assert_eq!(all[0].instance_id, Some("i-0123456789abcdef0".into()));
        // Nothing is remembered of what is listed no more.
        listed(&mut inventory, Vec::new());
        timeline.record(&inventory, stack);
        assert!(timeline.activities.is_empty());
    }

    #[test]
    fn the_first_look_is_no_change() {
        let known = Estate { whole: true, ..Estate::default() };
        let mut later = known.clone();
        let finding = Finding::new(FindingKind::BootRace, at(0), "six of them").identified("");
        later.findings.push(finding);
        let blank = Estate::default();
        let raised = || diff(&known, &later, at(4));
        let mut timeline = Timeline::default();
        timeline.compare(&blank, raised(), at(3), at(0));
        assert_eq!((timeline.len(), timeline.since()), (0, None), "nothing to compare with");
        timeline.compare(&known, raised(), at(4), at(0));
        assert_eq!((texts(&timeline), timeline.since()), (vec!["six of them"], Some(at(4))));
        timeline.compare(&later, diff(&later, &known, at(5)), at(5), at(0));
        assert_eq!(timeline.len(), 2);
        // Where there never is a whole picture, a partial one has to do.
        let mut timeline = Timeline::default();
        timeline.compare(&blank, raised(), at(20), at(0));
        assert_eq!(timeline.len(), 1);
    }

    #[test]
    fn it_is_bounded_and_the_oldest_go_first() {
        let mut timeline = Timeline::default();
        let many = i64::try_from(KEPT).unwrap() + 3;
        timeline.observe((0..many).map(|second| change(second, "x")).collect());
        timeline.observe(vec![change(-1, "too old")]);
        assert_eq!((timeline.len(), timeline.dropped()), (KEPT, 4));
        assert_eq!(timeline.newest_first().last().unwrap().at, at(3));
        assert_eq!(timeline.newest_first().next().unwrap().at, at(many - 1));
    }

    #[test]
    fn it_is_filtered_and_written_as_text() {
        let mut timeline = Timeline::default();
        timeline.observe(vec![change(0, "loki pass → fail\u{1b}[0m"), change(1, "tempo down")]);
        let found = |text| {
            let query = Query::parse(text, &KEYS).unwrap();
            timeline.newest_first().filter(|one| query.matches(*one)).count()
        };
        assert_eq!((found("loki"), found("kind:probe stack:green"), found("kind:asg")), (1, 2, 0));
        assert_eq!(found("severity:warning -tempo"), 1);
        let text = timeline.text();
        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains('\u{1b}'));
        let first = "2026-11-18T11:06:40Z probe     green-413 i-0123456789abcdef0: loki pass";
        assert!(text.starts_with(first), "{text}");
    }

    #[test]
    fn notes_are_told_once_and_bookmarks_go_with_their_entries() {
        let mut timeline = Timeline::default();
        timeline.observe(vec![change(1, "first")]);
        let note = Note {
            at: at(2),
            by: "ana@bastion".into(),
            text: "called the owner".into(),
            stack_id: Some("green-413".into()),
            instance_id: None,
        };
        timeline.note(&note);
        timeline.note(&note);
        assert_eq!(texts(&timeline), ["ana@bastion: called the owner", "first"]);
        assert!(timeline.get(1).is_some_and(|entry| entry.word() == "note"));
        assert!(timeline.bookmark(0) && timeline.is_bookmarked(0));
        for _ in 1..KEPT {
            timeline.observe(vec![change(3, "more")]);
        }
        assert!(timeline.get(0).is_none() && !timeline.is_bookmarked(0));
        assert!(timeline.bookmark(1) && !timeline.bookmark(1));
    }

    #[test]
    fn what_had_a_bookmark_is_told_again_and_only_once() {
        let mut before = Timeline::default();
        let mut inventory = Inventory::default();
        listed(&mut inventory, vec![activity("Failed", Some(8))]);
        let stack = |_: &GroupName| Some("green-413".into());
        before.record(&inventory, stack);
        before.observe(vec![change(9, "loki pass → fail")]);
        let kept: Vec<Entry> = before.newest_first().cloned().collect();
        let mut timeline = Timeline::default();
        timeline.observe(vec![change(20, "news")]);
        for entry in kept.iter().chain(&kept) {
            timeline.recall(entry);
        }
        // Auto Scaling tells of the same activity again.
        timeline.record(&inventory, stack);
        assert_eq!(timeline.len(), 3, "{}", timeline.text());
        let marked: Vec<_> =
            timeline.newest_first().filter(|one| timeline.is_bookmarked(one.seq)).collect();
        assert_eq!(marked.len(), 2);
        assert_eq!(marked[0].text, "loki pass → fail");
        assert!(timeline.newest_first().next().is_some_and(|one| one.text == "news"));
    }
}
