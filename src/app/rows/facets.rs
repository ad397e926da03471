//! What a row says of itself to a filter: each property a key and a value.

use super::{findings, rings, runs, sources, traffic};
use crate::app::elsewhere;
use crate::app::model::Model;
use crate::app::screen::{Answer, RowId, ScreenKind};
use crate::core::estate::{Fleet, Node};
use crate::core::finding::Finding;
use crate::core::inventory::Verdict;
use crate::core::lock::LockView;
use crate::core::query::{Facets, Query};
use crate::core::timeline;
use std::collections::BTreeMap;

pub(super) type Say<'a> = &'a mut dyn FnMut(&str, &str);

impl ScreenKind {
    /// The properties that this screen's filter knows.
    pub fn filter_keys(&self) -> &'static [&'static str] {
        match self {
            Self::Fleets => &["stack", "role", "context", "region", "finding", "severity"],
            Self::Nodes(_) => &[
                "stack",
                "id",
                "ip",
                "az",
                "lifecycle",
                "ec2",
                "member",
                "target",
                "probe",
                "ring",
                "finding",
                "severity",
            ],
            Self::Node(_) => &["source", "answer"],
            Self::Traffic => &["balancer", "port", "group", "stack"],
            Self::Findings => &["kind", "severity", "stack", "id", "text", "mark"],
            Self::Timeline => &timeline::KEYS,
            Self::Rings => &["ring", "stack", "state"],
            Self::Ring(..) => &["member", "address", "id", "state"],
            Self::Sources => &["source", "scope", "status"],
            Self::Runs => &["run", "verb", "stack", "state"],
            Self::Run(_) => &["step"],
        }
    }
}

/// Keeps the rows for which a filter holds.
pub(in crate::app) fn keep(model: &Model, kind: &ScreenKind, rows: &mut Vec<RowId>, query: &Query) {
    let about = match kind {
        ScreenKind::Fleets | ScreenKind::Nodes(_) => About::of(model, kind),
        _ => About::default(),
    };
    let entries = match kind {
        ScreenKind::Timeline => super::timeline::index(model),
        _ => BTreeMap::new(),
    };
    let ring = rings::index(model, kind);
    rows.retain(|row| match row {
        _ if matches!(kind, ScreenKind::Ring(..)) => {
            query.matches(&rings::Member { index: &ring, row })
        }
        RowId::Change(seq) => entries.get(seq).is_some_and(|entry| {
            let bookmark = model.timeline.is_bookmarked(*seq);
            query.matches(&Told { entry, bookmark })
        }),
        _ => query.matches(&Subject { model, about: &about, row }),
    });
}

/// Findings by what they are about: one pass over all of them, of which there may be thousands.
#[derive(Default)]
struct About<'a>(BTreeMap<&'a str, Vec<&'a Finding>>);

impl<'a> About<'a> {
    fn of(model: &'a Model, kind: &ScreenKind) -> Self {
        let mut all = Self::default();
        for finding in model.findings() {
            let id = match kind {
                ScreenKind::Fleets => finding.stack_id.as_ref().map(|it| it.as_str()),
                _ => finding.instance_id.as_ref().map(|it| it.as_str()),
            };
            if let Some(id) = id {
                all.0.entry(id).or_default().push(finding);
            }
        }
        all
    }

    fn say(&self, id: &str, say: Say<'_>) {
        for finding in self.0.get(id).into_iter().flatten() {
            say("finding", finding.kind.into());
            say("finding", finding.kind.after_count());
            say("severity", finding.severity.into());
        }
    }
}

/// An entry of the timeline, and what the operator put at it.
struct Told<'a> {
    entry: &'a timeline::Entry,
    bookmark: bool,
}

impl Facets for Told<'_> {
    fn facets(&self, say: Say<'_>) {
        self.entry.facets(say);
        if self.bookmark {
            say("mark", "bookmark");
        }
    }
}

struct Subject<'a> {
    model: &'a Model,
    about: &'a About<'a>,
    row: &'a RowId,
}

impl Facets for Subject<'_> {
    fn facets(&self, say: Say<'_>) {
        let Self { model, about, row } = self;
        match row {
            RowId::Fleet(stack) => {
                model.fleet(stack).into_iter().for_each(|fleet| self::fleet(fleet, say));
                about.say(stack.as_str(), say);
                here(model, say);
            }
            RowId::NoFleet => {
                say("stack", "(no fleet)");
                here(model, say);
            }
            RowId::Place(None) => here(model, say),
            RowId::Far(context, _) | RowId::Place(Some(context)) => far(model, context, row, say),
            RowId::Node(id) => {
                model.node(id).into_iter().for_each(|node| {
                    self::node(node, say);
                    ring_of(node, say);
                });
                about.say(id.as_str(), say);
            }
            RowId::Answer(answer) => self::answer(model, answer, say),
            RowId::Balancer(_) | RowId::Listener(_) | RowId::Forward { .. } => {
                wire(model, row, say)
            }
            RowId::Cause(_) => cause(model, row, say),
            // The timeline's entries speak for themselves.
            RowId::Change(_) => {}
            RowId::Ring(stack, product) => rings::say(model, (stack, product), say),
            // A ring's members speak through their index.
            RowId::RingMember { .. } => {}
            RowId::Read(_) => read(model, row, say),
            RowId::Run(_) => run(model, row, say),
            RowId::Lock(_) => {
                let lock = super::runs::lock(model, row);
                lock.into_iter().for_each(|lock| self::lock(lock, say));
            }
            RowId::Step(number) => step(model, *number, say),
        }
    }
}

fn fleet(fleet: &Fleet, say: Say<'_>) {
    say("stack", fleet.stack_id.as_str());
    say("role", fleet.role.into());
}

