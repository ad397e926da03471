//! A finding is a value with a grammar: a full sentence about this very case, a fragment that
//! follows a count ("5 nodes: unregistered"), what the runbook says, and the fix it calls for.
//! Where the truth is unknown there is no finding: `reconcile` never says what it cannot prove.

use super::ids::{InstanceId, ServiceId, StackId, TargetGroupArn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How bad it is. The order is the order of badness.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something disagrees; traffic still flows.
    Warning,
    /// Traffic is lost or about to be.
    Critical,
}

/// What a finding calls for: one of our verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Fix {
    /// Write the node's registry entries (and targets) again as they should be.
    Reregister,
    /// Every safe fix of the fleet in one plan.
    Repair,
    /// Remove registry entries of instances proven gone.
    Deregister,
    /// Bring nodes back into the load balancer.
    Undrain,
    /// Move all listeners to one fleet.
    Cutover,
    /// Take the lock of a dead run over and end what it left.
    Takeover,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident, $severity:ident, $count:literal, $runbook:literal;)*) => {
        /// The kinds of finding, in the contract's words.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
            strum::Display, strum::EnumIter, strum::EnumString, strum::IntoStaticStr,
        )]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum FindingKind {
            $($(#[doc = $doc])* $kind,)*
        }

        impl FindingKind {
            /// How bad it is unless the case at hand is worse or milder.
            pub fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity,)* }
            }

            /// The fragment that follows a count: "5 nodes: unregistered".
            pub fn after_count(self) -> &'static str {
                match self { $(Self::$kind => $count,)* }
            }

            /// What to do, in one sentence.
            pub fn runbook(self) -> &'static str {
                match self { $(Self::$kind => $runbook,)* }
            }
        }
    };
}

