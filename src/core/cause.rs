//! Findings as an operator wants them: those of one kind about one fleet are one line ("5 nodes:
//! unregistered"), and what merely comes of something else stands with it, so that what to act on
//! comes first. Only the view of the findings changes; none is lost.

use super::estate::{Estate, NodeProbe};
use super::finding::{Finding, FindingKind, Severity};
use super::ids::{InstanceId, StackId, Zone};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What tells one cause from another, the same as long as the same thing is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CauseKey {
    /// What is wrong.
    pub kind: FindingKind,
    /// With which fleet.
    pub stack_id: Option<StackId>,
}

impl CauseKey {
    /// The key of the line that a finding of its own stands in.
    pub fn of(finding: &Finding) -> Self {
        Self { kind: finding.kind, stack_id: finding.stack_id.clone() }
    }
}

impl std::fmt::Display for CauseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.stack_id {
            Some(stack) => write!(f, "{} {stack}", self.kind),
            None => write!(f, "{}", self.kind),
        }
    }
}

/// One thing that is wrong: its cases, and what comes with it. Findings are named by their place
/// in the list that this was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Stable from round to round.
    pub key: CauseKey,
    /// The worst of all its findings, those that come with it among them.
    pub severity: Severity,
    /// Since when, as far as we saw: the first of its cases.
    pub since: Timestamp,
    /// The findings of this kind about this fleet.
    pub cases: Vec<usize>,
    /// Findings of other kinds that come with it.
    pub follows: Vec<usize>,
}

/// What comes of what. A finding stands with the first of these that is there and concerns the
/// same things.
const COMES_OF: &[(FindingKind, FindingKind, Same)] = {
    use FindingKind::{
        DependencyFailure, FailOpen, LaunchFailures, LeftoverRun, ListenersSplit, NotInTargetGroup,
        Pinned, ProbeDisagrees, ProbeFailed, ServiceEmpty, SuspendedProcesses,
        TrafficChangedOutside, UnhealthyTarget, UnregisteredNode, ZoneOutOfDns, ZoneUncovered,
    };
    &[
        (UnhealthyTarget, DependencyFailure, Same::FleetOrAll),
        (ProbeDisagrees, DependencyFailure, Same::FleetOrAll),
        (FailOpen, DependencyFailure, Same::FleetOrAll),
        (ZoneOutOfDns, DependencyFailure, Same::FleetOrAll),
        (UnregisteredNode, ServiceEmpty, Same::Service),
        (UnhealthyTarget, FailOpen, Same::Group),
        (ProbeFailed, FailOpen, Same::Target),
        (UnhealthyTarget, ZoneOutOfDns, Same::Zone),
        (ProbeFailed, ZoneOutOfDns, Same::Zone),
        (ZoneUncovered, LaunchFailures, Same::Fleet),
        (NotInTargetGroup, SuspendedProcesses, Same::Fleet),
        (ListenersSplit, TrafficChangedOutside, Same::Fleet),
        (Pinned, LeftoverRun, Same::Fleet),
    ]
};

/// What two findings must share for one to come of the other.
#[derive(Clone, Copy, Debug)]
enum Same {
    /// The fleet.
    Fleet,
    /// The fleet, where the cause is one fleet's; a cause of all fleets explains each.
    FleetOrAll,
    /// The registry service.
    Service,
    /// The target group.
    Group,
    /// The product that fails is what the cause's target group sends to on this node.
    Target,
    /// The fleet and the zone: the node stands in it, and is not healthy to the load balancer.
    Zone,
}

/// All findings of an estate as causes: worst first, then the wider, then the older.
pub fn causes(estate: &Estate) -> Vec<Cause> {
    let findings = &estate.findings;
    let roots = Roots::of(estate);
    let mut all: BTreeMap<CauseKey, Cause> = BTreeMap::new();
    let mut following = Vec::new();
    for (place, finding) in findings.iter().enumerate() {
        match roots.root_of(estate, finding) {
            Some(root) => following.push((CauseKey::of(root), place)),
            None => add(&mut all, finding, place),
        }
    }
    for (key, place) in following {
        if let Some(cause) = all.get_mut(&key) {
            cause.severity = cause.severity.max(findings[place].severity);
            cause.follows.push(place);
        } else {
            // Its cause itself comes of something else: it stands for itself.
            add(&mut all, &findings[place], place);
        }
    }
    let mut all: Vec<Cause> = all.into_values().collect();
    all.sort_by(|a, b| {
        let width = |of: &Cause| of.cases.len() + of.follows.len();
        let order = b.severity.cmp(&a.severity).then_with(|| width(b).cmp(&width(a)));
        order.then_with(|| a.key.cmp(&b.key))
    });
    all
}

fn add(all: &mut BTreeMap<CauseKey, Cause>, finding: &Finding, place: usize) {
    let key = CauseKey::of(finding);
    let cause = all.entry(key.clone()).or_insert_with(|| Cause {
        key,
        severity: finding.severity,
        since: finding.since,
        cases: Vec::new(),
        follows: Vec::new(),
    });
    cause.severity = cause.severity.max(finding.severity);
    cause.since = cause.since.min(finding.since);
    cause.cases.push(place);
}