fn here(model: &Model, say: Say<'_>) {
    say("context", model.place.context.as_deref().unwrap_or("none"));
    say("region", model.place.region.as_deref().unwrap_or("unknown"));
}

fn far(model: &Model, context: &str, row: &RowId, say: Say<'_>) {
    say("context", context);
    let Some(place) = elsewhere::find(model, context) else { return };
    say("region", place.region.as_deref().unwrap_or("unknown"));
    let RowId::Far(_, stack) = row else { return };
    let Some(own) = place.fleets.get(stack) else { return };
    fleet(&own.fleet, say);
    for cause in &own.causes {
        say("finding", cause.kind.into());
        say("finding", cause.kind.after_count());
        say("severity", cause.severity.into());
    }
}

fn lock(lock: &LockView, say: Say<'_>) {
    lock.concerns().for_each(|stack| say("stack", stack.as_str()));
    say("", &lock.holder());
}

fn node(node: &Node, say: Say<'_>) {
    say("id", node.id.as_str());
    if let Some(ip) = node.private_ip {
        say("ip", &ip.to_string());
    }
    let texts = [
        ("stack", node.stack_id.as_ref().map(|it| it.as_str())),
        ("az", node.zone.as_ref().map(|it| it.as_str())),
        ("lifecycle", node.lifecycle.as_deref()),
        ("ec2", node.ec2_state.as_deref()),
    ];
    for (key, text) in texts {
        say(key, text.unwrap_or("unknown"));
    }
    if node.members.is_empty() {
        say("member", "none");
    }
    node.members.iter().for_each(|member| say("member", &member.service));
    // What is alike is said once: most targets of most nodes are healthy, and there are many.
    if node.targets.is_empty() {
        say("target", "none");
    } else if node.targets.iter().all(|target| target.is_healthy()) {
        say("target", "healthy");
    } else {
        for target in &node.targets {
            say("target", &format!("{}:{} {}", target.name, target.port, target.state_text()));
        }
    }
    if !node.probes.is_empty() && node.probes.iter().all(|it| it.verdict == Verdict::Pass) {
        say("probe", "pass");
    } else {
        for probe in &node.probes {
            say("probe", &format!("{} {}", probe.outcome.product, probe.verdict));
        }
    }
}

fn ring_of(node: &Node, say: Say<'_>) {
    for ring in &node.rings {
        say("ring", &format!("{} {}", ring.product, ring.standing));
    }
}

fn run(model: &Model, row: &RowId, say: Say<'_>) {
    let Some(seen) = runs::find(model, row) else { return };
    say("run", seen.run.id.as_str());
    say("verb", &seen.run.plan.intent.verb().to_string());
    say("state", seen.run.state.word());
    for stack in seen.run.plan.giving.iter().chain(&seen.run.plan.receiving) {
        say("stack", stack.as_str());
    }
}

fn step(model: &Model, number: u32, say: Say<'_>) {
    let ScreenKind::Run(id) = &model.screen().kind else { return };
    let seen = model.operation.runs.get(id);
    let steps = seen.into_iter().flat_map(|seen| &seen.run.plan.steps);
    for step in steps.filter(|step| step.number == number) {
        say("step", &step.title);
    }
}

fn answer(model: &Model, answer: &Answer, say: Say<'_>) {
    let ScreenKind::Node(id) = &model.screen().kind else { return };
    if let Some(source) = super::node::source(answer) {
        say("source", source.into());
    }
    let node = model.node(id);
    if let Some(word) = node.and_then(|node| super::node::word(node, answer)) {
        say("answer", &word);
    }
    match answer {
        Answer::Finding(id) => {
            let own = model.findings().iter().find(|one| *one.id == **id);
            own.into_iter().for_each(|one| say("answer", &one.summary));
        }
        Answer::Member(service, _) => say("answer", service.as_str()),
        Answer::Target(arn, port) => {
            say("answer", &format!("{}:{port}", crate::core::ids::arn_name(arn.as_str())));
        }
        Answer::Probe(product) | Answer::Ring(product) | Answer::Metrics(product) => {
            say("answer", product.as_str());
        }
        Answer::Dns(name) => say("answer", name.as_str()),
        Answer::Ec2 | Answer::Group | Answer::Next(_) => {}
    }
}

fn wire(model: &Model, row: &RowId, say: Say<'_>) {
    let Some(wire) = traffic::find(model, row) else { return };
    say("balancer", &wire.balancer.name);
    if let Some(listener) = wire.listener {
        say("port", &listener.port.to_string());
    }
    if let Some(forward) = wire.forward {
        say("group", &forward.name);
        forward.fleets.keys().for_each(|stack| say("stack", stack.as_str()));
    }
}

fn cause(model: &Model, row: &RowId, say: Say<'_>) {
    let Some(cause) = findings::find(model, row) else { return };
    say("kind", cause.key.kind.into());
    say("kind", cause.key.kind.after_count());
    say("severity", cause.severity.into());
    if model.snooze(&cause.key).is_some() {
        say("mark", "snoozed");
    }
    say("stack", cause.key.stack_id.as_ref().map_or("none", |stack| stack.as_str()));
    for finding in cause.findings(model.findings()) {
        if let Some(id) = &finding.instance_id {
            say("id", id.as_str());
        }
        say("text", &finding.summary);
    }
}

fn read(model: &Model, row: &RowId, say: Say<'_>) {
    let Some(read) = sources::find(model, row) else { return };
    say("source", read.source.into());
    say("status", &read.status.to_string());
    if let Some(scope) = &read.scope {
        say("scope", &scope.to_string());
    }
}
