//! The nodes: their products start, stop, freeze; ports open and close.

use super::agenda::Due;
use super::{Phase, ProductState, World};
use crate::core::ids::{InstanceId, Product};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

/// The products a node runs unless its world says otherwise, their usual ports, and the versions
/// that the measured answers come from.
pub(crate) const PRODUCTS: [(&str, u16, &str); 4] = [
    ("grafana", 3000, "11.2.0"),
    ("loki", 3100, "3.7.6"),
    ("tempo", 3200, "2.8.2"),
    ("healthz", 8080, "1.0.0"),
];

/// `min_ready_duration` of Loki and Tempo, in seconds.
const SETTLES: u64 = 15;
/// How often one that is kept from becoming ready looks again, in seconds.
const BLOCKED_LOOK: u64 = 5;

impl World {
    /// The usual port of a product in this world.
    pub(crate) fn port_of(&self, product: &str) -> u16 {
        let usual = PRODUCTS.iter().find(|(name, ..)| *name == product).map(|(_, port, _)| *port);
        usual.unwrap_or(8080).saturating_add(self.port_offset)
    }

    /// A free address in the network of a zone: 127.network.zone.host, a zone's hosts going on in
    /// the next free third byte. Freed addresses are used again, as in a VPC.
    pub(crate) fn take_address(&mut self, zone: usize) -> Ipv4Addr {
        // 40 third bytes a zone and 250 hosts in each: 10,000 nodes a zone.
        let base = u8::try_from(zone % 6).unwrap_or(0) * 40;
        for third in base..base + 40 {
            for host in 10..=250 {
                let address = Ipv4Addr::new(127, self.network, third, host);
                if self.addresses.insert(address) {
                    return address;
                }
            }
        }
        Ipv4Addr::new(127, self.network, 255, 254)
    }

    /// Gives an address back.
    pub(crate) fn free_address(&mut self, address: Ipv4Addr) {
        self.addresses.remove(&address);
    }

    /// Whether nobody has the address.
    pub(crate) fn is_free(&self, address: Ipv4Addr) -> bool {
        !self.addresses.contains(&address)
    }

    /// The products of a new node, all down.
    pub(crate) fn products_of(
        &self,
        products: &[(Product, String)],
    ) -> BTreeMap<Product, ProductState> {
        products
            .iter()
            .map(|(name, version)| {
                let port = self.port_of(name.as_str());
                let version = version.clone();
                let state = ProductState {
                    phase: Phase::Down,
                    version,
                    port,
                    start: 0,
                    started: self.now,
                    was_blocked: false,
                    requests: 0.0,
                    last_request: None,
                    flushed: None,
                };
                (name.clone(), state)
            })
            .collect()
    }

    /// A node's machine is up: its products start and its boot script runs.
    pub(super) fn node_booted(&mut self, id: &InstanceId) {
        let Some(node) = self.instances.get(id).filter(|one| one.state == "running") else {
            return;
        };
        let names: Vec<_> = node.products.keys().cloned().collect();
        for name in names {
            self.start_product(id, &name);
        }
        self.start_script(id);
    }

    /// A product is started.
    pub(crate) fn start_product(&mut self, id: &InstanceId, product: &Product) {
        let (change, now) = (self.next_change(), self.now);
        let Some(one) = self.instances.get_mut(id).and_then(|n| n.products.get_mut(product)) else {
            return;
        };
        one.phase = Phase::Starting;
        one.start = change;
        (one.started, one.was_blocked) = (now, false);
        (one.requests, one.last_request, one.flushed) = (0.0, None, None);
        // Measured: Loki's services run after 1-2 s, then 15 s of settling; Tempo takes up to 60 s
        // more for its compactor's ring; Grafana some seconds of migrations.
        let seconds = match product.as_str() {
            "tempo" => self.random.between(2, 60),
            "grafana" => self.random.between(4, 9),
            _ => 2,
        };
        let due = Due::ProductPhase { node: id.clone(), product: product.clone(), start: change };
        self.plan(Duration::from_secs(seconds), due);
        self.ring_starts(id, product, change);
        self.ports_change(id);
    }

