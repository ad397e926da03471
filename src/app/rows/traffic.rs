//! Rows of the Traffic screen: a row per target group in an action of a listener, in the order of
//! the diagram. Where a balancer or a listener has none, it stands for itself.

use super::Key;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::screen::RowId;
use crate::core::estate::{Balancer, ForwardView, ListenerView};
use crate::core::rings::shown_at;

pub(super) fn all(model: &Model) -> Vec<RowId> {
    let balancers = model.estate.iter().flat_map(|estate| &estate.traffic);
    let mut rows = Vec::new();
    for balancer in balancers {
        match &balancer.listeners {
            Ok(listeners) if !listeners.is_empty() => rows.extend(listeners.iter().flat_map(of)),
            _ => rows.push(RowId::Balancer(balancer.arn.clone())),
        }
    }
    rows
}

fn of(listener: &ListenerView) -> Vec<RowId> {
    let forwards = listener.actions.iter().flat_map(|action| {
        action.groups.iter().map(|group| RowId::Forward {
            listener: listener.arn.clone(),
            rule: action.rule.as_str().into(),
            target_group: group.target_group.clone(),
        })
    });
    let rows: Vec<_> = forwards.collect();
    if rows.is_empty() { vec![RowId::Listener(listener.arn.clone())] } else { rows }
}

/// A row's place in the diagram.
#[derive(Clone, Copy)]
pub(in crate::app) struct Wire<'a> {
    /// The load balancer.
    pub balancer: &'a Balancer,
    /// The listener, unless the row is the balancer's.
    pub listener: Option<&'a ListenerView>,
    /// The target group, unless the row is the listener's.
    pub forward: Option<&'a ForwardView>,
}

/// What a row of the diagram is about.
pub(in crate::app) fn find<'a>(model: &'a Model, row: &RowId) -> Option<Wire<'a>> {
    let balancers = &model.estate.as_ref()?.traffic;
    let arn = match row {
        RowId::Balancer(arn) => {
            let balancer = balancers.iter().find(|it| it.arn == *arn)?;
            return Some(Wire { balancer, listener: None, forward: None });
        }
        RowId::Listener(arn) | RowId::Forward { listener: arn, .. } => arn,
        _ => return None,
    };
    let (balancer, listener) = balancers.iter().find_map(|balancer| {
        let listeners = balancer.listeners.as_ref().ok()?;
        Some((balancer, listeners.iter().find(|it| it.arn == *arn)?))
    })?;
    let forward = match row {
        RowId::Forward { rule, target_group, .. } => {
            let action = listener.actions.iter().find(|it| *it.rule == **rule)?;
            Some(action.groups.iter().find(|it| it.target_group == *target_group)?)
        }
        _ => None,
    };
    Some(Wire { balancer, listener: Some(listener), forward })
}

pub(super) fn key(model: &Model, row: &RowId, column: &Column) -> Key {
    let Some(wire) = find(model, row) else { return Key::Unknown };
    match (column, wire.listener, wire.forward) {
        (Column::Balancer, _, _) => Key::text(&wire.balancer.name),
        (Column::Listener, Some(listener), _) => Key::count(listener.port),
        (Column::Group, _, Some(forward)) => Key::text(&forward.name),
        (Column::Weight, _, Some(forward)) => Key::count(forward.weight),
        (Column::Traffic, _, Some(forward)) => Key::Number(forward.share),
        (Column::Requests, Some(listener), Some(forward)) => {
            let rates = model.estate.iter().flat_map(|estate| {
                let fleets = forward.fleets.keys();
                fleets.filter_map(|stack| shown_at(estate, stack, listener.port))
            });
            let sum = rates.map(|it| it.per_second).reduce(|one, other| one + other);
            sum.map_or(Key::Unknown, Key::Number)
        }
        (Column::Targets, _, Some(forward)) => {
            let capacity = forward.capacity.as_ref();
            capacity.map_or(Key::Unknown, |it| Key::part(it.healthy, it.registered))
        }
        (Column::Stack, _, Some(forward)) => {
            Key::maybe(forward.fleets.keys().next().map(|stack| stack.as_str()))
        }
        _ => Key::Unknown,
    }
}
