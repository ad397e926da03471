//! What a node's entry shall be: pure functions over what the registry lists.

use crate::core::ids::{InstanceId, StackId};
use crate::core::inventory::{Member, STACK_KEYS};
use crate::node::ThisNode;
use std::collections::BTreeMap;

/// The attribute behind the A record.
pub(super) const ADDRESS: &str = "AWS_INSTANCE_IPV4";

/// The key under which the fleet is written: the one its other members use, else the one that any
/// members of this service use, else STACK.
pub(super) fn stack_key(members: &[Member], node: &ThisNode) -> &'static str {
    let of_peers = members.iter().filter(|one| one.stack.as_ref() == Some(&node.stack));
    most_used(of_peers.filter(|one| one.id != node.id))
        .or_else(|| most_used(members.iter()))
        .unwrap_or(STACK_KEYS[0])
}

fn most_used<'a>(members: impl Iterator<Item = &'a Member> + Clone) -> Option<&'static str> {
    let count = |key: &str| members.clone().filter(|one| one.attributes.contains_key(key)).count();
    let [first, second] = STACK_KEYS.map(|key| (count(key), key));
    match (first.0, second.0) {
        (0, 0) => None,
        (one, other) if other > one => Some(second.1),
        _ => Some(first.1),
    }
}

/// All attributes of the entry: RegisterInstance replaces every one of them, so what others wrote
/// into it is sent again. An old entry under both keys keeps both, and they agree.
pub(super) fn attributes(
    old: Option<&Member>,
    key: &'static str,
    node: &ThisNode,
) -> BTreeMap<String, String> {
    let mut all = old.map(|old| (*old.attributes).clone()).unwrap_or_default();
    all.insert(ADDRESS.to_owned(), node.ip.to_string());
    for other in STACK_KEYS {
        if let Some(value) = all.get_mut(other) {
            node.stack.as_str().clone_into(value);
        }
    }
    all.insert(key.to_owned(), node.stack.to_string());
    all
}

/// The entry of an id. Where an endpoint keeps several under one id, the last one written counts.
pub(super) fn of<'a>(members: &'a [Member], id: &InstanceId) -> Option<&'a Member> {
    members.iter().rev().find(|one| &one.id == id)
}

/// Whether an entry is there as it was written.
pub(super) fn stands(
    members: &[Member],
    id: &InstanceId,
    wanted: &BTreeMap<String, String>,
) -> bool {
    members.iter().any(|one| {
        &one.id == id && wanted.iter().all(|(key, value)| one.attributes.get(key) == Some(value))
    })
}

/// The other members of a fleet. An entry whose two keys name different fleets is nobody's peer.
pub(super) fn peers<'a>(
    members: &'a [Member],
    stack: &'a StackId,
    own: &'a InstanceId,
) -> impl Iterator<Item = &'a Member> {
    members.iter().filter(move |one| {
        one.stack.as_ref() == Some(stack) && &one.id != own && one.contradicting_stacks().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn member(id: &str, attributes: &[(&str, &str)]) -> Member {
        let map = attributes.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        Member::new(id.into(), map.collect())
    }

    fn node() -> ThisNode {
        ThisNode {
            services: vec![],
            id: "i-0000000000000000a".into(),
            stack: "blue".into(),
            ip: Ipv4Addr::new(10, 0, 0, 1),
            notes: vec![],
        }
    }

    #[test]
    fn the_key_is_the_one_that_peers_use() {
        let rows: [(&[Member], &str); 5] = [
            (&[], "STACK"),
            (&[member("i-1", &[("STACK_ID", "blue")])], "STACK_ID"),
            (&[member("i-1", &[("STACK_ID", "green")])], "STACK_ID"),
            (
                &[member("i-1", &[("STACK", "blue")]), member("i-2", &[("STACK_ID", "green")])],
                "STACK",
            ),
            // Its own old entry is no peer.
            (
                &[
                    member("i-0000000000000000a", &[("STACK", "blue")]),
                    member("i-1", &[("STACK_ID", "blue")]),
                ],
                "STACK_ID",
            ),
        ];
        for (members, key) in rows {
            assert_eq!(stack_key(members, &node()), key, "{members:?}");
        }
    }

    #[test]
    fn what_others_wrote_into_the_entry_stays() {
        let written = |old: Option<&Member>, key| {
            attributes(old, key, &node())
                .into_iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(written(None, "STACK"), "AWS_INSTANCE_IPV4=10.0.0.1 STACK=blue");
        let old = member(
            "i-0000000000000000a",
            &[("AWS_INSTANCE_IPV4", "10.9.9.9"), ("STACK_ID", "green"), ("team", "obs")],
        );
        assert_eq!(
            written(Some(&old), "STACK"),
            "AWS_INSTANCE_IPV4=10.0.0.1 STACK=blue STACK_ID=blue team=obs"
        );
    }

    #[test]
    fn who_is_a_peer() {
        let members = [
            member("i-0000000000000000a", &[("STACK", "blue")]),
            member("i-1", &[("STACK", "blue")]),
            member("i-2", &[("STACK_ID", "blue")]),
            member("i-3", &[("STACK", "green")]),
            member("i-4", &[("STACK", "blue"), ("STACK_ID", "green")]),
            member("i-5", &[]),
        ];
        let node = node();
        let ids: Vec<_> =
            peers(&members, &node.stack, &node.id).map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["i-1", "i-2"]);
    }
}
