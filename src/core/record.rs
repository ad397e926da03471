//! Records: what runs leave on Cloud Map for other hosts to see, as the attributes of services of
//! type HTTP that nobody discovers. A *lock* (`quarterdeck-lock-<scope>`) says who is at work on a load
//! balancer and what another host needs to recover; *marks* (`quarterdeck-marks-<scope>`) say which
//! nodes were drained on purpose, and stay behind when the lock is given back.
//!
//! Cloud Map holds 30 attributes a service, each of 1,024 printable ASCII characters at most, so
//! lists are written into numbered attributes, and what could not be written as it is is escaped.

use super::ids::{GroupName, InstanceId, StackId};
use super::inventory::{Forward, WeightedGroup};
use super::plan::{ActionId, LockScope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Attributes of a Cloud Map service.
pub type Attributes = BTreeMap<String, String>;

const LOCK: &str = "quarterdeck-lock-";
const MARKS: &str = "quarterdeck-marks-";
/// The longest value (Cloud Map API, ServiceAttributeValue).
const VALUE_MOST: usize = 1024;

/// Lists, by the first part of their attributes' names, and into how many attributes each may go.
/// Together with the six single values they stay below 30.
const SUSPENDED: (&str, usize) = ("suspended", 4);
const PREVIOUS: (&str, usize) = ("previous", 12);
const DRAINED: (&str, usize) = ("drained", 6);

/// The name of the service that is the lock of a scope.
pub fn lock_name(scope: &LockScope) -> String {
    format!("{LOCK}{}", suffix(scope))
}

/// The name of the service that holds the marks of a scope.
pub fn marks_name(scope: &LockScope) -> String {
    format!("{MARKS}{}", suffix(scope))
}

/// What a scope is called in the name of a record.
pub(super) fn suffix(scope: &LockScope) -> &str {
    match scope {
        LockScope::LoadBalancer(_, name) => name,
        // A namespace's name may be too long for a service's; its id is not.
        LockScope::Namespace(id, _) => id.as_str(),
    }
}

/// Whether a service of this name is one of our records, and no registry.
pub fn is_record(name: &str) -> bool {
    name.starts_with(LOCK) || name.starts_with(MARKS) || is_rollback_record(name)
}

/// Whether a service of this name holds a rollback record, or a part of one.
pub fn is_rollback_record(name: &str) -> bool {
    super::rollback_record::part_of(name).is_some()
}

/// What the record of this name is of: a load balancer's name, or a namespace's id.
pub fn scope_of(name: &str) -> &str {
    let undo = || super::rollback_record::part_of(name).map(|(scope, _)| scope);
    name.strip_prefix(LOCK).or_else(|| name.strip_prefix(MARKS)).or_else(undo).unwrap_or(name)
}

/// Whether a service of this name is a lock.
pub fn is_lock(name: &str) -> bool {
    name.starts_with(LOCK)
}

/// What a lock's attributes say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockRecord {
    /// Who holds it: user and host.
    pub holder: String,
    /// Why, in the operator's words or the plan's.
    pub reason: String,
    /// The run.
    pub run: String,
    /// Where the run stands.
    pub step: String,
    /// When its process was last heard of.
    pub heartbeat: Option<Timestamp>,
    /// The fleet that loses, or is changed.
    #[serde(default)]
    pub giving: Option<StackId>,
    /// The fleet that receives.
    #[serde(default)]
    pub receiving: Option<StackId>,
    /// Processes that the run has suspended, a group at a time.
    pub suspended: Pins,
    /// What actions forwarded to before the run touched them.
    pub previous: Vec<(ActionId, Forward)>,
    /// Nodes that the run has drained on purpose.
    pub drained: BTreeSet<InstanceId>,
}

impl LockRecord {
    /// As attributes. What does not fit is cut, and the journal on the holder's host has it all.
    pub fn attributes(&self) -> Attributes {
        let previous = self.previous.iter().map(|(action, forward)| previous(action, forward));
        let mut all = Attributes::from([
            ("holder".to_owned(), printable(&self.holder)),
            ("reason".to_owned(), printable(&self.reason)),
            ("run".to_owned(), printable(&self.run)),
            ("step".to_owned(), printable(&self.step)),
        ]);
        if let Some(at) = self.heartbeat {
            all.insert("heartbeat".to_owned(), at.to_string());
        }
        let fleets = self.giving.iter().chain(&self.receiving);
        let fleets: Vec<String> = fleets.map(|stack| escaped(stack.as_str())).collect();
        // Who receives is said only beside who gives; cut, a name would be another fleet's.
        let fleets = fleets.join(" ");
        if self.giving.is_some() && fleets.len() <= VALUE_MOST {
            all.insert("fleets".to_owned(), fleets);
        }
        pack(&mut all, SUSPENDED, pins(&self.suspended));
        pack(&mut all, PREVIOUS, previous);
        pack(&mut all, DRAINED, self.drained.iter().map(|id| escaped(id.as_str())));
        all
    }

    /// The holder's host, where the record names one.
    pub fn host(&self) -> Option<&str> {
        self.holder.rsplit_once('@').map(|(_, host)| host)
    }

