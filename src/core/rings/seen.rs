//! Who sees whom: a product's ring as the nodes of one fleet tell it, view beside view.

use super::{NodeRing, RingGroup, RingStanding};
use crate::core::estate::{Estate, Node};
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::inventory::RingMember;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nodes of a fleet that see the same members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenBy<'a> {
    /// The fleet's nodes that see it; other fleets' may too.
    pub nodes: Vec<&'a InstanceId>,
    /// What they see.
    pub group: &'a RingGroup,
}

/// A member as each of several views has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSeen<'a> {
    /// The instance that has its address.
    pub owner: Option<&'a InstanceId>,
    /// A place a view; `None` where it does not have the member.
    pub by: Vec<Option<&'a RingMember>>,
}

impl<'a> MemberSeen<'a> {
    /// The word of the largest view that has it.
    pub fn member(&self) -> Option<&'a RingMember> {
        self.by.iter().flatten().next().copied()
    }
}

/// A fleet's views of a product's ring, the one that most nodes share first.
pub fn views_of<'a>(estate: &'a Estate, stack: &StackId, product: &Product) -> Vec<SeenBy<'a>> {
    let groups = estate.rings.get(product).into_iter().flat_map(|view| &view.groups);
    let own = |id: &&InstanceId| {
        estate.nodes.get(*id).is_some_and(|node| node.stack_id.as_ref() == Some(stack))
    };
    let views =
        groups.map(|group| SeenBy { nodes: group.nodes.iter().filter(own).collect(), group });
    let mut views: Vec<_> = views.filter(|view| !view.nodes.is_empty()).collect();
    views.sort_by(|a, b| b.nodes.len().cmp(&a.nodes.len()).then_with(|| a.nodes.cmp(&b.nodes)));
    views
}

/// The members of these views that are wanted, by name and address.
pub fn members_seen<'a>(
    views: &[SeenBy<'a>],
    wanted: impl Fn(&RingMember) -> bool,
) -> BTreeMap<(&'a str, &'a str), MemberSeen<'a>> {
    let mut all: BTreeMap<_, MemberSeen<'a>> = BTreeMap::new();
    for (place, view) in views.iter().enumerate() {
        for (member, owner) in view.group.members.iter().filter(|(member, _)| wanted(member)) {
            let seen = all.entry((&*member.id, &*member.address)).or_insert_with(|| MemberSeen {
                owner: owner.as_ref(),
                by: vec![None; views.len()],
            });
            if let Some(by) = seen.by.get_mut(place) {
                *by = Some(member);
            }
        }
    }
    all
}

/// A fleet's nodes that are in no view of a product's ring, each with what it says of itself.
pub fn outside<'a>(
    estate: &'a Estate,
    stack: &StackId,
    product: &'a Product,
) -> impl Iterator<Item = (&'a Node, &'a NodeRing)> {
    let ids = estate.fleets.get(stack).into_iter().flat_map(|fleet| &fleet.nodes);
    ids.filter_map(|id| estate.nodes.get(id).map(Arc::as_ref)).filter_map(move |node| {
        let own = node.rings.iter().find(|ring| ring.product == *product)?;
        let apart = matches!(
            own.standing,
            RingStanding::Missing
                | RingStanding::NotShared
                | RingStanding::Left
                | RingStanding::Unknown(_)
        );
        (apart && own.member.is_none()).then_some((node, own))
    })
}
