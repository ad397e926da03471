//! A screen: which one it is, and its rows with what is selected among them. Rows are ids; what
//! stands in them is looked up by whoever draws the few that are seen.

use super::column::{Column, Sort};
use super::command::Context;
use super::filter::Filter;
use super::selection::Selection;
use crate::core::cause::CauseKey;
use crate::core::commands::Next;
use crate::core::ids::{
    DnsName, InstanceId, ListenerArn, LoadBalancerArn, Product, ServiceId, StackId, TargetGroupArn,
};
use crate::core::run::RunId;
use crate::core::source::Scope;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which screen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenKind {
    /// All fleets. Home.
    Fleets,
    /// The nodes of a fleet, or (`None`) those of no fleet.
    Nodes(Option<StackId>),
    /// A node: what each source answers about it.
    Node(InstanceId),
    /// Load balancers, and where they send.
    Traffic,
    /// Everything that disagrees, worst first.
    Findings,
    /// Everything that changed, the latest first.
    Timeline,
    /// The rings of all fleets, a fleet and product each.
    Rings,
    /// A fleet's ring of a product: its members as each node sees them.
    Ring(StackId, Product),
    /// How each read stands.
    Sources,
    /// The runs of this host's state directory, the latest first.
    Runs,
    /// A run: its steps.
    Run(RunId),
}

impl ScreenKind {
    /// The context its own bindings stand in.
    pub fn context(&self) -> Context {
        match self {
            Self::Fleets => Context::Fleets,
            Self::Nodes(_) => Context::Nodes,
            Self::Node(_) => Context::Node,
            Self::Traffic => Context::Traffic,
            Self::Findings => Context::Findings,
            Self::Timeline => Context::Timeline,
            Self::Rings => Context::Rings,
            Self::Ring(..) => Context::Ring,
            Self::Sources => Context::Sources,
            Self::Runs => Context::Runs,
            Self::Run(_) => Context::Run,
        }
    }

    /// Its part of the way here, as the head shows it: `fleets › green-413 › i-0ab…`.
    pub fn crumb(&self) -> &str {
        match self {
            Self::Fleets => "fleets",
            Self::Nodes(Some(stack)) => stack.as_str(),
            Self::Nodes(None) => "no fleet",
            Self::Node(id) => id.as_str(),
            Self::Traffic => "traffic",
            Self::Findings => "findings",
            Self::Timeline => "timeline",
            Self::Rings => "rings",
            Self::Ring(_, product) => product.as_str(),
            Self::Sources => "sources",
            Self::Runs => "runs",
            Self::Run(id) => id.as_str(),
        }
    }
}

/// The thing a row is about. A selection is one of these, never a row's number (invariant 10).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowId {
    /// A fleet.
    Fleet(StackId),
    /// All nodes that belong to no fleet, together.
    NoFleet,
    /// A fleet of another place, by its context.
    Far(Arc<str>, StackId),
    /// What there is to say of a place as a whole: of another one, by its context; `None` is this one,
    /// while it has no fleet of its own beside those of others.
    Place(Option<Arc<str>>),
    /// A node.
    Node(InstanceId),
    /// What one source says of the node whose screen it is.
    Answer(Answer),
    /// A load balancer whose listeners are unknown, or that has none.
    Balancer(LoadBalancerArn),
    /// A listener that forwards to nobody.
    Listener(ListenerArn),
    /// A target group in an action of a listener.
    Forward {
        /// The listener.
        listener: ListenerArn,
        /// `default`, or the rule's priority.
        rule: Arc<str>,
        /// The group.
        target_group: TargetGroupArn,
    },
    /// One thing that is wrong, with all findings that come of it.
    Cause(CauseKey),
    /// A change, by its number in the timeline.
    Change(u64),
    /// A fleet's ring of a product.
    Ring(StackId, Product),
    /// A member of the ring whose screen it is, by its name and address.
    RingMember {
        /// The name it registered under.
        id: Arc<str>,
        /// The address it registered.
        address: Arc<str>,
    },
    /// A read; `None` stands for all probes together.
    Read(Option<Scope>),
    /// A run.
    Run(RunId),
    /// The lock of a run that this host does not know.
    Lock(ServiceId),
    /// A step of the run whose screen it is, from 1.
    Step(u32),
}