    /// What attributes say; whatever cannot be read is left out.
    pub fn of(attributes: &Attributes) -> Self {
        let text = |name: &str| attributes.get(name).cloned().unwrap_or_default();
        let suspended = unpack(attributes, SUSPENDED).filter_map(|entry| {
            let (group, processes) = entry.split_once('=')?;
            let processes = processes.split(',').filter(|one| !one.is_empty()).map(unescaped);
            Some((GroupName::from(unescaped(group)), processes.collect()))
        });
        let fleets = text("fleets");
        let mut fleets = fleets.split(' ').filter(|name| !name.is_empty()).map(unescaped);
        Self {
            giving: fleets.next().map(StackId::from),
            receiving: fleets.next().map(StackId::from),
            holder: text("holder"),
            reason: text("reason"),
            run: text("run"),
            step: text("step"),
            heartbeat: attributes.get("heartbeat").and_then(|text| text.parse().ok()),
            suspended: suspended.collect(),
            previous: unpack(attributes, PREVIOUS).filter_map(of_previous).collect(),
            drained: drained(attributes),
        }
    }
}

/// What a lock is described as from the moment it exists, so that one whose run was killed before
/// its heart beat once still says whose it is.
pub fn born(holder: &str, run: &str, at: Timestamp) -> String {
    format!("Held by a run of quarterdeck; holder={} run={run} at={at}", escaped(holder))
}

/// What a lock says: its attributes, or where it has none yet, what it was described as.
pub fn or_born(attributes: Attributes, description: &str) -> Attributes {
    let names = ["holder", "run"];
    if !attributes.is_empty() {
        return attributes;
    }
    let words = description.split(' ').filter_map(|word| word.split_once('='));
    let known = words.filter(|(name, _)| names.contains(name));
    known.map(|(name, value)| (name.to_owned(), unescaped(value))).collect()
}

/// The nodes that a record (a lock or marks) says were drained on purpose.
pub fn drained(attributes: &Attributes) -> BTreeSet<InstanceId> {
    unpack(attributes, DRAINED).map(|id| InstanceId::from(unescaped(id))).collect()
}

/// Processes that are suspended, a group at a time.
pub type Pins = BTreeMap<GroupName, BTreeSet<String>>;

fn pins(suspended: &Pins) -> impl Iterator<Item = String> {
    suspended.iter().map(|(group, processes)| {
        let names: Vec<String> = processes.iter().map(|one| escaped(one)).collect();
        format!("{}={}", escaped(group.as_str()), names.join(","))
    })
}

/// Marks as attributes: the nodes, and what their drains keep suspended until they are back.
pub fn marks(drained: &BTreeSet<InstanceId>, suspended: &Pins) -> Attributes {
    let mut all = Attributes::new();
    pack(&mut all, SUSPENDED, pins(suspended));
    pack(&mut all, DRAINED, drained.iter().map(|id| escaped(id.as_str())));
    all
}

/// `listener[;rule]=[sticky|sticky:SECONDS,]group*weight,…`
fn previous(action: &ActionId, forward: &Forward) -> String {
    let mut text = escaped(action.listener.as_str());
    if let Some(rule) = &action.rule {
        text.push(';');
        text.push_str(&escaped(rule));
    }
    let seconds = forward.sticky_seconds.map(|seconds| format!(":{seconds}"));
    let sticky = format!("sticky{}", seconds.unwrap_or_default());
    let groups = forward
        .groups
        .iter()
        .map(|of| format!("{}*{}", escaped(of.target_group.as_str()), of.weight));
    let parts: Vec<String> = forward.sticky.then_some(sticky).into_iter().chain(groups).collect();
    format!("{text}={}", parts.join(","))
}

fn of_previous(entry: &str) -> Option<(ActionId, Forward)> {
    let (action, forward) = entry.split_once('=')?;
    let (listener, rule) = match action.split_once(';') {
        Some((listener, rule)) => (listener, Some(unescaped(rule))),
        None => (action, None),
    };
    let mut parts = forward.split(',').filter(|text| !text.is_empty()).peekable();
    let sticky = parts.next_if(|text| text.starts_with("sticky"));
    let sticky_seconds = sticky.and_then(|text| text.strip_prefix("sticky:")?.parse().ok());
    let one = |text: &str| {
        let (group, weight) = text.rsplit_once('*')?;
        Some(WeightedGroup { target_group: unescaped(group).into(), weight: weight.parse().ok()? })
    };
    let groups: Option<Vec<WeightedGroup>> = parts.map(one).collect();
    let action = ActionId { listener: unescaped(listener).into(), rule };
    Some((action, Forward { groups: groups?, sticky: sticky.is_some(), sticky_seconds }))
}

/// Writes a list into numbered attributes. An entry is never split.
fn pack(all: &mut Attributes, (name, most): (&str, usize), entries: impl Iterator<Item = String>) {
    let mut values = vec![String::new()];
    for entry in entries.filter(|entry| entry.len() <= VALUE_MOST) {
        let last = values.len() - 1;
        if !values[last].is_empty() && values[last].len() + 1 + entry.len() > VALUE_MOST {
            values.push(entry);
        } else {
            if !values[last].is_empty() {
                values[last].push(' ');
            }
            values[last].push_str(&entry);
        }
    }
    for (number, value) in values.into_iter().enumerate().take(most) {
        if number > 0 || !value.is_empty() {
            all.insert(format!("{name}-{number}"), value);
        }
    }
}

