//! One fleet against another: what is different between them, what is the same, and what cannot be
//! told. Of what AWS and the products themselves say; the products' own configuration files are read
//! by nobody.

use super::estate::{Estate, Fleet, Node};
use super::ids::{GroupName, InstanceId, Product, StackId};
use super::inventory::Inventory;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// Something in which two fleets differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: `loki`, `launch template`.
    pub what: String,
    /// How it is with the one.
    pub own: String,
    /// How it is with the other.
    pub other: String,
}

/// One fleet against another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// In what they differ.
    pub differs: Vec<Difference>,
    /// What is the same.
    pub same: Vec<String>,
    /// What is not known of one of them.
    pub unknown: Vec<String>,
}

/// Compares two fleets; `None` where one of them is not there.
pub fn compare(
    inventory: &Inventory,
    estate: &Estate,
    (own, other): (&StackId, &StackId),
) -> Option<Comparison> {
    let side = |stack| {
        let fleet = estate.fleets.get(stack)?;
        let nodes = fleet.nodes.iter().filter_map(|id| estate.nodes.get(id).map(Arc::as_ref));
        Some(Side { inventory, fleet, nodes: nodes.filter(|node| node.is_living()).collect() })
    };
    let (own, other) = (side(own)?, side(other)?);
    let mut comparison = Comparison::default();
    let products: BTreeSet<&Product> = own.products().chain(other.products()).collect();
    for product in products {
        comparison.take(product.as_str(), own.version(product), other.version(product));
    }
    comparison.take("launch template", own.template(), other.template());
    comparison.take("image", own.image(), other.image());
    comparison.take("zones", own.zones(), other.zones());
    comparison.take("ports", own.ports(), other.ports());
    comparison.take("size", own.size(), other.size());
    comparison.take("health check", own.checks(), other.checks());
    Some(comparison)
}

/// The fleet that another is held against: the one that carries traffic, or, of that one, the
/// first that could.
pub fn counterpart<'a>(estate: &'a Estate, stack: &StackId) -> Option<&'a StackId> {
    let others = || estate.fleets.values().filter(|fleet| fleet.stack_id != *stack);
    let share = |fleet: &&Fleet| fleet.traffic_share.is_some_and(|share| share > 0.0);
    let found = others().find(share).or_else(|| others().next());
    found.map(|fleet| &fleet.stack_id)
}

impl Comparison {
    fn take(&mut self, what: &str, own: Option<String>, other: Option<String>) {
        match (own, other) {
            (Some(own), Some(other)) if own == other => self.same.push(what.to_owned()),
            (Some(own), Some(other)) => {
                self.differs.push(Difference { what: what.to_owned(), own, other });
            }
            _ => self.unknown.push(what.to_owned()),
        }
    }
}

/// A fleet and those of its nodes that live.
struct Side<'a> {
    inventory: &'a Inventory,
    fleet: &'a Fleet,
    nodes: Vec<&'a Node>,
}

impl<'a> Side<'a> {
    fn products(&self) -> impl Iterator<Item = &'a Product> + use<'a> {
        self.nodes.clone().into_iter().flat_map(|node| node.versions.keys())
    }

