//! Rows of the Rings screen, a fleet and product each; and of a ring's screen, a member each: those
//! that need attention first, then those that left of late, then nodes that are not in it.

use super::Key;
use super::facets::Say;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::screen::{RowId, ScreenKind};
use crate::core::estate::Fleet;
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::inventory::RingState;
use crate::core::observed::Observed;
use crate::core::query::Facets;
use crate::core::rings::{
    FleetRing, MemberSeen, RingStanding, members_seen, outside, troubles, views_of,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn all(model: &Model) -> Vec<RowId> {
    let fleets = model.estate.iter().flat_map(|estate| estate.fleets.values());
    let rows = fleets.flat_map(|fleet| {
        products(model, fleet).into_iter().map(|product| (fleet.stack_id.clone(), product))
    });
    rows.map(|(stack, product)| RowId::Ring(stack, product)).collect()
}

/// The products whose rings are known of a fleet, be it that they were once.
fn products(model: &Model, fleet: &Fleet) -> BTreeSet<Product> {
    let mut all: BTreeSet<_> = fleet.rings.iter().map(|ring| ring.product.clone()).collect();
    if all.is_empty() {
        let read = |id: &InstanceId| model.inventory.rings.get(id).and_then(Observed::value);
        let first = fleet.nodes.iter().find_map(read);
        all.extend(first.into_iter().flatten().map(|held| held.value.product.clone()));
    }
    all
}

/// A fleet's ring of a product, as far as it is known now.
pub(in crate::app) fn find<'a>(
    model: &'a Model,
    stack: &StackId,
    product: &Product,
) -> Option<(&'a Fleet, &'a FleetRing)> {
    let fleet = model.fleet(stack)?;
    fleet.rings.iter().find(|ring| ring.product == *product).map(|ring| (fleet, ring))
}

pub(super) fn key(model: &Model, row: &RowId, column: &Column) -> Key {
    let RowId::Ring(stack, product) = row else { return Key::Unknown };
    let found = find(model, stack, product);
    match (column, found) {
        (Column::Ring, _) => Key::text(product.as_str()),
        (Column::Stack, _) => Key::text(stack.as_str()),
        (Column::Active, Some((_, ring))) => Key::part(ring.active, ring.of),
        (Column::Version, Some((_, ring))) => Key::maybe(ring.versions.keys().next()),
        (Column::Age, Some((_, ring))) => match Key::time(ring.observed_at) {
            Key::Number(at) => Key::Number(-at),
            other => other,
        },
        (Column::Finding, Some((fleet, ring))) => {
            let worst = troubles(fleet, ring).first().map(|trouble| trouble.severity);
            Key::Number(super::fleets::severity(worst))
        }
        _ => Key::Unknown,
    }
}

/// What a ring says of itself to a filter.
pub(super) fn say(model: &Model, (stack, product): (&StackId, &Product), say: Say<'_>) {
    say("ring", product.as_str());
    say("stack", stack.as_str());
    match find(model, stack, product) {
        Some((fleet, ring)) => {
            let troubles = troubles(fleet, ring);
            if troubles.is_empty() {
                say("state", "well");
            }
            troubles.iter().for_each(|trouble| say("state", &trouble.text));
        }
        None => say("state", "unknown"),
    }
}

