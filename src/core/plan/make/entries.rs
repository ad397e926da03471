//! What a registry entry should be, and the steps that write and remove entries.

use super::draft::{Do, Draft};
use super::unread;
use crate::core::estate::Node;
use crate::core::ids::{InstanceId, ServiceId, StackId};
use crate::core::inventory::STACK_KEYS;
use crate::core::plan::{Claim, FactKind, Mutation, Picture, Refusal};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// All attributes of an entry.
pub(super) type Attributes = BTreeMap<String, String>;

/// The attribute that holds the address.
const ADDRESS: &str = "AWS_INSTANCE_IPV4";

/// An operation of Cloud Map ends within so long, and the list shows it.
const OPERATION_WITHIN: Duration = Duration::from_secs(180);

/// An entry as it is and as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub service: ServiceId,
    pub member: InstanceId,
    pub now: Option<Attributes>,
    pub wanted: Attributes,
}

/// The entries of a node that are missing or wrong, in every service where its fleet is expected or
/// where it is registered under its own id.
pub(super) fn wrong(picture: &Picture<'_>, node: &Node) -> Result<Vec<Entry>, Refusal> {
    let (Some(stack), Some(ip)) = (&node.stack_id, node.private_ip) else { return Ok(Vec::new()) };
    let fleet = picture.fleet(stack);
    let mut services: BTreeSet<ServiceId> = fleet
        .into_iter()
        .flat_map(|fleet| &fleet.registry)
        .filter(|of| of.expected > 0)
        .map(|of| of.service_id.clone())
        .collect();
    let own = node.members.iter().filter(|member| member.member_id == node.id);
    services.extend(own.map(|member| member.service_id.clone()));
    let mut all = Vec::new();
    for service in services {
        let what = || format!("members of {}", picture.service_name(&service));
        let members = picture.members(&service).map_err(|why| unread(&why, &what()))?;
        let now = members.iter().find(|one| one.id == node.id).map(|one| (*one.attributes).clone());
        let mut wanted = now.clone().unwrap_or_default();
        wanted.insert(ADDRESS.into(), ip.to_string());
        // An entry that has the other key too must not contradict itself.
        for key in STACK_KEYS.iter().filter(|key| wanted.contains_key(**key)).collect::<Vec<_>>() {
            wanted.insert((*key).into(), stack.to_string());
        }
        wanted.insert(peers_key(picture, &service, node)?.into(), stack.to_string());
        if now.as_ref() != Some(&wanted) {
            all.push(Entry { service, member: node.id.clone(), now, wanted });
        }
    }
    Ok(all)
}

/// The stack key that a node's peers use: those of its fleet, else anybody's, else STACK. An entry
/// that is right with one key is not rewritten for the other.
fn peers_key(
    picture: &Picture<'_>,
    service: &ServiceId,
    node: &Node,
) -> Result<&'static str, Refusal> {
    let what = || format!("members of {}", picture.service_name(service));
    let members = picture.members(service).map_err(|why| unread(&why, &what()))?;
    let own = members.iter().find(|one| one.id == node.id);
    let has = |member: &&crate::core::inventory::Member| {
        STACK_KEYS.into_iter().find(|key| member.attributes.contains_key(*key))
    };
    if let Some(key) = own.as_ref().and_then(has) {
        return Ok(key);
    }
    let of = |wanted: Option<&StackId>| {
        let peers = members.iter().filter(|one| one.id != node.id);
        let peers =
            peers.filter(|one| wanted.is_none_or(|stack| one.stack.as_ref() == Some(stack)));
        let mut votes = [0_usize; STACK_KEYS.len()];
        for key in peers.filter_map(|one| has(&one)) {
            for (vote, name) in votes.iter_mut().zip(STACK_KEYS) {
                *vote += usize::from(name == key);
            }
        }
        let [first, second] = votes;
        (first + second > 0).then(|| STACK_KEYS[usize::from(second > first)])
    };
    Ok(of(node.stack_id.as_ref()).or_else(|| of(None)).unwrap_or(STACK_KEYS[0]))
}

impl Draft<'_> {
    /// Writes an entry.
    pub fn write_entry(&mut self, entry: &Entry, address: Option<&str>) {
        let Entry { service, member, now, wanted } = entry;
        let name = self.picture.service_name(service);
        let register = |attributes: &Attributes| Mutation::RegisterInstance {
            service: service.clone(),
            member: member.clone(),
            attributes: attributes.clone(),
        };
        let claim = |is: Option<Attributes>| Claim::Member {
            service: service.clone(),
            member: member.clone(),
            is,
        };
        let verb = if now.is_some() { "correct" } else { "register" };
        let undo = match now {
            Some(now) => register(now),
            None => {
                Mutation::DeregisterInstance { service: service.clone(), member: member.clone() }
            }
        };
        let mut step = Do::change(format!("{verb} {member} in {name}"), register(wanted))
            .before(FactKind::Identity, self.place())
            .before(FactKind::Identity, claim(now.clone()))
            .after(claim(Some(wanted.clone())))
            .undo(undo)
            .within(OPERATION_WITHIN)
            .at_least(
                Duration::ZERO,
                "the operation is followed to its end, then seen in the list",
            );
        if let Some(address) = address {
            let (instance, address) = (member.clone(), address.to_owned());
            step = step.before(FactKind::Predicate, Claim::Ready { instance, address });
        }
        self.add(step);
    }

    /// Removes an entry; `keeps` is what the service must keep of the fleet until then.
    pub fn remove_entry(
        &mut self,
        (service, member, now): (&ServiceId, &InstanceId, &Attributes),
        before: impl IntoIterator<Item = Claim>,
    ) {
        let name = self.picture.service_name(service);
        let (service, member) = (service.clone(), member.clone());
        let claim = |is| Claim::Member { service: service.clone(), member: member.clone(), is };
        let mut step = Do::change(
            format!("deregister {member} from {name}"),
            Mutation::DeregisterInstance { service: service.clone(), member: member.clone() },
        )
        .before(FactKind::Identity, self.place())
        .before(FactKind::Identity, claim(Some(now.clone())))
        .after(claim(None))
        .undo(Mutation::RegisterInstance {
            service: service.clone(),
            member: member.clone(),
            attributes: now.clone(),
        })
        .within(OPERATION_WITHIN)
        .at_least(Duration::ZERO, "the operation is followed to its end, then seen in the list");
        for claim in before {
            step = step.before(FactKind::Predicate, claim);
        }
        self.add(step);
    }
}