    /// What every node says; `None` as soon as one does not.
    fn of_nodes(&self, said: impl Fn(&Node) -> Option<String>) -> Option<String> {
        // Hundreds of nodes say one thing or two, and this is asked for a frame.
        let mut all: Vec<String> = Vec::new();
        for node in &self.nodes {
            let one = said(node)?;
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all.sort_unstable();
        (!all.is_empty()).then(|| joined(all))
    }

    fn version(&self, product: &Product) -> Option<String> {
        self.of_nodes(|node| node.versions.get(product).map(ToString::to_string))
    }

    fn template(&self) -> Option<String> {
        let is_own = |name: &GroupName| self.fleet.groups.iter().any(|of| of.name == *name);
        let groups = self.inventory.groups.value()?.iter().filter(|group| is_own(&group.name));
        let listed = groups.flat_map(|group| &group.instances).map(|one| (&one.id, one));
        let listed: FxHashMap<&InstanceId, _> = listed.collect();
        self.of_nodes(|node| {
            let own = listed.get(&node.id)?;
            let version = own.launch_template_version.as_deref()?;
            Some(match own.launch_template.as_deref() {
                Some(template) => format!("{template} v{version}"),
                None => format!("v{version}"),
            })
        })
    }

    fn image(&self) -> Option<String> {
        self.of_nodes(|node| {
            let dated = self.inventory.instances.get(&node.id)?;
            dated.value.as_ref()?.image.as_deref().map(str::to_owned)
        })
    }

    fn zones(&self) -> Option<String> {
        self.of_nodes(|node| node.zone.as_ref().map(ToString::to_string))
    }

    fn ports(&self) -> Option<String> {
        let ports: BTreeSet<u16> = self.fleet.targets.iter().map(|target| target.port).collect();
        (!ports.is_empty()).then(|| joined(ports))
    }

    /// Smallest, desired and largest size of its groups.
    fn size(&self) -> Option<String> {
        let groups = self.fleet.groups.iter();
        let all: BTreeSet<_> =
            groups.map(|of| format!("{}/{}/{}", of.min, of.desired, of.max)).collect();
        (!all.is_empty()).then(|| joined(all))
    }

    fn checks(&self) -> Option<String> {
        let all: BTreeSet<_> =
            self.fleet.groups.iter().map(|of| of.health_check_type.clone()).collect();
        (!all.is_empty()).then(|| joined(all))
    }
}

fn joined<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for one in all {
        let lead = if text.is_empty() { "" } else { " and " };
        let _ = write!(text, "{lead}{}", one.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::plan::fixture::{Told, green, world};

    fn stacks() -> (StackId, StackId) {
        ("blue".into(), "green".into())
    }

    fn compared(told: &Told) -> Comparison {
        let (blue, green) = stacks();
        compare(&told.inventory, &told.estate, (&blue, &green)).unwrap()
    }

    #[test]
    fn versions_differ_and_what_one_node_does_not_say_is_unknown() {
        let mut world = world();
        world.node(&green(1)).version = "9";
        let mut told = world.told();
        let mut say = |stack: &str, product: &str, versions: [&str; 2]| {
            for (number, id) in
                told.estate.fleets[&StackId::from(stack)].nodes.clone().iter().enumerate()
            {
                let version = versions[usize::from(number > 0)];
                let node = Arc::make_mut(told.estate.nodes.get_mut(id).unwrap());
                node.versions.insert(product.into(), version.into());
            }
        };
        say("blue", "loki", ["2.9.1", "2.9.1"]);
        say("green", "loki", ["3.0.0", "3.1.0"]);
        say("blue", "tempo", ["2.4.1", "2.4.1"]);
        say("green", "tempo", ["2.4.1", "2.4.1"]);
        let of = compared(&told);
        let [loki, template] = of.differs.as_slice() else { panic!("{of:#?}") };
        assert_eq!((loki.what.as_str(), loki.own.as_str()), ("loki", "2.9.1"));
        assert_eq!(loki.other, "3.0.0 and 3.1.0", "half a roll-out is said");
        assert_eq!(template.what, "launch template");
        assert!(template.other.contains("lt-1 v9"), "{template:?}");
        assert!(of.same.contains(&"tempo".to_owned()) && of.same.contains(&"ports".to_owned()));
        assert_eq!(of.unknown, ["image"]);
        Arc::make_mut(told.estate.nodes.get_mut(&green(0)).unwrap()).versions.clear();
        assert_eq!(compared(&told).unknown, ["loki", "tempo", "image"], "one node does not say");
    }

    #[test]
    fn a_fleet_is_held_against_the_one_with_the_traffic() {
        let (blue, green) = stacks();
        let mut told = world().told();
        assert_eq!(counterpart(&told.estate, &green), Some(&blue));
        assert_eq!(counterpart(&told.estate, &blue), Some(&green));
        told.estate.fleets.remove(&green);
        assert_eq!(counterpart(&told.estate, &blue), None);
        assert_eq!(compare(&told.inventory, &told.estate, (&blue, &green)), None);
    }
}
