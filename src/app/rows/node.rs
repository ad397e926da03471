//! Rows of a node's screen: what disagrees about it, then each source's answer.

use super::Key;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::screen::{Answer, RowId};
use crate::core::commands::{self, NextCommand};
use crate::core::estate::Node;
use crate::core::ids::InstanceId;
use crate::core::observed::Observed;
use crate::core::rings::DnsView;
use crate::core::source::Source;
use jiff::Timestamp;
use std::collections::BTreeSet;

pub(super) fn all(model: &Model, id: &InstanceId) -> Vec<RowId> {
    let Some(node) = model.node(id) else { return Vec::new() };
    let own = model.findings().iter().filter(|one| one.instance_id.as_ref() == Some(id));
    let mut answers: Vec<Answer> = own.map(|one| Answer::Finding(one.id.as_str().into())).collect();
    answers.extend([Answer::Ec2, Answer::Group]);
    let member = |it: &crate::core::estate::NodeMember| {
        Answer::Member(it.service_id.clone(), it.member_id.clone())
    };
    answers.extend(node.members.iter().map(member));
    let targets = node.targets.iter();
    answers.extend(targets.map(|it| Answer::Target(it.target_group.clone(), it.port)));
    answers.extend(node.probes.iter().map(|it| Answer::Probe(it.outcome.product.clone())));
    // What is too old to say how it stands is an answer still.
    let read = model.inventory.rings.get(id).and_then(Observed::value).into_iter().flatten();
    let read = read.map(|it| &it.value.product);
    let rings: BTreeSet<_> = read.chain(node.rings.iter().map(|it| &it.product)).collect();
    answers.extend(rings.into_iter().map(|product| Answer::Ring(product.clone())));
    let counted = model.inventory.metrics.get(id).and_then(Observed::value);
    answers.extend(counted.into_iter().flatten().map(|it| Answer::Metrics(it.product.clone())));
    let dns = model.estate.iter().flat_map(|estate| &estate.dns);
    let fleet = node.stack_id.as_ref().and_then(|stack| model.fleet(stack));
    let registry = fleet.map(|fleet| fleet.registry.as_slice()).unwrap_or_default();
    let services = node.members.iter().map(|it| &it.service_id);
    let services: BTreeSet<_> = services.chain(registry.iter().map(|it| &it.service_id)).collect();
    let own = |view: &&DnsView| services.contains(&view.service);
    answers.extend(dns.filter(own).map(|view| Answer::Dns(view.name.clone())));
    answers.extend(commands(model, id).into_iter().map(|one| Answer::Next(one.next)));
    answers.into_iter().map(RowId::Answer).collect()
}

/// The commands that somebody may want next.
pub(in crate::app) fn commands(model: &Model, id: &InstanceId) -> Vec<NextCommand> {
    let found = model.estate.as_deref().zip(model.node(id));
    let of = |(estate, node)| commands::of_node(estate, node, model.place.reach());
    found.map(of).unwrap_or_default()
}

pub(super) fn key(model: &Model, id: &InstanceId, row: &RowId, column: &Column) -> Key {
    let (RowId::Answer(answer), Some(node)) = (row, model.node(id)) else { return Key::Unknown };
    match column {
        Column::Source => source(answer).map_or(Key::Unknown, |it| Key::text(it.to_string())),
        Column::Answer => Key::maybe(word(node, answer)),
        // The youngest first: age grows as the time of observation falls.
        Column::Age => match Key::time(observed(model, node, answer)) {
            Key::Number(at) => Key::Number(-at),
            other => other,
        },
        _ => Key::Unknown,
    }
}

/// Who answers; a finding is our own word.
pub(super) fn source(answer: &Answer) -> Option<Source> {
    match answer {
        Answer::Finding(_) | Answer::Next(_) => None,
        Answer::Ec2 => Some(Source::Ec2),
        Answer::Group => Some(Source::AutoScaling),
        Answer::Member(..) => Some(Source::CloudMap),
        Answer::Target(..) => Some(Source::Elbv2),
        Answer::Probe(_) => Some(Source::Probes),
        Answer::Ring(_) => Some(Source::Rings),
        Answer::Metrics(_) => Some(Source::Metrics),
        Answer::Dns(_) => Some(Source::Dns),
    }
}

pub(super) fn word(node: &Node, answer: &Answer) -> Option<String> {
    match answer {
        Answer::Finding(_) | Answer::Next(_) => None,
        Answer::Ec2 => node.ec2_state.as_deref().map(str::to_owned),
        Answer::Group => node.lifecycle.as_deref().map(str::to_owned),
        Answer::Member(service, id) => {
            let own = |it: &&crate::core::estate::NodeMember| {
                it.service_id == *service && it.member_id == *id
            };
            node.members.iter().find(own).and_then(|it| it.ipv4()).map(str::to_owned)
        }
        Answer::Target(arn, port) => {
            target(node, arn, *port).and_then(|it| it.state.as_deref().ok()).map(str::to_owned)
        }
        Answer::Probe(product) => {
            let own = node.probes.iter().find(|it| it.outcome.product == *product);
            own.map(|it| it.verdict.to_string())
        }
        Answer::Ring(product) => {
            let own = node.rings.iter().find(|it| it.product == *product);
            own.map(|it| it.standing.to_string())
        }
        Answer::Metrics(product) => {
            let own = node.requests.iter().find(|it| it.product == *product);
            own.and_then(|it| it.per_second).map(|rate| rate.to_string())
        }
        Answer::Dns(name) => Some(name.to_string()),
    }
}

fn target<'a>(
    node: &'a Node,
    arn: &crate::core::ids::TargetGroupArn,
    port: u16,
) -> Option<&'a crate::core::estate::NodeTarget> {
    node.targets.iter().find(|it| it.target_group == *arn && it.port == port)
}

fn observed(model: &Model, node: &Node, answer: &Answer) -> Option<Timestamp> {
    match answer {
        Answer::Finding(id) => {
            let own = model.findings().iter().find(|one| *one.id == **id);
            own.map(|one| one.since)
        }
        Answer::Next(_) => None,
        Answer::Ec2 => model.inventory.instances.get(&node.id).map(|said| said.at),
        Answer::Group => model.inventory.groups.observed_at(),
        Answer::Member(service, id) => {
            let own =
                node.members.iter().find(|it| it.service_id == *service && it.member_id == *id);
            own.and_then(|it| it.observed_at)
        }
        Answer::Target(arn, port) => target(node, arn, *port).and_then(|it| it.observed_at),
        Answer::Probe(product) => {
            let own = node.probes.iter().find(|it| it.outcome.product == *product);
            own.map(|it| it.observed_at)
        }
        Answer::Ring(_) => model.inventory.rings.get(&node.id).and_then(Observed::observed_at),
        Answer::Metrics(_) => model.inventory.metrics.get(&node.id).and_then(Observed::observed_at),
        Answer::Dns(name) => model.inventory.dns.get(name).and_then(Observed::observed_at),
    }
}
