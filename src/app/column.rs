//! The columns rows can be sorted by. Which of them fit on the terminal, and how wide they are, is
//! no matter of the model.

use super::screen::ScreenKind;
use crate::core::ids::Product;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A column of some screen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// A fleet's name.
    Stack,
    /// Where a fleet is: this place, or another one's context.
    Place,
    /// What a fleet does for the traffic.
    Role,
    /// Its share of the traffic.
    Traffic,
    /// Nodes in service.
    Nodes,
    /// Registry entries.
    Members,
    /// Healthy targets, the worst port.
    Targets,
    /// Healthy targets on a port.
    Port(u16),
    /// Probes, the worst product.
    Probes,
    /// Probes of a product.
    Product(Product),
    /// The worst finding.
    Finding,
    /// An instance's id.
    Instance,
    /// Its address.
    Ip,
    /// Its zone.
    Zone,
    /// Its lifecycle.
    Lifecycle,
    /// Its registry entry.
    Member,
    /// Which source says it.
    Source,
    /// What it says.
    Answer,
    /// How old it is.
    Age,
    /// A load balancer.
    Balancer,
    /// A listener.
    Listener,
    /// A target group.
    Group,
    /// A weight.
    Weight,
    /// How bad it is.
    Severity,
    /// Its kind.
    Kind,
    /// How many things it is about.
    Count,
    /// Since when.
    Since,
    /// When it was noticed.
    Time,
    /// What changed.
    Change,
    /// What is read.
    Scope,
    /// How the read stands.
    Status,
    /// How often it is read.
    Every,
    /// Calls made for it.
    Calls,
    /// A run.
    Run,
    /// A step of a run.
    Step,
    /// A product's ring.
    Ring,
    /// Members that are active.
    Active,
    /// A member's state.
    State,
    /// How long ago a member's last heartbeat was.
    Heartbeat,
    /// The tokens that a member owns.
    Tokens,
    /// A version.
    Version,
    /// Requests a second.
    Requests,
    /// The share of the requests: what the traffic shows.
    Shows,
}

impl fmt::Display for Column {
    /// The name an operator types: `sort role`, `sort 3100`, `sort loki`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Port(port) => return write!(f, "{port}"),
            Self::Product(product) => return f.write_str(product.as_str()),
            Self::Stack => "stack",
            Self::Place => "place",
            Self::Role => "role",
            Self::Traffic => "traffic",
            Self::Nodes => "nodes",
            Self::Members => "members",
            Self::Targets => "targets",
            Self::Probes => "probes",
            Self::Finding => "finding",
            Self::Instance => "instance",
            Self::Ip => "ip",
            Self::Zone => "zone",
            Self::Lifecycle => "lifecycle",
            Self::Member => "member",
            Self::Source => "source",
            Self::Answer => "answer",
            Self::Age => "age",
            Self::Balancer => "balancer",
            Self::Listener => "listener",
            Self::Group => "group",
            Self::Weight => "weight",
            Self::Severity => "severity",
            Self::Kind => "kind",
            Self::Count => "count",
            Self::Since => "since",
            Self::Time => "time",
            Self::Change => "change",
            Self::Scope => "scope",
            Self::Status => "status",
            Self::Every => "every",
            Self::Calls => "calls",
            Self::Run => "run",
            Self::Step => "step",
            Self::Ring => "ring",
            Self::Active => "active",
            Self::State => "state",
            Self::Heartbeat => "heartbeat",
            Self::Tokens => "tokens",
            Self::Version => "version",
            Self::Requests => "requests",
            Self::Shows => "shows",
        };
        f.write_str(name)
    }
}

impl Column {
    /// Whether the greatest is what one looks for first: the worst, the most, the latest.
    pub fn is_greatest_first(&self) -> bool {
        matches!(
            self,
            Self::Finding
                | Self::Severity
                | Self::Count
                | Self::Traffic
                | Self::Weight
                | Self::Calls
                | Self::Heartbeat
                | Self::Tokens
                | Self::Requests
                | Self::Shows
                | Self::Time
        )
    }
}

/// How rows are sorted. What is unknown stands last in either direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// By what.
    pub by: Column,
    /// The greatest first.
    pub descending: bool,
}

impl Sort {
    /// By this column, what one looks for first.
    pub(super) fn by(column: Column) -> Self {
        let descending = column.is_greatest_first();
        Self { by: column, descending }
    }
}

impl ScreenKind {
    /// The columns of this screen, in their order, those of single ports and products apart.
    pub fn columns(&self) -> &'static [Column] {
        use Column::{
            Active, Age, Answer, Balancer, Calls, Change, Count, Every, Finding, Group, Heartbeat,
            Instance, Ip, Kind, Lifecycle, Listener, Member, Members, Nodes, Place, Probes,
            Requests, Ring, Role, Run, Scope, Severity, Shows, Since, Source, Stack, State, Status,
            Step, Targets, Time, Tokens, Traffic, Version, Weight, Zone,
        };
        match self {
            Self::Fleets => &[
                Stack, Role, Traffic, Shows, Requests, Nodes, Members, Targets, Probes, Ring,
                Place, Finding,
            ],
            Self::Nodes(_) => {
                &[Instance, Ip, Zone, Lifecycle, Member, Targets, Probes, Ring, Requests, Finding]
            }
            Self::Node(_) => &[Source, Answer, Age],
            Self::Traffic => {
                &[Balancer, Listener, Group, Weight, Traffic, Requests, Targets, Stack]
            }
            Self::Findings => &[Severity, Kind, Count, Stack, Since],
            Self::Timeline => &[Time, Severity, Stack, Instance, Kind, Change],
            Self::Rings => &[Ring, Stack, Active, Version, Age, Finding],
            Self::Ring(..) => &[Member, Instance, State, Heartbeat, Tokens],
            Self::Sources => &[Source, Scope, Status, Age, Every, Calls],
            Self::Runs => &[Run, Kind, Stack, Status, Time],
            Self::Run(_) => &[Step],
        }
    }
}