kinds! {
    /// A node in service that its registry service does not know.
    UnregisteredNode, Warning, "unregistered",
        "Re-register the node; if it happens at every boot, replace the wiping boot script by `quarterdeck register`.";
    /// Many nodes in service, one registered: the boot script's wipe.
    BootRace, Critical, "hit by the boot race",
        "Repair the fleet in one plan, then replace the boot script: it deregisters its peers at every boot.";
    /// A registered instance that exists no more.
    GhostMember, Warning, "gone but still registered",
        "Deregister it once it is proven gone: DNS keeps answering its address until somebody does.";
    /// A registered address that is not the instance's.
    WrongIp, Warning, "registered with a wrong address",
        "Re-register the node with its own address; until then its peers gossip with a stranger.";
    /// A registered STACK that is not the node's.
    WrongStack, Warning, "registered under a wrong STACK",
        "Re-register the node under its own STACK; until then the boot script of the other fleet may remove it.";
    /// Two members with one address.
    DuplicateIp, Warning, "sharing an address",
        "Find out which of the two owns the address, and deregister the other.";
    /// Custom health says unhealthy.
    UnhealthyMember, Warning, "unhealthy in Cloud Map",
        "Look at the node: whoever reports its custom health says it is unhealthy, and DNS leaves it out.";
    /// A registry service without a member.
    ServiceEmpty, Critical, "empty",
        "Re-register the living nodes now: nodes that boot meanwhile form rings of one, and an empty DNS answer is cached.";
    /// In service, its group attached, and not a target.
    NotInTargetGroup, Warning, "missing from a target group",
        "Undrain the node if nobody drained it on purpose; Auto Scaling will not add it by itself.";
    /// A target that is none of the group's fleet.
    ForeignTarget, Warning, "foreign in a target group",
        "Find out who registered it; deregister it from this group if nobody needs it there.";
    /// The load balancer says unhealthy.
    UnhealthyTarget, Warning, "unhealthy to the load balancer",
        "Compare with the probes: if they pass, look at security groups and the health check's port and path.";
    /// All targets unhealthy, or none: traffic goes to all of them regardless.
    FailOpen, Critical, "failing open",
        "Bring back at least one healthy target, or move the listener away from this group; do not drain anything.";
    /// A zone the load balancer serves and the fleet does not.
    ZoneUncovered, Warning, "without a node in a zone",
        "Check the group's zones and the last launch failures; the zone is served by nobody of this fleet.";
    /// A zone that one group's sickness takes out of the load balancer's DNS.
    ZoneOutOfDns, Critical, "out of the load balancer's DNS",
        "Restore a healthy target in this zone for every group in use, or turn cross-zone load balancing on.";
    /// The listeners of one load balancer send to different fleets.
    ListenersSplit, Critical, "split between fleets",
        "Bring all listeners to the same fleet: some products' traffic goes to one fleet and some to the other.";
    /// Weights or attachments changed, and no run of ours did it.
    TrafficChangedOutside, Critical, "changed from outside",
        "Find out who changed it (CloudTrail, the last `terraform apply`) before you change anything yourself.";
    /// A network load balancer made without security groups.
    NlbWithoutSecurityGroup, Info, "without a security group",
        "Nothing urgent: an NLB made without security groups cannot get them later, so its targets must admit the whole VPC.";
    /// A product does not answer as it should.
    ProbeFailed, Warning, "failing a probe",
        "Open the node for the reason; restart or drain it if its peers are well.";
    /// Load balancer and probe contradict each other for too long.
    ProbeDisagrees, Warning, "seen differently by load balancer and probe",
        "Believe the probe about the product and the load balancer about the path; compare port, path and security groups.";
    /// The same check fails on every node: what they all depend on is down.
    DependencyFailure, Critical, "down with a shared dependency",
        "Fix the shared dependency (database, S3, DNS); drain and replace nothing, every node would fail the same way.";
    /// No node answers at all from where we stand.
    UnreachableFromHere, Warning, "unreachable from here",
        "Run quarterdeck where the nodes can be reached (VPN, a host in the VPC) or set a proxy for probes; nothing is known about the nodes.";
    /// Nothing replaces a node that fails its health check.
    NoSelfHeal, Info, "without self-healing",
        "Add ELB to the group's health check types if nodes that fail should be replaced by themselves.";
    /// Somebody suspended processes of a group.
    SuspendedProcesses, Warning, "with suspended processes",
        "Find out who suspended them and why; resume them when the reason is gone, after checking that every instance reads Healthy.";
    /// Launches fail.
    LaunchFailures, Critical, "failing to launch",
        "Read the activity's message (capacity, quota, template, permissions) and fix that first.";
    /// Nodes of one group run different versions.
    MixedVersions, Warning, "of mixed versions",
        "Finish or roll back the refresh: nodes of one fleet should be made from one launch template version.";
    /// DNS answers an address that no member has.
    DnsForeign, Warning, "answered by DNS though nobody's",
        "Wait for the record's TTL if it was only just deregistered; else find out whose resolver answers it: nodes that boot now may join a stranger.";
    /// DNS cannot answer all members.
    DnsTruncated, Info, "beyond what DNS answers",
        "Nothing to repair: an answer holds eight addresses. Nodes join by any of them; give each fleet a name of its own if the eight should not mix fleets.";
    /// A ring's member without a heartbeat.
    RingUnhealthy, Warning, "unhealthy in a ring",
        "Make sure that the member is gone for good, then make the ring forget it: until then it gets a share of the writes, and new nodes do not become ready.";
    /// A ring that has fallen apart.
    RingSplit, Critical, "in a split ring",
        "Check DNS and port 7946 between the parts, then restart the smaller part one node at a time; set memberlist.rejoin_interval so that it heals by itself.";
    /// A node that is a ring by itself.
    RingIsolatedNode, Critical, "alone in a ring",
        "Restart the product on the node once DNS answers its peers: without memberlist.rejoin_interval it never joins by itself, and with replication it refuses every write.";
    /// Two products in one ring or one gossip cluster.
    RingCrossJoined, Critical, "joined with another product's ring",
        "Give Loki and Tempo a memberlist.cluster_label each (Loki 2.7, Tempo 1.5) or names and ports of their own, restart them fleet by fleet, then make each ring forget the other's members.";
    /// A node that is in no ring of its fleet.
    RingNotJoined, Warning, "not in their ring",
        "Look at the product's log for `joining memberlist cluster`, and at DNS and port 7946 as the node sees them; restart the product on it.";
    /// Processes of a group that a run keeps suspended.
    Pinned, Info, "pinned by a run",
        "Nothing to do while its run goes on: it resumes what it suspended. If nobody is at work any more, take the run's lock over.";
    /// A run that is not over, and whose process or host is gone.
    LeftoverRun, Warning, "left behind by a run",
        "Make sure that nobody is at work on it; resume or roll back the run on its own host, or take its lock over from here: what it suspended stays suspended until then.";
    /// A rollback record of a run that is over: traffic is split by it, or something is suspended.
    LeftoverRecord, Warning, "with a rollback record left behind",
        "Put back what that run left (`quarterdeck takeover LOAD_BALANCER --rollback`), or move the traffic on with a cutover of your own.";
    /// Taken out on purpose (standby, or the mark of a drain).
    DrainedOnPurpose, Info, "drained on purpose",
        "Undrain the node when the work on it is done.";
}