/// The members of a ring as its fleet sees it, and the fleet's nodes that are not in it.
pub(super) fn members(model: &Model, stack: &StackId, product: &Product) -> Vec<RowId> {
    let Some(estate) = model.estate.as_deref() else { return Vec::new() };
    let seen = members_seen(&views_of(estate, stack, product), |_| true);
    let mut keyed: Vec<_> = seen
        .iter()
        .map(|(name, seen)| {
            let well = seen.by.iter().all(|by| by.is_some_and(|it| it.state == RingState::Active));
            ((well, seen.owner.map(InstanceId::as_str), *name), row(*name))
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    let mut rows: Vec<_> = keyed.into_iter().map(|(_, row)| row).collect();
    let out = outside(estate, stack, product);
    rows.extend(out.map(|(node, _)| RowId::Node(node.id.clone())));
    let left = find(model, stack, product).into_iter().flat_map(|(_, ring)| &ring.left);
    let left = left.filter(|one| !seen.contains_key(&(&*one.id, &*one.address)));
    rows.extend(left.map(|one| row((&one.id, &one.address))));
    rows
}

fn row((id, address): (&str, &str)) -> RowId {
    RowId::RingMember { id: id.into(), address: address.into() }
}

/// The instance behind a member's row.
pub(in crate::app) fn owner<'a>(
    model: &'a Model,
    (stack, product): (&StackId, &Product),
    row: &RowId,
) -> Option<&'a InstanceId> {
    let RowId::RingMember { id, address } = row else { return None };
    let views = views_of(model.estate.as_deref()?, stack, product);
    let seen = members_seen(&views, |one| one.id == *id && one.address == *address);
    seen.into_values().find_map(|seen| seen.owner)
}

/// The members of the ring whose screen it is, to be asked row by row.
#[derive(Default)]
pub(super) struct Index<'a> {
    seen: BTreeMap<(&'a str, &'a str), MemberSeen<'a>>,
    outside: BTreeMap<&'a InstanceId, &'a RingStanding>,
}

pub(super) fn index<'a>(model: &'a Model, kind: &'a ScreenKind) -> Index<'a> {
    let (ScreenKind::Ring(stack, product), Some(estate)) = (kind, model.estate.as_deref()) else {
        return Index::default();
    };
    let outside = outside(estate, stack, product);
    Index {
        seen: members_seen(&views_of(estate, stack, product), |_| true),
        outside: outside.map(|(node, ring)| (&node.id, &ring.standing)).collect(),
    }
}

impl Index<'_> {
    pub fn key(&self, row: &RowId, column: &Column) -> Key {
        let (name, address) = match row {
            RowId::RingMember { id, address } => (&**id, &**address),
            RowId::Node(id) if *column == Column::Instance => return Key::text(id.as_str()),
            RowId::Node(id) if *column == Column::State => {
                return Key::maybe(self.outside.get(id).map(ToString::to_string));
            }
            _ => return Key::Unknown,
        };
        let seen = self.seen.get(&(name, address));
        let member = seen.and_then(MemberSeen::member);
        match (column, member) {
            (Column::Member, _) => Key::text(name),
            (Column::Instance, _) => {
                Key::maybe(seen.and_then(|seen| seen.owner).map(InstanceId::as_str))
            }
            (Column::State, Some(member)) => Key::text(member.state.to_string()),
            (Column::State, None) => Key::text(RingState::Left.to_string()),
            (Column::Heartbeat, Some(member)) => number(member.heartbeat_age),
            (Column::Tokens, Some(member)) => number(member.tokens.map(u64::from)),
            _ => Key::Unknown,
        }
    }
}

fn number(number: Option<u64>) -> Key {
    number.map_or(Key::Unknown, Key::count)
}

/// A row of a ring's screen, speaking to a filter.
pub(super) struct Member<'a> {
    pub index: &'a Index<'a>,
    pub row: &'a RowId,
}

impl Facets for Member<'_> {
    fn facets(&self, say: Say<'_>) {
        match self.row {
            RowId::RingMember { id, address } => {
                say("member", id);
                say("address", address);
                let seen = self.index.seen.get(&(&**id, &**address));
                if let Some(owner) = seen.and_then(|seen| seen.owner) {
                    say("id", owner.as_str());
                }
                match seen {
                    Some(seen) => {
                        let states = seen.by.iter().flatten().map(|one| one.state.to_string());
                        states.for_each(|state| say("state", &state));
                        if seen.by.iter().any(Option::is_none) {
                            say("state", "unseen");
                        }
                    }
                    None => say("state", "LEFT"),
                }
            }
            RowId::Node(id) => {
                say("id", id.as_str());
                let standing = self.index.outside.get(id);
                say("state", &standing.map_or_else(|| "unknown".to_owned(), ToString::to_string));
            }
            _ => {}
        }
    }
}
