//! What changed between two estates, in sentences: what `watch` prints and the timeline keeps.

use super::estate::{Estate, Fleet, Node};
use super::finding::{Finding, Severity};
use super::ids::{InstanceId, Product, ServiceId, StackId, TargetGroupArn};
use super::inventory::Verdict;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChangeKind {
    /// A fleet was first seen, or is no more.
    Fleet,
    /// A fleet's role changed.
    Role,
    /// A fleet's share of the traffic changed.
    Share,
    /// A node was first seen, or is no more.
    Node,
    /// A node's lifecycle changed.
    Lifecycle,
    /// A registry entry came, went or changed.
    Member,
    /// A target came, went or changed its state.
    Target,
    /// A probe's verdict changed.
    Probe,
    /// A finding was raised.
    Raised,
    /// A finding is no more.
    Cleared,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When it was noticed.
    pub at: Timestamp,
    /// Its kind.
    pub kind: ChangeKind,
    /// The fleet it concerns.
    pub stack_id: Option<StackId>,
    /// The node it concerns.
    pub instance_id: Option<InstanceId>,
    /// How bad it is, where it is bad: a finding's severity, or a target or probe that fails.
    pub severity: Option<Severity>,
    /// A fragment that says what changed, from what to what.
    pub text: String,
}

/// Everything that differs from `before` to `after`, noticed at `at`. Coming to know something
/// is no change of the world: what was unknown before is passed over, and so is what becomes
/// unknown (the sources say that).
pub fn diff(before: &Estate, after: &Estate, at: Timestamp) -> Vec<Change> {
    let mut changes = Changes { at, all: Vec::new() };
    for (stack, fleet) in &after.fleets {
        match before.fleets.get(stack) {
            None => changes.fleet(stack, "seen for the first time".into(), ChangeKind::Fleet),
            Some(old) => changes.fleets(old, fleet),
        }
    }
    for stack in before.fleets.keys().filter(|stack| !after.fleets.contains_key(*stack)) {
        changes.fleet(
            stack,
            "no node, group or registry entry names it any more".into(),
            ChangeKind::Fleet,
        );
    }
    for (id, node) in &after.nodes {
        match before.nodes.get(id) {
            None => changes.node(node, "seen for the first time".into(), ChangeKind::Node),
            // What both share has not changed.
            Some(old) if Arc::ptr_eq(old, node) => {}
            Some(old) => changes.nodes(old, node),
        }
    }
    for node in before.nodes.values().filter(|node| !after.nodes.contains_key(&node.id)) {
        changes.node(node, "known to no source any more".into(), ChangeKind::Node);
    }
    changes.findings(before, after);
    changes.all
}

struct Changes {
    at: Timestamp,
    all: Vec<Change>,
}

impl Changes {
    fn fleet(&mut self, stack: &StackId, text: String, kind: ChangeKind) {
        let stack_id = Some(stack.clone());
        let (at, severity) = (self.at, None);
        self.all.push(Change { at, kind, stack_id, instance_id: None, severity, text });
    }

    fn node(&mut self, node: &Node, text: String, kind: ChangeKind) {
        let (stack_id, instance_id) = (node.stack_id.clone(), Some(node.id.clone()));
        self.all.push(Change { at: self.at, kind, stack_id, instance_id, severity: None, text });
    }

    /// The last change is for the worse.
    fn worse(&mut self) {
        if let Some(last) = self.all.last_mut() {
            last.severity = Some(Severity::Warning);
        }
    }

    fn fleets(&mut self, old: &Fleet, new: &Fleet) {
        use super::estate::Role;
        if old.role != new.role && old.role != Role::Unknown && new.role != Role::Unknown {
            self.fleet(
                &new.stack_id,
                format!("role {} → {}", old.role, new.role),
                ChangeKind::Role,
            );
        }
        if let (Some(was), Some(is)) = (old.traffic_share, new.traffic_share)
            && (was - is).abs() > f64::EPSILON
        {
            let text = format!("traffic {:.0}% → {:.0}%", was * 100.0, is * 100.0);
            self.fleet(&new.stack_id, text, ChangeKind::Share);
        }
    }

    fn nodes(&mut self, old: &Node, new: &Node) {
        if old.lifecycle != new.lifecycle {
            let word = |of: &Option<Arc<str>>| of.clone().unwrap_or_else(|| "in no group".into());
            let text = format!("{} → {}", word(&old.lifecycle), word(&new.lifecycle));
            self.node(new, text, ChangeKind::Lifecycle);
        }
        self.members(old, new);
        self.targets(old, new);
        self.probes(old, new);
    }