/// What one source says of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A finding about it, by its id.
    Finding(Arc<str>),
    /// EC2's word on the instance.
    Ec2,
    /// Its Auto Scaling group's word.
    Group,
    /// Its entry in a registry service, under this id.
    Member(ServiceId, InstanceId),
    /// Its registration with a target group, on this port.
    Target(TargetGroupArn, u16),
    /// A product's probe.
    Probe(Product),
    /// Its own page of a product's ring.
    Ring(Product),
    /// What a product counts: requests, what is not flushed.
    Metrics(Product),
    /// What DNS answers for the name of a registry service that has it.
    Dns(DnsName),
    /// A command to be copied: nobody's answer, but what to do next.
    Next(Next),
}

impl RowId {
    /// What to call it in a sentence.
    pub fn name(&self) -> String {
        match self {
            Self::Fleet(stack) => format!("fleet {stack}"),
            Self::NoFleet => "row of the nodes without a fleet".into(),
            Self::Far(context, stack) => format!("fleet {stack} of {context}"),
            Self::Place(Some(context)) => format!("row of {context}"),
            Self::Place(None) => "row of this place".into(),
            Self::Node(id) => format!("node {id}"),
            Self::Answer(Answer::Finding(_)) => "finding".into(),
            Self::Cause(key) => format!("finding {key}"),
            Self::Answer(Answer::Ec2) => "answer of EC2".into(),
            Self::Answer(Answer::Group) => "answer of Auto Scaling".into(),
            Self::Answer(Answer::Member(service, _)) => format!("entry in {service}"),
            Self::Answer(Answer::Target(arn, port)) => {
                format!("target of {}:{port}", crate::core::ids::arn_name(arn.as_str()))
            }
            Self::Answer(Answer::Probe(product)) => format!("probe of {product}"),
            Self::Answer(Answer::Ring(product)) => format!("ring of {product}"),
            Self::Answer(Answer::Metrics(product)) => format!("counters of {product}"),
            Self::Answer(Answer::Dns(name)) => format!("DNS answer for {name}"),
            Self::Answer(Answer::Next(_)) => "command".into(),
            Self::Balancer(arn) => {
                format!("load balancer {}", crate::core::ids::arn_name(arn.as_str()))
            }
            Self::Listener(_) => "listener".into(),
            Self::Forward { target_group, .. } => {
                format!("target group {}", crate::core::ids::arn_name(target_group.as_str()))
            }
            Self::Change(_) => "change".into(),
            Self::Ring(stack, product) => format!("ring of {product} in {stack}"),
            Self::RingMember { id, .. } => format!("member {id}"),
            Self::Read(Some(scope)) => format!("read of {scope}"),
            Self::Read(None) => "row of the probes".into(),
            Self::Run(id) => format!("run {id}"),
            Self::Lock(id) => format!("lock {id}"),
            Self::Step(number) => format!("step {number}"),
        }
    }
}

/// A screen and its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// Which one.
    pub kind: ScreenKind,
    /// Its rows.
    pub list: List,
}

impl Screen {
    /// A screen whose rows have not been made yet.
    pub(super) fn new(kind: ScreenKind) -> Self {
        Self { kind, list: List::default() }
    }
}

/// Rows as sorted and filtered, and the one that is selected. Made in `update` only, so that a
/// frame and a key cost nothing but the rows they touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    pub(super) selection: Selection<RowId>,
    pub(super) rows: Arc<[RowId]>,
    pub(super) total: usize,
    pub(super) sort: Option<Sort>,
    pub(super) filter: Filter,
}

impl List {
    /// The rows that are to be seen, in order.
    pub fn rows(&self) -> &[RowId] {
        &self.rows
    }

    /// How many rows there are, those included that the filter leaves out.
    pub fn total(&self) -> usize {
        self.total
    }

    /// What is selected.
    pub fn selected(&self) -> Option<&RowId> {
        self.selection.id()
    }

    /// Where the selected row stands among [`List::rows`].
    pub fn place(&self) -> usize {
        self.selection.place()
    }

    /// How the rows are sorted; `None` is the screen's own order.
    pub fn sort(&self) -> Option<&Sort> {
        self.sort.as_ref()
    }

    /// The direction in which the rows are sorted by this column, if they are.
    pub fn sorted_by(&self, column: &Column) -> Option<bool> {
        self.sort.as_ref().filter(|sort| sort.by == *column).map(|sort| sort.descending)
    }

    /// What the rows are filtered by.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }
}