fn unpack<'a>(
    attributes: &'a Attributes,
    (name, most): (&str, usize),
) -> impl Iterator<Item = &'a str> {
    let values: Vec<&String> =
        (0..most).filter_map(|number| attributes.get(&format!("{name}-{number}"))).collect();
    values.into_iter().flat_map(|value| value.split(' ')).filter(|entry| !entry.is_empty())
}

/// A text of people as an attribute takes it: printable ASCII, not too long.
fn printable(text: &str) -> String {
    let fits = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    text.trim().chars().map(fits).take(VALUE_MOST).collect()
}

/// A name without the characters that divide entries.
fn escaped(text: &str) -> String {
    let mut all = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._/:@-".contains(&byte) {
            all.push(char::from(byte));
        } else {
            all.push_str(&format!("%{byte:02x}"));
        }
    }
    all
}

fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            all.push(byte);
            at += 3;
        } else {
            all.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> LockRecord {
        let arn = |name: &str| {
            format!(
                "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/{name}/0123456789abcdef"
            )
        };
        let forward = |sticky| Forward {
            groups: ["blue", "green"]
                .map(|name| WeightedGroup { target_group: arn(name).into(), weight: 7 })
                .into(),
            sticky,
            sticky_seconds: sticky.then_some(60),
        };
        let action = |rule: Option<&str>| ActionId {
            listener: arn("listener").into(),
            rule: rule.map(str::to_owned),
        };
        LockRecord {
            holder: "ana@bastion-7".into(),
            reason: "cutover to green-413".into(),
            run: "20261122-140000-abcd".into(),
            step: "4/14 shift 10 %".into(),
            heartbeat: "2026-11-22T14:00:00Z".parse().ok(),
            giving: Some("blue 412, the first".into()),
            receiving: Some("green-413".into()),
            suspended: [(
                GroupName::from("a group, with = odd; letters é"),
                BTreeSet::from(["AZRebalance".to_owned(), "HealthCheck".to_owned()]),
            )]
            .into(),
            previous: vec![(action(None), forward(true)), (action(Some("rule")), forward(false))],
            drained: (0..100).map(|n| InstanceId::from(format!("i-{n:017}"))).collect(),
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = record();
        let attributes = record.attributes();
        assert_eq!(LockRecord::of(&attributes), record);
        assert!(attributes.len() <= 30, "{}", attributes.len());
        for (name, value) in &attributes {
            assert!(value.len() <= VALUE_MOST, "{name}");
            assert!(value.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{name}: {value}");
        }
        assert_eq!(drained(&attributes), record.drained);
        let marks = marks(&record.drained, &record.suspended);
        assert_eq!(drained(&marks), record.drained);
        assert_eq!(LockRecord::of(&marks).suspended, record.suspended);
    }

    #[test]
    fn a_full_record_keeps_within_the_quota() {
        let mut record = record();
        record.drained = (0..1000).map(|n| InstanceId::from(format!("i-{n:017}"))).collect();
        record.previous = record.previous.iter().cycle().take(200).cloned().collect();
        let many = (0..300).map(|n| (GroupName::from(format!("group-{n}")), BTreeSet::new()));
        record.suspended = many.collect();
        assert!(record.attributes().len() <= 30);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let odd = [("previous-0", "x a= =y b=c*d"), ("suspended-0", "nothing"), ("heartbeat", "?")];
        let odd = odd.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let read = LockRecord::of(&odd.into());
        assert_eq!((read.heartbeat, read.suspended.len()), (None, 0));
        assert!(read.previous.iter().all(|(_, forward)| forward.groups.is_empty()), "{read:?}");
    }

    #[test]
    fn a_lock_without_attributes_says_whose_it_is_by_its_description() {
        let at = Timestamp::UNIX_EPOCH;
        let description = born("ana maria@bastion-7", "20261122-140000-abcd", at);
        assert!(description.len() <= VALUE_MOST && description.is_ascii());
        let said = LockRecord::of(&or_born(Attributes::new(), &description));
        assert_eq!((said.holder.as_str(), said.host()), ("ana maria@bastion-7", Some("bastion-7")));
        assert_eq!(said.run, "20261122-140000-abcd");
        let beaten = LockRecord::of(&or_born(record().attributes(), &description));
        assert_eq!(beaten, record());
        let foreign = or_born(Attributes::new(), "something = else; run=1");
        assert_eq!(LockRecord::of(&foreign).run, "1");
    }

    #[test]
    fn names() {
        let scope = LockScope::LoadBalancer("arn".into(), "front".into());
        assert_eq!(lock_name(&scope), "quarterdeck-lock-front");
        assert!(is_record(&marks_name(&scope)) && !is_lock(&marks_name(&scope)));
        assert!(!is_record("glt"));
    }
}
