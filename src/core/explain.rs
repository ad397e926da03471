//! A finding explained in one sentence: what is wrong, why it matters, and the one action that
//! mends it. The words are those of somebody who has to act at night.

use super::cause::Cause;
use super::finding::{Finding, FindingKind, Fix};

/// A finding in a sentence, in its three parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What is wrong, in this very case.
    pub what: String,
    /// Why it matters.
    pub why: &'static str,
    /// The one action.
    pub action: &'static str,
}

impl Explanation {
    /// The whole sentence.
    pub fn sentence(&self) -> String {
        let Self { what, why, action } = self;
        let what = what.trim_end_matches('.');
        match (why.is_empty(), action.is_empty()) {
            (false, false) => format!("{what}, so {why}: {action}."),
            (false, true) => format!("{what}, so {why}."),
            (true, _) => format!("{what}: {action}."),
        }
    }
}

/// Explains a finding.
pub fn explain(finding: &Finding) -> Explanation {
    let (why, fallback) = words(finding.kind);
    let action = finding.fix.map_or(fallback, |fix| verb(fix, finding.instance_id.is_some()));
    Explanation { what: finding.summary.clone(), why, action }
}

/// Explains a cause: its only case, or all of its cases together.
pub fn explain_cause(cause: &Cause, findings: &[Finding]) -> Option<Explanation> {
    let first = cause.findings(findings).next()?;
    let explanation = explain(first);
    Some(match cause.cases.len() {
        1 => explanation,
        _ => Explanation { what: cause.title(findings), ..explanation },
    })
}

/// What a fix is, as an order.
fn verb(fix: Fix, one_node: bool) -> &'static str {
    match fix {
        Fix::Reregister if one_node => "re-register the node",
        Fix::Reregister => "re-register the living nodes",
        Fix::Repair => "repair the fleet in one plan",
        Fix::Deregister => "deregister it",
        Fix::Undrain => "undrain the node",
        Fix::Cutover => "cut over to one fleet",
        Fix::Takeover => "take the lock over once nobody is at work on it",
    }
}

/// Why a kind of finding matters, and what to do about it where no verb of ours does it.
fn words(kind: FindingKind) -> (&'static str, &'static str) {
    match kind {
        FindingKind::UnregisteredNode => ("its peers never find it by DNS", "re-register the node"),
        FindingKind::BootRace => {
            ("the others are missing from DNS and from the rings", "repair the fleet in one plan")
        }
        FindingKind::GhostMember => {
            ("its peers are still sent to its address by DNS", "deregister it")
        }
        FindingKind::WrongIp => ("its peers gossip with a stranger", "re-register the node"),
        FindingKind::WrongStack => {
            ("the other fleet's boot script may remove it", "re-register the node")
        }
        FindingKind::DuplicateIp => (
            "half of what is sent to one reaches the other",
            "find the owner of the address and deregister the other",
        ),
        FindingKind::UnhealthyMember => {
            ("nobody finds it by DNS", "find out who reports it unhealthy, and mend the node")
        }
        FindingKind::ServiceEmpty => {
            ("every node that boots now forms a ring of its own", "re-register the living nodes")
        }
        FindingKind::NotInTargetGroup => ("it gets no traffic", "undrain the node"),
        FindingKind::ForeignTarget => (
            "it gets traffic that is meant for others",
            "deregister the target if nobody needs it there",
        ),
        FindingKind::UnhealthyTarget => {
            ("it gets no new connections", "compare the health check with our probe of that port")
        }
        FindingKind::FailOpen => (
            "health no longer decides who gets its traffic",
            "bring back one healthy target, and drain nothing",
        ),
        FindingKind::ZoneUncovered => (
            "losing one more zone costs more than planned",
            "find out why the group launches nothing there",
        ),
        FindingKind::ZoneOutOfDns => (
            "clients of that zone go elsewhere or fail",
            "restore a healthy target there in every group in use",
        ),
        FindingKind::ListenersSplit => {
            ("products answer from different fleets", "cut over to one fleet")
        }
        FindingKind::TrafficChangedOutside => {
            ("what you plan may rest on a view that is gone", "find out who did it before you act")
        }
        other => words_of_health_and_groups(other),
    }
}

