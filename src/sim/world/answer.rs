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
    /// Nothing listens.
    Refused,
    /// The connection is accepted and nothing comes.
    Silence,
}

impl NodeAnswer {
    fn text(status: u16, body: impl Into<String>) -> Self {
        Self::Http { status, kind: "text/plain; charset=utf-8", body: body.into() }
    }

    fn json(status: u16, body: impl Into<String>) -> Self {
        Self::Http { status, kind: "application/json; charset=UTF-8", body: body.into() }
    }
}

/// Go's words for a path that is not there.
const NOT_FOUND: &str = "404 page not found\n";

impl World {
    /// What the node answers to `method path` on `port`.
    pub(crate) fn node_answer(
        &self,
        id: &InstanceId,
        port: u16,
        method: &str,
        path: &str,
    ) -> NodeAnswer {
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
                "grafana" => self.grafana(product, path),
                "loki" => loki(product, method, path),
                "tempo" => tempo(product, path),
                _ => self.aggregator(node, path),
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
            return self.node_answer(&key.0, port, "GET", "/") != NodeAnswer::Refused;
        }
        let path = group.check.path.as_deref().unwrap_or("/");
        let (low, high) = group.check.matcher;
        match self.node_answer(&key.0, port, "GET", path) {
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

    fn grafana(&self, product: &ProductState, path: &str) -> NodeAnswer {
        if product.phase == Phase::Starting {
            return NodeAnswer::text(503, "Grafana is starting\n");
        }
        match path {
            "/api/health" => {
                let (status, word) = if self.database_up { (200, "ok") } else { (503, "failing") };
                let version = &product.version;
                NodeAnswer::json(
                    status,
                    format!(
                        "{{\n  \"commit\": \"1763a0fd80\",\n  \"database\": \"{word}\",\n  \"version\": \"{version}\"\n}}"
                    ),
                )
            }
            "/healthz" => NodeAnswer::text(200, "Ok"),
            _ => NodeAnswer::text(302, "<a href=\"/login\">Found</a>.\n"),
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
                    self.node_answer(&node.id, one.port, "GET", path),
                    NodeAnswer::Http { status, .. } if status == *wanted
                )
            })
        });
        if good { NodeAnswer::text(200, "Healthy!") } else { NodeAnswer::text(500, "Unhealthy :(") }
    }
}

fn loki(product: &ProductState, method: &str, path: &str) -> NodeAnswer {
    match path {
        "/ready" if method == "HEAD" => NodeAnswer::text(405, ""),
        "/ready" => ready(product.phase, 13),
        "/services" => NodeAnswer::text(200, "server => Running\ningester => Running\n"),
        "/loki/api/v1/status/buildinfo" => build_info(&product.version),
        _ => NodeAnswer::text(404, NOT_FOUND),
    }
}

fn tempo(product: &ProductState, path: &str) -> NodeAnswer {
    match path {
        "/ready" => ready(product.phase, 9),
        "/api/echo" => NodeAnswer::text(200, "echo"),
        "/memberlist" => NodeAnswer::text(200, "This instance doesn't use memberlist."),
        "/status/version" => NodeAnswer::text(200, format!("tempo, version {}\n", product.version)),
        _ => NodeAnswer::text(404, NOT_FOUND),
    }
}

/// `/ready` of Loki and Tempo, as recorded from real servers.
fn ready(phase: Phase, services: u32) -> NodeAnswer {
    match phase {
        Phase::Starting => NodeAnswer::text(
            503,
            format!("Some services are not Running:\nStarting: 1\nRunning: {services}\n"),
        ),
        Phase::Settling => {
            NodeAnswer::text(503, "Ingester not ready: waiting for 15s after being ready\n")
        }
        Phase::Stopping => NodeAnswer::text(503, "Application is stopping\n"),
        _ => NodeAnswer::text(200, "ready\n"),
    }
}

fn build_info(version: &str) -> NodeAnswer {
    NodeAnswer::json(
        200,
        format!(
            "{{\"version\":\"{version}\",\"revision\":\"89d2dbc\",\"branch\":\"HEAD\",\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"go1.24\"}}"
        ),
    )
}
