//! Rows of the Fleets screen: a row per fleet by name, and one for the nodes of no fleet, if any.

use super::Key;
use crate::app::column::Column;
use crate::app::elsewhere;
use crate::app::model::Model;
use crate::app::screen::RowId;
use crate::core::estate::{Estate, Fleet, Role};
use crate::core::finding::Severity;
use crate::core::ids::Product;
use crate::core::rings::{Shown, shown};
use std::sync::Arc;

pub(super) fn all(model: &Model) -> Vec<RowId> {
    let mut rows: Vec<RowId> = model.estate.iter().flat_map(|estate| own(estate)).collect();
    if rows.is_empty() && !model.elsewhere.is_empty() {
        rows.push(RowId::Place(None));
    }
    for place in &model.elsewhere {
        let name = &place.context;
        rows.extend(place.has_a_word().then(|| RowId::Place(Some(Arc::clone(name)))));
        let fleets = place.fleets.keys().cloned();
        rows.extend(fleets.map(|stack| RowId::Far(Arc::clone(name), stack)));
    }
    rows
}

fn own(estate: &Estate) -> impl Iterator<Item = RowId> {
    let fleets = estate.fleets.keys().cloned().map(RowId::Fleet);
    let stray = estate.nodes.values().any(|node| node.stack_id.is_none());
    fleets.chain(stray.then_some(RowId::NoFleet))
}

pub(super) fn key(model: &Model, row: &RowId, column: &Column) -> Key {
    if *column == Column::Place {
        return match row {
            RowId::Far(context, _) | RowId::Place(Some(context)) => Key::text(context),
            _ => Key::maybe(model.place.context.as_ref().or(model.place.region.as_ref())),
        };
    }
    let (stack, fleet, current) = match row {
        RowId::Fleet(stack) => (stack, model.fleet(stack), model.groups_are_current()),
        RowId::Far(context, stack) => {
            let far = elsewhere::fleet(model, context, stack);
            (stack, far.map(|far| &far.fleet), far.is_some_and(|far| far.groups_are_current))
        }
        _ => return Key::Unknown,
    };
    let Some(fleet) = fleet else { return Key::Unknown };
    match column {
        Column::Stack => Key::text(stack.as_str()),
        Column::Role => role(fleet.role),
        Column::Traffic => fleet.traffic_share.map_or(Key::Unknown, Key::Number),
        Column::Nodes if current => {
            fleet.in_service().map_or(Key::Unknown, |(up, _)| Key::count(up))
        }
        Column::Members => fleet.members.map_or(Key::Unknown, Key::count),
        Column::Targets => worst(fleet.targets.iter().map(|target| target.port), fleet, targets),
        Column::Port(port) => targets(fleet, *port),
        Column::Probes => worst(fleet.probes.iter().map(|probe| &probe.service), fleet, probes),
        Column::Product(product) => probes(fleet, product),
        Column::Shows | Column::Requests if matches!(row, RowId::Fleet(_)) => {
            let shown = model.estate.as_ref().and_then(|estate| shown(estate, stack, None));
            let number = |it: Shown| match column {
                Column::Shows => it.share(),
                _ => Some(it.per_second),
            };
            shown.and_then(number).map_or(Key::Unknown, Key::Number)
        }
        Column::Ring => {
            let shared = fleet.rings.iter().filter(|it| it.not_shared.is_empty());
            let keys = shared.map(|it| Key::part(it.active, it.of));
            keys.min_by(|one, other| one.compare(other, false)).unwrap_or(Key::Unknown)
        }
        Column::Finding => Key::Number(severity(fleet.worst)),
        _ => Key::Unknown,
    }
}

/// By importance, the live fleet first.
fn role(role: Role) -> Key {
    match role {
        Role::Live => Key::Number(0.0),
        Role::Shifting => Key::Number(1.0),
        Role::Standby => Key::Number(2.0),
        Role::Idle => Key::Number(3.0),
        Role::Unknown => Key::Unknown,
    }
}

/// The lowest of several parts: of what is known, that which is worst.
fn worst<T>(of: impl Iterator<Item = T>, fleet: &Fleet, key: fn(&Fleet, T) -> Key) -> Key {
    let keys = of.map(|one| key(fleet, one));
    keys.min_by(|one, other| one.compare(other, false)).unwrap_or(Key::Unknown)
}

fn targets(fleet: &Fleet, port: u16) -> Key {
    let mut own = fleet.targets.iter().filter(|target| target.port == port);
    let sum = own.try_fold((0, 0), |sum, target| {
        let capacity = target.capacity.as_ref()?;
        Some((sum.0 + capacity.healthy, sum.1 + capacity.registered))
    });
    sum.map_or(Key::Unknown, |(healthy, registered)| Key::part(healthy, registered))
}

fn probes(fleet: &Fleet, product: &Product) -> Key {
    let own = fleet.probes.iter().find(|probe| probe.service == *product);
    own.map_or(Key::Unknown, |own| Key::part(own.pass, own.pass + own.fail))
}

/// How bad, as a number: none is 0.
pub(super) fn severity(worst: Option<Severity>) -> f64 {
    match worst {
        None => 0.0,
        Some(Severity::Info) => 1.0,
        Some(Severity::Warning) => 2.0,
        Some(Severity::Critical) => 3.0,
    }
}