    fn members(&mut self, old: &Node, new: &Node) {
        type Entry<'a> = (&'a str, Option<&'a str>, Option<&'a StackId>);
        fn of(node: &Node) -> BTreeMap<(&ServiceId, &InstanceId), Entry<'_>> {
            node.members
                .iter()
                .map(|one| {
                    let entry = (&*one.service, one.ipv4(), one.stack.as_ref());
                    ((&one.service_id, &one.member_id), entry)
                })
                .collect()
        }
        let words = |(_, ip, stack): &Entry<'_>| {
            format!("{} {}", ip.unwrap_or("no address"), stack.map_or("no STACK", StackId::as_str))
        };
        let (was, is) = (of(old), of(new));
        for (key, entry) in &is {
            match was.get(key) {
                None => {
                    let text = format!("registered in {} ({})", entry.0, words(entry));
                    self.node(new, text, ChangeKind::Member);
                }
                Some(before) if before != entry => {
                    let text = format!("{}: {} → {}", entry.0, words(before), words(entry));
                    self.node(new, text, ChangeKind::Member);
                }
                Some(_) => {}
            }
        }
        for (_, entry) in was.iter().filter(|(key, _)| !is.contains_key(*key)) {
            self.node(new, format!("deregistered from {}", entry.0), ChangeKind::Member);
        }
    }

    fn targets(&mut self, old: &Node, new: &Node) {
        fn of(node: &Node) -> BTreeMap<(&TargetGroupArn, u16), (&str, Option<&str>)> {
            node.targets
                .iter()
                .map(|one| ((&one.target_group, one.port), (&*one.name, one.state.as_deref().ok())))
                .collect()
        }
        let (was, is) = (of(old), of(new));
        for ((arn, port), (name, state)) in &is {
            let Some(state) = state else { continue };
            let text = match was.get(&(*arn, *port)) {
                None => format!("{name} {port}: target, {state}"),
                Some((_, Some(before))) if before != state => {
                    format!("{name} {port}: {before} → {state}")
                }
                Some(_) => continue,
            };
            self.node(new, text, ChangeKind::Target);
            if matches!(*state, "unhealthy" | "unhealthy.draining" | "unavailable") {
                self.worse();
            }
        }
        for ((_, port), (name, _)) in was.iter().filter(|(key, _)| !is.contains_key(*key)) {
            self.node(new, format!("{name} {port}: no target any more"), ChangeKind::Target);
        }
    }

    fn probes(&mut self, old: &Node, new: &Node) {
        let was: BTreeMap<&Product, Verdict> =
            old.probes.iter().map(|one| (&one.outcome.product, one.verdict)).collect();
        for probe in &new.probes {
            let Some(before) = was.get(&probe.outcome.product) else { continue };
            let unknown = *before == Verdict::Unknown || probe.verdict == Verdict::Unknown;
            if *before != probe.verdict && !unknown {
                let text = format!(
                    "{} {before} → {}: {}",
                    probe.outcome.product, probe.verdict, probe.outcome.detail
                );
                self.node(new, text, ChangeKind::Probe);
                if probe.verdict == Verdict::Fail {
                    self.worse();
                }
            }
        }
    }

    fn findings(&mut self, before: &Estate, after: &Estate) {
        fn by_id(estate: &Estate) -> BTreeMap<&str, &Finding> {
            estate.findings.iter().map(|one| (one.id.as_str(), one)).collect()
        }
        let (was, is) = (by_id(before), by_id(after));
        let raised = is.iter().filter(|(id, _)| !was.contains_key(*id));
        // Only what is known to be well is over: what cannot be judged any more is not.
        let over = |finding: &Finding| is_judged(after, finding.stack_id.as_ref());
        let gone = was.iter().filter(|(id, _)| !is.contains_key(*id));
        let cleared = gone.filter(|(_, finding)| over(finding));
        let told = raised.map(|one| (one, ChangeKind::Raised));
        for ((_, finding), kind) in told.chain(cleared.map(|one| (one, ChangeKind::Cleared))) {
            self.all.push(Change {
                at: self.at,
                kind,
                stack_id: finding.stack_id.clone(),
                instance_id: finding.instance_id.clone(),
                severity: (kind == ChangeKind::Raised).then_some(finding.severity),
                text: format!("{}: {}", finding.kind, finding.summary),
            });
        }
    }
}

/// Whether everything is known that a finding about the fleet (or about none in particular) would
/// be raised from.
fn is_judged(estate: &Estate, stack: Option<&StackId>) -> bool {
    let known = |fleet: &Fleet| {
        fleet.members.is_some()
            && fleet.targets.iter().all(|target| target.capacity.is_some())
            && fleet.probes.iter().all(|probe| probe.unknown == 0)
    };
    let fleets = estate.fleets.values();
    let mut about = fleets.filter(|fleet| stack.is_none_or(|stack| *stack == fleet.stack_id));
    estate.whole
        && estate.traffic.iter().all(|balancer| balancer.listeners.is_ok())
        && about.all(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::estate::Role;
    use crate::core::finding::FindingKind;

    fn fleet(members: Option<u32>) -> Fleet {
        Fleet {
            stack_id: "green".into(),
            role: Role::Live,
            traffic_share: None,
            listeners: Vec::new(),
            groups: Vec::new(),
            nodes: Vec::new(),
            members,
            registry: Vec::new(),
            targets: Vec::new(),
            probes: Vec::new(),
            rings: Vec::new(),
            requests: Vec::new(),
            worst: None,
        }
    }

    fn estate(members: Option<u32>, findings: Vec<Finding>) -> Estate {
        let fleets = [("green".into(), fleet(members))].into();
        Estate { fleets, findings, whole: true, ..Estate::default() }
    }

    #[test]
    fn a_finding_is_over_only_where_it_could_be_raised() {
        let at = Timestamp::UNIX_EPOCH;
        let race = Finding::new(FindingKind::BootRace, at, "six of them");
        let race = race.stack(Some(&"green".into())).identified("");
        let before = estate(Some(1), vec![race]);
        let kinds = |after: &Estate| -> Vec<ChangeKind> {
            diff(&before, after, at).iter().map(|change| change.kind).collect()
        };
        assert_eq!(kinds(&estate(Some(6), Vec::new())), [ChangeKind::Cleared]);
        assert_eq!(kinds(&estate(None, Vec::new())), [], "the members are not known now");
        let partial = Estate { whole: false, ..estate(Some(6), Vec::new()) };
        assert_eq!(kinds(&partial), []);
    }
}
