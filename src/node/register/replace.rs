//! `--replace-stack`: what the boot script did, for fleets of one node: every other entry of the
//! fleet goes, proven gone or not. After this node is registered, so that the service is never
//! empty; and not at all where the fleet has, or might have, more than one node.

use super::write::Writer;
use super::{RegisterError, Step, entry, proof};
use crate::core::inventory::{AutoScalingGroup, STACK_KEYS};

/// Refuses where the fleet has more than one node: in this node's own group, or in another of the
/// same stack. A node on its way out does not count, since its replacement boots meanwhile.
pub(super) async fn is_alone(writer: &Writer<'_>) -> Result<(), RegisterError> {
    let groups = writer.insist(async || writer.cloud.groups().await).await;
    let groups = groups.map_err(RegisterError::Read)?;
    let node = writer.node;
    let Some(own) = proof::listing(&groups, &node.id) else {
        return Err(RegisterError::NoGroup { id: node.id.to_string() });
    };
    let tagged = |group: &&AutoScalingGroup| {
        group.name == own.name
            || STACK_KEYS
                .iter()
                .any(|key| group.tags.get(*key).is_some_and(|of| of == node.stack.as_str()))
    };
    let fleet: Vec<&AutoScalingGroup> = groups.iter().filter(tagged).collect();
    let nodes: usize = fleet.iter().map(|group| size(group)).sum();
    if nodes <= 1 {
        return Ok(());
    }
    let names: Vec<_> = fleet.iter().map(|group| group.name.to_string()).collect();
    let stack = node.stack.to_string();
    Err(RegisterError::ManyNodes { stack, nodes, groups: names.join(", ") })
}

/// How many nodes a group has or will have.
fn size(group: &AutoScalingGroup) -> usize {
    let leaving = |lifecycle: &str| lifecycle.starts_with("Terminat");
    let staying = group.instances.iter().filter(|one| !leaving(&one.lifecycle)).count();
    staying.max(usize::try_from(group.desired).unwrap_or(usize::MAX))
}

/// Takes out every other entry of the fleet.
pub(super) async fn others(writer: &mut Writer<'_>) -> Result<(), RegisterError> {
    for service in &writer.node.services {
        let members = writer.list(service).await.map_err(RegisterError::Read)?;
        let node = writer.node;
        let others: Vec<_> =
            entry::peers(&members, &node.stack, &node.id).map(|one| one.id.clone()).collect();
        for id in others {
            writer.remove(service, &id).await?;
            let why = "--replace-stack, and this fleet has one node".to_owned();
            (writer.say)(Step::Removed(service.clone(), id, why));
        }
    }
    Ok(())
}
