//! The pages of Loki and Tempo, as their versions have them (recorded from real servers): rings,
//! gossip, versions, readiness, metrics.

mod memberlist;
mod metrics;
mod ring;

use super::answer::{Asked, NOT_FOUND, NodeAnswer};
use super::ring_views::Shard;
use super::rings::{PeerId, has_ring};
use super::{Instance, Phase, ProductState, World};
use crate::core::ids::{InstanceId, Product};
use jiff::Timestamp;

/// What a Tempo without gossip answers.
const NO_GOSSIP: &str = "This instance doesn't use memberlist.";
/// What a ruler without a ring answers, as a page whatever is asked for.
const RULER: &str = "<!DOCTYPE html>\n<html>\n<head><meta charset=\"UTF-8\"><title>Ruler Status</title></head>\n<body>\n<h1>Ruler Status</h1>\n<p>Ruler running with shards disabled</p>\n</body>\n</html>";

/// The first two numbers of a version.
pub(crate) fn version(text: &str) -> (u32, u32) {
    let mut numbers =
        text.trim_start_matches('v').split(['.', '-']).map(|one| one.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// A product of a node that answers.
struct Page<'a> {
    world: &'a World,
    node: &'a Instance,
    name: &'a Product,
    product: &'a ProductState,
    version: (u32, u32),
    asked: Asked<'a>,
}

impl World {
    /// Loki's or Tempo's answer.
    pub(super) fn product_page(
        &self,
        node: &Instance,
        (name, product): (&Product, &ProductState),
        asked: Asked<'_>,
    ) -> NodeAnswer {
        let version = version(&product.version);
        let page = Page { world: self, node, name, product, version, asked };
        match asked.path {
            "/ready" => page.ready(),
            "/metrics" => page.metrics(),
            "/memberlist" => page.memberlist(),
            path => match name.as_str() {
                "loki" => page.loki(path),
                _ => page.tempo(path),
            },
        }
    }

    /// Grafana's metrics.
    pub(super) fn grafana_metrics(&self, node: &Instance, product: &ProductState) -> NodeAnswer {
        let page = Page {
            world: self,
            node,
            name: &"grafana".into(),
            product,
            version: version(&product.version),
            asked: Asked::get("/metrics"),
        };
        page.metrics()
    }

    /// What a node's product does that is told something by POST (or by GET, where that acts too).
    /// Nothing where this is no such path.
    pub(crate) fn node_told(
        &mut self,
        id: &InstanceId,
        port: u16,
        (path, form): (&str, &[(String, String)]),
    ) -> Option<NodeAnswer> {
        let node = self.instances.get(id)?;
        let (name, product) = node.products.iter().find(|(_, one)| one.port == port)?;
        let (name, version) = (name.clone(), version(&product.version));
        if !has_ring(&name) || !self.is_up(id, &name) {
            return None;
        }
        match (name.as_str(), path) {
            ("loki", "/ring") | ("tempo", "/ingester/ring") => {
                let member =
                    form.iter().find(|(key, _)| key == "forget").map(|(_, id)| id.clone())?;
                Some(self.forget(id, &name, &member))
            }
            ("loki", "/flush") => {
                self.flush(id, &name);
                Some(NodeAnswer::text(204, ""))
            }
            ("loki", "/ingester/prepare_shutdown") if version >= (2, 9) => {
                Some(NodeAnswer::text(204, ""))
            }
            ("loki", "/ingester/shutdown") => {
                self.flush(id, &name);
                self.ring_leaves(id, &name);
                let stays = form.iter().any(|(key, value)| key == "terminate" && value == "false");
                if !stays {
                    self.stop_product(id, &name);
                }
                Some(NodeAnswer::text(204, ""))
            }
            ("tempo", "/flush") => {
                self.flush(id, &name);
                Some(NodeAnswer::text(204, ""))
            }
            ("tempo", "/shutdown") => {
                self.flush(id, &name);
                self.stop_product(id, &name);
                Some(NodeAnswer::text(200, "shutdown job acknowledged"))
            }
            _ => None,
        }
    }

    fn forget(&mut self, id: &InstanceId, name: &Product, member: &str) -> NodeAnswer {
        match self.ring_forgets(id, name, member) {
            Ok(()) => NodeAnswer::Moved { to: "#" },
            Err(why) => NodeAnswer::text(500, format!("{why}\n")),
        }
    }

    fn flush(&mut self, id: &InstanceId, name: &Product) {
        let now = self.now;
        if let Some(one) = self.instances.get_mut(id).and_then(|node| node.products.get_mut(name)) {
            one.flushed = Some(now);
        }
    }
}

impl Page<'_> {
    fn is_loki(&self) -> bool {
        self.name.as_str() == "loki"
    }

    /// What its own clock says.
    fn now(&self) -> Timestamp {
        self.world.node_time(&self.node.id)
    }

    fn alone(&self) -> bool {
        self.world.ring_is_alone(&self.node.id, self.name)
    }

    fn gossip(&self) -> Vec<(&PeerId, &super::rings::Peer)> {
        self.world.gossip(&self.node.id, self.name)
    }

    fn loki(&self, path: &str) -> NodeAnswer {
        match path {
            "/services" => NodeAnswer::text(200, "server => Running\ningester => Running\n"),
            "/ring" => self.ring("ingester"),
            "/compactor/ring" => self.ring("compactor"),
            "/scheduler/ring" => self.ring("scheduler"),
            "/distributor/ring" if self.version >= (2, 5) => self.ring("distributor"),
            "/ruler/ring" => NodeAnswer::html(RULER),
            "/loki/api/v1/status/buildinfo" => self.build_info(),
            "/log_level" if self.version >= (3, 0) => {
                NodeAnswer::json(200, "{\"message\":\"Current log level is info\"}")
            }
            _ => NodeAnswer::text(404, NOT_FOUND),
        }
    }

    fn tempo(&self, path: &str) -> NodeAnswer {
        let new = self.version >= (3, 0);
        match path {
            "/api/echo" => NodeAnswer::text(200, "echo"),
            "/status/version" => {
                NodeAnswer::text(200, format!("tempo, version {}\n", self.product.version))
            }
            "/ingester/ring" if !new => self.ring("ingester"),
            "/compactor/ring" if !new => self.ring("compactor"),
            "/live-store/ring" if new => self.ring("live-store"),
            "/api/status/buildinfo" if self.version >= (2, 3) => self.build_info(),
            _ => NodeAnswer::text(404, NOT_FOUND),
        }
    }

    /// `/ready`, with the words of its version.
    fn ready(&self) -> NodeAnswer {
        let (loki, version) = (self.is_loki(), self.version);
        if loki && self.asked.method == "HEAD" {
            return NodeAnswer::text(405, "");
        }
        let services = if loki { 13 } else { 9 };
        match self.product.phase {
            Phase::Starting => NodeAnswer::text(
                503,
                format!("Some services are not Running:\nStarting: 1\nRunning: {services}\n"),
            ),
            Phase::Settling => match self.world.ring_blocks(&self.node.id, self.name) {
                Some(address) => NodeAnswer::text(
                    503,
                    format!("Ingester not ready: instance {address} past heartbeat timeout\n"),
                ),
                None if loki => {
                    NodeAnswer::text(503, "Ingester not ready: waiting for 15s after being ready\n")
                }
                None => NodeAnswer::text(
                    503,
                    "Ingester not ready: ingester check ready failed waiting for 15s after being ready\n",
                ),
            },
            Phase::Stopping if version >= (if loki { (2, 8) } else { (2, 0) }) => {
                NodeAnswer::text(503, "Application is stopping\n")
            }
            Phase::Stopping => NodeAnswer::text(
                503,
                "Some services are not Running:\nTerminated: 5\nStopping: 5\n",
            ),
            _ => NodeAnswer::text(200, "ready\n"),
        }
    }

    fn build_info(&self) -> NodeAnswer {
        let version = &self.product.version;
        NodeAnswer::json(
            200,
            format!(
                "{{\"version\":\"{version}\",\"revision\":\"local\",\"branch\":\"HEAD\",\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\"}}\n"
            ),
        )
    }

    /// The members of one of its rings.
    fn shards(&self, ring: &str) -> Vec<Shard> {
        if self.alone() {
            return vec![self.in_memory()];
        }
        if ring == "ingester" {
            let all = self.world.ring(&self.node.id, self.name).into_iter();
            return all.filter(|one| !one.left).collect();
        }
        self.smaller_ring(ring)
    }

    /// A ring that every product of its kind in the gossip is in, with one token each (Tempo's
    /// compactor: 512), and that forgets by itself.
    fn smaller_ring(&self, ring: &str) -> Vec<Shard> {
        let takes = |product: &Product| product.as_str() == "loki" || ring == "compactor";
        let all = self.world.ring(&self.node.id, self.name).into_iter();
        let living = all.filter(|one| !one.left && takes(&one.owner.1) && one.state == "ACTIVE");
        living
            .map(|one| {
                let tempo = one.owner.1.as_str() == "tempo";
                let address = match one.address.rsplit_once(':') {
                    Some((ip, _)) if tempo || ring == "distributor" => format!("{ip}:0"),
                    _ => one.address.clone(),
                };
                let first = one.tokens.split(',').next().unwrap_or_default().to_owned();
                let tokens = if tempo { one.tokens.clone() } else { first.into() };
                Shard { address, tokens, ..one }
            })
            .collect()
    }

    fn in_memory(&self) -> Shard {
        let id = &self.node.id;
        let tokens = if self.version >= (3, 0) { "" } else { "6974890,26107194,3204718093" };
        Shard {
            id: super::rings::host_name(id, self.name),
            address: "127.0.0.1:9095".to_owned(),
            state: "ACTIVE",
            beat: self.now(),
            registered: self.product.started,
            tokens: tokens.into(),
            left: false,
            owner: (id.clone(), self.name.clone()),
        }
    }
}