/// The findings that others may come of, by kind: few, beside the thousands that may come of them.
struct Roots<'a>(BTreeMap<FindingKind, Vec<Root<'a>>>);

/// A finding that others may come of, and the zone it is about, if it is about one.
#[derive(Clone, Copy)]
struct Root<'a> {
    finding: &'a Finding,
    zone: Option<&'a Zone>,
}

impl<'a> Roots<'a> {
    fn of(estate: &'a Estate) -> Self {
        let wanted: BTreeSet<FindingKind> = COMES_OF.iter().map(|(_, root, _)| *root).collect();
        let mut roots: BTreeMap<FindingKind, Vec<Root<'a>>> = BTreeMap::new();
        for finding in estate.findings.iter().filter(|one| wanted.contains(&one.kind)) {
            let zone = (finding.kind == FindingKind::ZoneOutOfDns)
                .then(|| zone_of(estate, finding))
                .flatten();
            roots.entry(finding.kind).or_default().push(Root { finding, zone });
        }
        Self(roots)
    }

    fn root_of(&self, estate: &Estate, finding: &Finding) -> Option<&'a Finding> {
        let rules = COMES_OF.iter().filter(|(kind, _, _)| *kind == finding.kind);
        rules
            .flat_map(|(_, root, same)| {
                self.0.get(root).into_iter().flatten().map(move |root| (*root, *same))
            })
            .find(|(root, same)| concerns(estate, finding, *root, *same))
            .map(|(root, _)| root.finding)
    }
}

/// The zone that a finding about a zone of a load balancer is about.
fn zone_of<'a>(estate: &'a Estate, finding: &Finding) -> Option<&'a Zone> {
    estate.traffic.iter().find_map(|balancer| {
        balancer.zones.iter().find(|zone| finding.is_about(&format!("{} {zone}", balancer.arn)))
    })
}

fn concerns(estate: &Estate, finding: &Finding, root: Root<'_>, same: Same) -> bool {
    let Root { finding: root, zone } = root;
    let fleet = finding.stack_id.is_some() && finding.stack_id == root.stack_id;
    let node = || finding.instance_id.as_ref().and_then(|id| estate.nodes.get(id));
    match same {
        Same::Fleet => fleet,
        Same::FleetOrAll => fleet || root.stack_id.is_none(),
        Same::Service => finding.service_id.is_some() && finding.service_id == root.service_id,
        Same::Group => finding.target_group.is_some() && finding.target_group == root.target_group,
        Same::Target => node().is_some_and(|node| {
            let product = |probe: &&NodeProbe| finding.is_about(probe.outcome.product.as_str());
            let port = node.probes.iter().find(product).map(|probe| probe.outcome.port);
            let held = node.targets.iter().filter(|held| Some(held.port) == port);
            held.into_iter().any(|held| Some(&held.target_group) == root.target_group.as_ref())
        }),
        Same::Zone => node().is_some_and(|node| {
            fleet
                && zone.is_some()
                && node.zone.as_ref() == zone
                && node.targets.iter().any(|held| held.state_text() == "unhealthy")
        }),
    }
}

impl Cause {
    /// The line: "5 nodes: unregistered".
    pub fn title(&self, findings: &[Finding]) -> String {
        let kind = self.key.kind;
        format!("{}: {}", self.counted(findings), kind.after_count())
    }

    /// What is concerned, counted: "5 nodes", "1 zone".
    pub fn counted(&self, findings: &[Finding]) -> String {
        if self.key.kind == FindingKind::UnreachableFromHere {
            return "every node".into();
        }
        let cases = || self.cases.iter().filter_map(|place| findings.get(*place));
        let nodes: BTreeSet<&InstanceId> =
            cases().filter_map(|one| one.instance_id.as_ref()).collect();
        let (count, noun) = match nodes.len() {
            0 => (self.cases.len(), noun(self.key.kind)),
            nodes => (nodes, "node"),
        };
        if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
    }

    /// Its findings, its own cases first.
    pub fn findings<'a>(&'a self, all: &'a [Finding]) -> impl Iterator<Item = &'a Finding> {
        self.cases.iter().chain(&self.follows).filter_map(|place| all.get(*place))
    }

    /// What comes with it, in a fragment a kind: "3 failing open".
    pub fn with_it(&self, all: &[Finding]) -> Vec<String> {
        let mut kinds: BTreeMap<FindingKind, usize> = BTreeMap::new();
        for finding in self.follows.iter().filter_map(|place| all.get(*place)) {
            *kinds.entry(finding.kind).or_default() += 1;
        }
        kinds.into_iter().map(|(kind, count)| format!("{count} {}", kind.after_count())).collect()
    }
}

