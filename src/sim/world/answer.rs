//! What a node answers to a request: the products' own words, from the node's state. The nodes'
//! listeners, the world's proxy, the load balancer's health checks and the simulated clients all
//! ask here, so they cannot disagree.

use super::{Instance, Phase, ProductState, World};
use crate::core::ids::{InstanceId, TargetGroupArn};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeAnswer {
    /// A status, a content type and a body.
    Http { status: u16, kind: &'static str, body: String },
    /// Elsewhere, or here again.
    Moved { to: &'static str },
    /// Nothing listens.
    Refused,
    /// The connection is accepted and nothing comes.
    Silence,
}

impl NodeAnswer {
    pub(super) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::Http { status, kind: "text/plain; charset=utf-8", body: body.into() }
    }

    /// As Loki and Tempo declare JSON.
    pub(super) fn json(status: u16, body: impl Into<String>) -> Self {
        Self::Http { status, kind: "application/json", body: body.into() }
    }

    fn grafana_json(status: u16, body: impl Into<String>) -> Self {
        Self::Http { status, kind: "application/json; charset=UTF-8", body: body.into() }
    }

    pub(super) fn html(body: impl Into<String>) -> Self {
        Self::Http { status: 200, kind: "text/html", body: body.into() }
    }

    /// A text whose encoding is not declared.
    pub(super) fn plain(body: impl Into<String>) -> Self {
        Self::Http { status: 200, kind: "text/plain", body: body.into() }
    }

    pub(super) fn metrics(body: String, newest: bool) -> Self {
        let kind = match newest {
            true => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            false => "text/plain; version=0.0.4; charset=utf-8",
        };
        Self::Http { status: 200, kind, body }
    }
}

/// What is asked of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Whether JSON is wanted.
    pub(crate) json: bool,
}

impl<'a> Asked<'a> {
    /// A path, as a health check asks it.
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, query: "", json: false }
    }
}

/// Go's words for a path that is not there.
pub(super) const NOT_FOUND: &str = "404 page not found\n";

impl World {
    /// What the node answers on `port`.
    pub(crate) fn node_answer(&self, id: &InstanceId, port: u16, asked: Asked<'_>) -> NodeAnswer {
        let Some(node) = self.instances.get(id) else { return NodeAnswer::Refused };
        if node.state != "running" || !node.alive || self.zone_failed(&node.zone) {
            return NodeAnswer::Refused;
        }
        let Some((name, product)) = node.products.iter().find(|(_, one)| one.port == port) else {
            return NodeAnswer::Refused;
        };
        match product.phase {
            Phase::Down => NodeAnswer::Refused,
            Phase::Frozen => NodeAnswer::Silence,
            _ => match name.as_str() {
                "grafana" => self.grafana(node, product, asked.path),
                "loki" | "tempo" => self.product_page(node, (name, product), asked),
                _ => self.aggregator(node, asked.path),
            },
        }
    }

    /// Whether a zone is down.
    pub(crate) fn zone_failed(&self, zone: &crate::core::ids::Zone) -> bool {
        self.zones.iter().any(|one| &one.name == zone && one.failed)
    }

    /// Whether the load balancer's check of a target passes now.
    pub(crate) fn check_passes(&self, arn: &TargetGroupArn, key: &(InstanceId, u16)) -> bool {
        let Some(group) = self.target_groups.get(arn) else { return false };
        let port = group.check.port.unwrap_or(key.1);
        if group.check.protocol == "TCP" {
            return self.node_answer(&key.0, port, Asked::get("/")) != NodeAnswer::Refused;
        }
        let path = group.check.path.as_deref().unwrap_or("/");
        let (low, high) = group.check.matcher;
        match self.node_answer(&key.0, port, Asked::get(path)) {
            NodeAnswer::Http { status, .. } => (low..=high).contains(&status),
            _ => false,
        }
    }

    /// Whether a client's request to this port of the node would be answered as it should.
    pub(crate) fn serves(&self, id: &InstanceId, port: u16) -> bool {
        let Some(node) = self.instances.get(id) else { return false };
        let up = node.state == "running" && node.alive && !self.zone_failed(&node.zone);
        let product = node.products.iter().find(|(_, one)| one.port == port);
        up && product.is_some_and(|(name, one)| {
            let database = name.as_str() != "grafana" || self.database_up;
            matches!(one.phase, Phase::Ready | Phase::Settling) && database
        })
    }

    fn grafana(&self, node: &Instance, product: &ProductState, path: &str) -> NodeAnswer {
        if product.phase == Phase::Starting {
            return NodeAnswer::text(503, "Grafana is starting\n");
        }
        match path {
            "/api/health" => {
                let (status, word) = if self.database_up { (200, "ok") } else { (503, "failing") };
                let version = &product.version;
                NodeAnswer::grafana_json(
                    status,
                    format!(
                        "{{\n  \"commit\": \"1763a0fd80\",\n  \"database\": \"{word}\",\n  \"version\": \"{version}\"\n}}"
                    ),
                )
            }
            "/healthz" => NodeAnswer::text(200, "Ok"),
            "/metrics" => self.grafana_metrics(node, product),
            _ => NodeAnswer::Moved { to: "/login" },
        }
    }

    /// The published aggregator: Grafana's health must be 200, the others' roots 404.
    fn aggregator(&self, node: &Instance, path: &str) -> NodeAnswer {
        if path != "/healthz" {
            return NodeAnswer::text(404, NOT_FOUND);
        }
        let asked = [("grafana", "/api/health", 200), ("loki", "/", 404), ("tempo", "/", 404)];
        let good = asked.iter().all(|(name, path, wanted)| {
            let product = node.products.iter().find(|(one, _)| one.as_str() == *name);
            product.is_none_or(|(_, one)| {
                matches!(
                    self.node_answer(&node.id, one.port, Asked::get(path)),
                    NodeAnswer::Http { status, .. } if status == *wanted
                )
            })
        });
        if good { NodeAnswer::text(200, "Healthy!") } else { NodeAnswer::text(500, "Unhealthy :(") }
    }
}