    /// A product goes from starting to settling, or from settling to ready.
    pub(super) fn product_phase(&mut self, id: &InstanceId, product: &Product, start: u64) {
        let blocked = self.ring_blocks(id, product).is_some();
        let Some(one) = self.instances.get_mut(id).and_then(|n| n.products.get_mut(product)) else {
            return;
        };
        if one.start != start {
            return;
        }
        match one.phase {
            Phase::Starting if matches!(product.as_str(), "loki" | "tempo") => {
                one.phase = Phase::Settling;
                let due = Due::ProductPhase { node: id.clone(), product: product.clone(), start };
                self.plan(Duration::from_secs(SETTLES), due);
            }
            // A ring with an unhealthy member lets nobody new become ready; the while of settling
            // begins when it is gone.
            Phase::Settling if blocked || one.was_blocked => {
                one.was_blocked = blocked;
                let seconds = if blocked { BLOCKED_LOOK } else { SETTLES };
                let due = Due::ProductPhase { node: id.clone(), product: product.clone(), start };
                self.plan(Duration::from_secs(seconds), due);
                return;
            }
            Phase::Starting | Phase::Settling => one.phase = Phase::Ready,
            Phase::Stopping => {
                one.phase = Phase::Down;
                self.ports_changed += 1;
                self.ring_ends(id, product);
            }
            _ => {}
        }
        self.reassess_node(id);
    }

    /// A product is asked to stop: it answers that it is stopping, then it is gone. Measured:
    /// Tempo takes 30 s for that, the others 2 s.
    pub(crate) fn stop_product(&mut self, id: &InstanceId, product: &Product) {
        self.ring_leaves(id, product);
        self.set_phase(id, product, Phase::Stopping);
        let held = self.instances.get(id).and_then(|node| node.products.get(product));
        let Some(start) = held.map(|one| one.start) else { return };
        let seconds = if product.as_str() == "tempo" { 30 } else { 2 };
        let due = Due::ProductPhase { node: id.clone(), product: product.clone(), start };
        self.plan(Duration::from_secs(seconds), due);
    }

    /// Puts a product into a phase, at once.
    pub(crate) fn set_phase(&mut self, id: &InstanceId, product: &Product, phase: Phase) {
        let change = self.next_change();
        if let Some(one) = self.instances.get_mut(id).and_then(|n| n.products.get_mut(product)) {
            one.phase = phase;
            one.start = change;
            self.rings_follow(id);
            self.ports_change(id);
        }
    }

    /// All products of a node.
    pub(crate) fn set_all_phases(&mut self, id: &InstanceId, phase: Phase) {
        let change = self.next_change();
        if let Some(node) = self.instances.get_mut(id) {
            for one in node.products.values_mut() {
                one.phase = phase;
                one.start = change;
            }
        }
        self.rings_follow(id);
        self.ports_change(id);
    }

    /// Ports of a node opened or closed.
    pub(crate) fn ports_change(&mut self, id: &InstanceId) {
        self.ports_changed += 1;
        self.reassess_node(id);
    }

    /// The node that has an address now.
    pub(crate) fn node_at(&self, ip: Ipv4Addr) -> Option<InstanceId> {
        let mut all = self.instances.values();
        all.find(|one| one.ip == ip && one.state == "running").map(|one| one.id.clone())
    }

    /// The addresses that listen now, and the node behind each.
    pub(crate) fn open_ports(&self) -> BTreeMap<(Ipv4Addr, u16), InstanceId> {
        self.instances
            .values()
            .filter(|one| one.state == "running" && one.alive && !self.zone_failed(&one.zone))
            .flat_map(|node| {
                node.products
                    .values()
                    .filter(|one| one.phase != Phase::Down)
                    .map(|one| ((node.ip, one.port), node.id.clone()))
            })
            .collect()
    }
}
