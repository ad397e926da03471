//! What drain, undrain and reregister share about targets: where a node is registered, where it
//! belongs, on which ports, and how long a target takes to leave.

use super::{DEREGISTRATION_DELAY, unread};
use crate::core::estate::Node;
use crate::core::ids::{InstanceId, TargetGroupArn};
use crate::core::observed::Observed;
use crate::core::plan::{Claim, Picture, Refusal, Target, TargetIs};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Where nodes are registered now, those that are leaving apart: by complete, young reads of every
/// group of their fleet.
pub(super) fn registered(
    picture: &Picture<'_>,
    groups: &BTreeSet<&TargetGroupArn>,
    nodes: &[&Node],
) -> Result<BTreeMap<TargetGroupArn, Vec<Target>>, Refusal> {
    let mut all = BTreeMap::new();
    for arn in groups {
        let name = || format!("target health of {}", picture.name_of(arn));
        let targets = picture.targets(arn).map_err(|why| unread(&why, &name()))?;
        let own: Vec<Target> = targets
            .iter()
            .map(|held| &held.value)
            .filter(|target| !target.is_leaving())
            .filter(|target| {
                let node = picture.behind(target);
                node.is_some_and(|node| nodes.iter().any(|of| of.id == node.id))
            })
            .map(|target| Target { id: target.id.clone(), port: target.port })
            .collect();
        if !own.is_empty() {
            all.insert((*arn).clone(), own);
        }
    }
    Ok(all)
}

/// Where a node belongs: the groups that its own Auto Scaling group is attached to now.
pub(super) fn belongs_to<'a>(picture: &Picture<'a>, node: &Node) -> Vec<&'a TargetGroupArn> {
    let group = node.group.as_ref().and_then(|name| picture.group(name));
    group.into_iter().flat_map(|group| &group.target_groups).collect()
}

/// Whether some listener names a group: only then does the load balancer check its targets. A group
/// that is not known is taken for named.
pub(super) fn is_named(picture: &Picture<'_>, arn: &TargetGroupArn) -> bool {
    picture.target_group(arn).is_none_or(|group| !group.load_balancers.is_empty())
}

/// What targets of a group come to once they are registered: healthy, or only registered where no
/// listener names the group, since nothing checks them there.
pub(super) fn taken_in(
    picture: &Picture<'_>,
    group: &TargetGroupArn,
    targets: Vec<Target>,
) -> Claim {
    let are = if is_named(picture, group) { TargetIs::Healthy } else { TargetIs::Registered };
    Claim::Targets { group: group.clone(), targets, are }
}

/// The targets that are missing where a node belongs, with the ports its peers use.
pub(super) fn missing(
    picture: &Picture<'_>,
    node: &Node,
) -> Result<BTreeMap<TargetGroupArn, Vec<Target>>, Refusal> {
    let mut all = BTreeMap::new();
    for arn in belongs_to(picture, node) {
        let name = || format!("target health of {}", picture.name_of(arn));
        let targets = picture.targets(arn).map_err(|why| unread(&why, &name()))?;
        let there: BTreeSet<u16> = targets
            .iter()
            .filter(|held| !held.value.is_leaving())
            .filter(|held| picture.behind(&held.value).is_some_and(|of| of.id == node.id))
            .map(|held| held.value.port)
            .collect();
        if !there.is_empty() {
            continue;
        }
        let id = match picture.target_group(arn).map(|group| group.target_type.as_str()) {
            Some("ip") => match node.private_ip {
                Some(ip) => InstanceId::from(ip.to_string()),
                None => continue,
            },
            _ => node.id.clone(),
        };
        let ports = peer_ports(picture, arn, node)?;
        let targets = ports.into_iter().map(|port| Target { id: id.clone(), port });
        all.insert(arn.clone(), targets.collect());
    }
    Ok(all)
}

/// The ports that most peers of a node use in a group; where there are none, the group's own.
fn peer_ports(
    picture: &Picture<'_>,
    arn: &TargetGroupArn,
    node: &Node,
) -> Result<BTreeSet<u16>, Refusal> {
    let mut users: BTreeMap<u16, BTreeSet<&InstanceId>> = BTreeMap::new();
    let mut peers: BTreeSet<&InstanceId> = BTreeSet::new();
    for held in picture.targets_known(arn).unwrap_or_default() {
        let Some(peer) = picture.behind(&held.value) else { continue };
        if peer.id != node.id && peer.stack_id == node.stack_id {
            peers.insert(&peer.id);
            users.entry(held.value.port).or_default().insert(&peer.id);
        }
    }
    let most = users.into_iter().filter(|(_, of)| of.len() * 2 > peers.len());
    let ports: BTreeSet<u16> = most.map(|(port, _)| port).collect();
    if !ports.is_empty() {
        return Ok(ports);
    }
    match picture.target_group(arn) {
        Some(group) => Ok(BTreeSet::from([group.port])),
        None => Err(unread(&crate::core::observed::Why::Never, &picture.name_of(arn))),
    }
}

/// The longest deregistration delay of these groups.
pub(super) fn delay<'g>(
    picture: &Picture<'_>,
    groups: impl Iterator<Item = &'g TargetGroupArn>,
) -> Duration {
    let of = |arn: &TargetGroupArn| {
        let read = picture.inventory.target_group_attributes.get(arn).and_then(Observed::value);
        read.and_then(|of| of.deregistration_delay_seconds).unwrap_or(DEREGISTRATION_DELAY)
    };
    let seconds = groups.map(of).max().unwrap_or_default();
    Duration::from_secs(u64::from(seconds))
}

/// Why a leaving target takes so long.
pub(super) fn delay_text(delay: Duration) -> String {
    format!(
        "the load balancer keeps a leaving target for its deregistration delay of {} s; connections \
         that are not idle may live up to an hour",
        delay.as_secs()
    )
}