fn words_of_health_and_groups(kind: FindingKind) -> (&'static str, &'static str) {
    match kind {
        FindingKind::NlbWithoutSecurityGroup => {
            ("its targets must admit the whole VPC", "nothing to do now")
        }
        FindingKind::ProbeFailed => {
            ("it cannot do its work", "restart or drain the node if its peers are well")
        }
        FindingKind::ProbeDisagrees => (
            "one of the two looks at the wrong thing",
            "compare port, path and security groups of both checks",
        ),
        FindingKind::DependencyFailure => (
            "replacing or draining nodes would not help",
            "mend the shared dependency, and drain nothing",
        ),
        FindingKind::UnreachableFromHere => (
            "nothing here says how they are",
            "run quarterdeck from where the nodes can be reached",
        ),
        FindingKind::NoSelfHeal => {
            ("a sick node stays until somebody acts", "add ELB to the group's health checks")
        }
        FindingKind::SuspendedProcesses => {
            ("the group does not do that by itself", "find out who suspended them, then resume")
        }
        FindingKind::LaunchFailures => (
            "nodes that are lost are not replaced",
            "mend what the message names, and let the group retry",
        ),
        FindingKind::MixedVersions => {
            ("nodes of one fleet may behave differently", "finish or roll back the refresh")
        }
        FindingKind::Pinned => {
            ("the group does not do that until the run ends", "wait for the run to end")
        }
        FindingKind::LeftoverRun => (
            "nobody else can work on it and what it suspended stays so",
            "take the lock over once nobody is at work on it",
        ),
        FindingKind::LeftoverRecord => (
            "the next run cannot begin while something stays suspended, and traffic stays as it is",
            "put back what that run left, or move the traffic on",
        ),
        FindingKind::DrainedOnPurpose => {
            ("it gets no traffic until it is brought back", "undrain the node")
        }
        other => words_of_rings_and_dns(other),
    }
}

fn words_of_rings_and_dns(kind: FindingKind) -> (&'static str, &'static str) {
    match kind {
        FindingKind::DnsForeign => (
            "nodes that boot now may join a stranger",
            "wait for the record's TTL, then find out whose resolver answers it",
        ),
        FindingKind::DnsTruncated => {
            ("an answer never shows all of them", "nothing to do unless the eight mix fleets")
        }
        FindingKind::RingUnhealthy => (
            "it gets a share of the writes and keeps new nodes from becoming ready",
            "make sure that it is gone for good, then make the ring forget it",
        ),
        FindingKind::RingSplit => (
            "each part answers from its own data alone",
            "check DNS and the gossip port between the parts, then restart the smaller part",
        ),
        FindingKind::RingIsolatedNode => (
            "its peers' data is not asked for there",
            "restart the product on it once DNS answers its peers",
        ),
        FindingKind::RingCrossJoined => (
            "each sends its data to the other's servers",
            "give each product a cluster label, and restart them fleet by fleet",
        ),
        FindingKind::RingNotJoined => (
            "it gets no share of the writes",
            "look for DNS and the gossip port in the product's log, then restart it",
        ),
        // A kind that has no words here yet is explained by its runbook.
        other => ("", other.runbook().trim_end_matches('.')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use strum::IntoEnumIterator;

    #[test]
    fn every_kind_is_explained_in_one_sentence() {
        for kind in FindingKind::iter() {
            let finding = Finding::new(kind, Timestamp::UNIX_EPOCH, "green has it");
            let Explanation { why, action, .. } = explain(&finding);
            assert!(!why.is_empty() && !action.is_empty(), "{kind}");
            for part in [why, action] {
                assert!(!part.ends_with('.') && !part.contains(". "), "{kind}: {part}");
                assert!(!part.starts_with(char::is_uppercase), "{kind}: {part}");
            }
        }
    }

    #[test]
    fn the_sentence_names_what_why_and_the_verb() {
        let at = Timestamp::UNIX_EPOCH;
        let case = Finding::new(FindingKind::UnregisteredNode, at, "i-1 is not registered in glt");
        let node = case.clone().instance(&"i-1".into()).fix(Fix::Reregister);
        assert_eq!(
            explain(&node).sentence(),
            "i-1 is not registered in glt, so its peers never find it by DNS: re-register the node."
        );
        let empty = Finding::new(FindingKind::ServiceEmpty, at, "glt is empty.");
        let empty = explain(&empty.fix(Fix::Reregister)).sentence();
        assert!(empty.ends_with("ring of its own: re-register the living nodes."), "{empty}");
    }
}