/// Something that disagrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable as long as it is the same finding about the same things.
    pub id: String,
    /// Its kind.
    pub kind: FindingKind,
    /// How bad this case is.
    pub severity: Severity,
    /// The fleet it concerns.
    pub stack_id: Option<StackId>,
    /// The node it concerns.
    pub instance_id: Option<InstanceId>,
    /// The registry service it concerns.
    pub service_id: Option<ServiceId>,
    /// The target group it concerns.
    pub target_group: Option<TargetGroupArn>,
    /// Since when, as far as we saw.
    pub since: Timestamp,
    /// One sentence about this case.
    pub summary: String,
    /// One sentence what to do.
    pub runbook: String,
    /// The verb it calls for.
    pub fix: Option<Fix>,
}

impl Finding {
    /// A finding of a kind, about nothing in particular yet. `about` is what makes it this one
    /// among its kind beyond the ids (a product, a zone).
    pub fn new(kind: FindingKind, since: Timestamp, summary: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            kind,
            severity: kind.severity(),
            stack_id: None,
            instance_id: None,
            service_id: None,
            target_group: None,
            since,
            summary: summary.into(),
            runbook: kind.runbook().into(),
            fix: None,
        }
    }

    /// About this fleet.
    pub fn stack(mut self, stack: Option<&StackId>) -> Self {
        self.stack_id = stack.cloned();
        self
    }

    /// About this node.
    pub fn instance(mut self, id: &InstanceId) -> Self {
        self.instance_id = Some(id.clone());
        self
    }

    /// About this registry service.
    pub fn service(mut self, id: &ServiceId) -> Self {
        self.service_id = Some(id.clone());
        self
    }

    /// About this target group.
    pub fn group(mut self, arn: &TargetGroupArn) -> Self {
        self.target_group = Some(arn.clone());
        self
    }

    /// As bad as this.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Calls for this verb.
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// Gives it its id: a hash of the kind, the ids and `about`, so that the same finding keeps
    /// its id from round to round, from host to host and from version to version.
    pub fn identified(mut self, about: &str) -> Self {
        let parts = [
            self.kind.to_string(),
            text(self.stack_id.as_ref().map(StackId::as_str)),
            text(self.instance_id.as_ref().map(InstanceId::as_str)),
            text(self.service_id.as_ref().map(ServiceId::as_str)),
            text(self.target_group.as_ref().map(TargetGroupArn::as_str)),
            about.to_owned(),
        ];
        self.id = format!("{:016x}", fnv1a(parts.join("\u{1f}").as_bytes()));
        self
    }

    /// Whether this is the finding of its kind about its ids and this.
    pub fn is_about(&self, about: &str) -> bool {
        self.clone().identified(about).id == self.id
    }
}

fn text(id: Option<&str>) -> String {
    id.unwrap_or_default().to_owned()
}

/// FNV-1a, 64 bits: short, stable for ever, and good enough to tell findings apart.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn every_kind_has_its_words() {
        for kind in FindingKind::iter() {
            assert!(kind.runbook().ends_with('.'), "{kind}");
            assert!(!kind.after_count().ends_with('.'), "{kind}");
        }
    }

    #[test]
    fn ids_are_stable_and_tell_things_apart() {
        let at = Timestamp::UNIX_EPOCH;
        let one = |about| Finding::new(FindingKind::ProbeFailed, at, "x").identified(about).id;
        assert_eq!(one("loki"), one("loki"));
        assert_ne!(one("loki"), one("tempo"));
        let loki = Finding::new(FindingKind::ProbeFailed, at, "x").identified("loki");
        assert!(loki.is_about("loki") && !loki.is_about("tempo"));
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c, "the published test vector");
    }
}
