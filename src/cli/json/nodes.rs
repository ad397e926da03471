//! `nodes -o json`.

use super::rings::{NodeRequestsView, NodeRingView};
use super::{FindingView, Head, stamp, stamped};
use crate::cli::world::Round;
use crate::core::estate::{Node, NodeMember, NodeProbe, NodeTarget};
use crate::core::ids::{InstanceId, Product, ServiceId, StackId, TargetGroupArn, Zone};
use crate::core::inventory::Verdict;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct NodesView {
    #[serde(flatten)]
    pub head: Head,
    pub nodes: Vec<NodeView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct NodeView {
    pub instance_id: InstanceId,
    pub private_ip: Option<IpAddr>,
    pub availability_zone: Option<Zone>,
    pub stack_id: Option<StackId>,
    pub lifecycle: Option<Arc<str>>,
    pub asg_health: Option<Arc<str>>,
    pub launch_template_version: Option<Arc<str>>,
    pub drained_on_purpose: bool,
    pub members: Vec<MemberView>,
    pub targets: Vec<TargetView>,
    pub probes: Vec<ProbeView>,
    pub rings: Vec<NodeRingView>,
    pub requests: Vec<NodeRequestsView>,
    pub versions: BTreeMap<Product, Arc<str>>,
    pub findings: Vec<FindingView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct MemberView {
    pub service_id: ServiceId,
    pub service: Arc<str>,
    pub ipv4: Option<String>,
    pub stack: Option<StackId>,
    pub attributes: BTreeMap<String, String>,
    pub observed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct TargetView {
    pub target_group: TargetGroupArn,
    pub name: Arc<str>,
    pub port: u16,
    /// AWS's own word; null when the read is too old to go by.
    pub state: Option<Arc<str>>,
    pub reason: Option<String>,
    pub description: Option<String>,
    pub observed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct ProbeView {
    pub service: Product,
    pub url: String,
    pub verdict: Verdict,
    pub status: Option<u16>,
    pub latency_ms: Option<u32>,
    pub detail: String,
    pub observed_at: Timestamp,
}

impl NodesView {
    /// The nodes of all fleets, or of one.
    pub fn of(round: &Round, stack: Option<&StackId>) -> Self {
        let mut findings: BTreeMap<&InstanceId, Vec<FindingView>> = BTreeMap::new();
        for finding in &round.estate.findings {
            if let Some(id) = &finding.instance_id {
                findings.entry(id).or_default().push(FindingView::of(finding));
            }
        }
        let nodes = round
            .estate
            .nodes
            .values()
            .filter(|node| stack.is_none() || node.stack_id.as_ref() == stack)
            .map(|node| NodeView::of(node, findings.remove(&node.id).unwrap_or_default()))
            .collect();
        Self { head: Head::of(round), nodes }
    }
}

impl NodeView {
    fn of(node: &Node, findings: Vec<FindingView>) -> Self {
        Self {
            instance_id: node.id.clone(),
            private_ip: node.private_ip,
            availability_zone: node.zone.clone(),
            stack_id: node.stack_id.clone(),
            lifecycle: node.lifecycle.clone(),
            asg_health: node.asg_health.clone(),
            launch_template_version: node.launch_template_version.clone(),
            drained_on_purpose: node.drained_on_purpose,
            members: node.members.iter().map(MemberView::of).collect(),
            targets: node.targets.iter().map(TargetView::of).collect(),
            probes: node.probes.iter().map(ProbeView::of).collect(),
            rings: node.rings.iter().map(NodeRingView::of).collect(),
            requests: node.requests.iter().map(NodeRequestsView::of).collect(),
            versions: node.versions.clone(),
            findings,
        }
    }
}

impl MemberView {
    fn of(member: &NodeMember) -> Self {
        Self {
            service_id: member.service_id.clone(),
            service: member.service.clone(),
            ipv4: member.ipv4().map(str::to_owned),
            stack: member.stack.clone(),
            attributes: member.attributes.as_ref().clone(),
            observed_at: stamped(member.observed_at),
        }
    }
}

impl TargetView {
    fn of(target: &NodeTarget) -> Self {
        Self {
            target_group: target.target_group.clone(),
            name: target.name.clone(),
            port: target.port,
            state: target.state.clone().ok(),
            reason: target.reason.clone(),
            description: target.description.clone(),
            observed_at: stamped(target.observed_at),
        }
    }
}

impl ProbeView {
    fn of(probe: &NodeProbe) -> Self {
        let outcome = &probe.outcome;
        Self {
            service: outcome.product.clone(),
            url: outcome.url.clone(),
            verdict: probe.verdict,
            status: outcome.status,
            latency_ms: outcome.latency_ms,
            detail: outcome.detail.clone(),
            observed_at: stamp(probe.observed_at),
        }
    }
}