/// What a finding that names no node is about.
fn noun(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::BootRace | FindingKind::ZoneUncovered => "fleet",
        FindingKind::ServiceEmpty => "registry service",
        FindingKind::FailOpen => "target group",
        FindingKind::ZoneOutOfDns => "zone",
        FindingKind::ListenersSplit | FindingKind::NlbWithoutSecurityGroup => "load balancer",
        FindingKind::TrafficChangedOutside => "route",
        FindingKind::DependencyFailure => "product",
        FindingKind::NoSelfHeal
        | FindingKind::SuspendedProcesses
        | FindingKind::LaunchFailures
        | FindingKind::MixedVersions => "ASG",
        FindingKind::Pinned => "ASG",
        FindingKind::LeftoverRun => "lock",
        FindingKind::LeftoverRecord => "rollback record",
        FindingKind::DuplicateIp => "pair of members",
        _ => "case",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: FindingKind, stack: &str, node: Option<usize>, second: i64) -> Finding {
        let at = Timestamp::from_second(1_795_000_000 + second).unwrap();
        let finding = Finding::new(kind, at, "x").stack(Some(&stack.into()));
        match node {
            Some(node) => finding.instance(&format!("i-{node}").into()),
            None => finding,
        }
    }

    fn told(findings: Vec<Finding>) -> Vec<(String, Vec<String>)> {
        let estate = Estate { findings, ..Estate::default() };
        let line = |one: &Cause| (one.title(&estate.findings), one.with_it(&estate.findings));
        causes(&estate).iter().map(line).collect()
    }

    #[test]
    fn alike_findings_are_one_line_counted_by_nodes() {
        let mut all: Vec<_> =
            (0..5).map(|n| finding(FindingKind::UnregisteredNode, "green", Some(n), 9)).collect();
        all.push(finding(FindingKind::UnregisteredNode, "green", Some(0), 3));
        all.push(finding(FindingKind::UnregisteredNode, "blue", Some(9), 0));
        assert_eq!(
            told(all.clone()),
            [
                ("5 nodes: unregistered".to_owned(), vec![]),
                ("1 node: unregistered".to_owned(), vec![])
            ]
        );
        let estate = Estate { findings: all, ..Estate::default() };
        let first = &causes(&estate)[0];
        assert_eq!(first.since, Timestamp::from_second(1_795_000_003).unwrap(), "the first case");
        assert_eq!(first.cases.len(), 6, "no finding is lost");
    }

    #[test]
    fn what_comes_of_something_stands_with_it() {
        let group = |one: Finding| one.group(&"tg-loki".into());
        let all = vec![
            finding(FindingKind::LaunchFailures, "green", None, 0),
            group(finding(FindingKind::FailOpen, "blue", None, 0)),
            group(finding(FindingKind::UnhealthyTarget, "blue", Some(1), 0)),
            group(finding(FindingKind::UnhealthyTarget, "blue", Some(2), 0)),
            finding(FindingKind::UnhealthyTarget, "blue", Some(3), 0),
            finding(FindingKind::ZoneUncovered, "blue", None, 0),
        ];
        assert_eq!(
            told(all),
            [
                (
                    "1 target group: failing open".to_owned(),
                    vec!["2 unhealthy to the load balancer".to_owned()]
                ),
                ("1 ASG: failing to launch".to_owned(), vec![]),
                ("1 node: unhealthy to the load balancer".to_owned(), vec![]),
                ("1 fleet: without a node in a zone".to_owned(), vec![]),
            ]
        );
    }

    #[test]
    fn a_cause_is_as_bad_as_what_comes_of_it() {
        let all = vec![
            finding(FindingKind::FailOpen, "blue", None, 0),
            finding(FindingKind::SuspendedProcesses, "green", None, 0),
            finding(FindingKind::NotInTargetGroup, "green", Some(1), 0)
                .severity(Severity::Critical),
        ];
        let estate = Estate { findings: all, ..Estate::default() };
        let causes = causes(&estate);
        assert_eq!(causes[0].key.kind, FindingKind::SuspendedProcesses, "the wider of two");
        assert_eq!(causes[0].severity, Severity::Critical);
    }

    /// Whatever is found: every finding stands in exactly one place.
    #[test]
    fn no_finding_is_lost_or_said_twice() {
        use strum::IntoEnumIterator;
        for stack in [Some("blue"), None] {
            let findings: Vec<_> = FindingKind::iter()
                .flat_map(|kind| [(kind, Some(1)), (kind, None)])
                .map(|(kind, node)| {
                    let one = finding(kind, "blue", node, 0);
                    let one = one.group(&"tg".into()).service(&"srv".into());
                    one.stack(stack.map(StackId::from).as_ref())
                })
                .collect();
            let estate = Estate { findings, ..Estate::default() };
            let causes = causes(&estate);
            let places = causes.iter().flat_map(|one| one.cases.iter().chain(&one.follows));
            let mut places: Vec<_> = places.copied().collect();
            places.sort_unstable();
            assert_eq!(places, (0..estate.findings.len()).collect::<Vec<_>>());
            for cause in &causes {
                assert!(!cause.title(&estate.findings).contains("case:"), "{:?}", cause.key);
            }
        }
    }
}
